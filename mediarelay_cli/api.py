"""A client of Mediarelay's HTTP API for the commands."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from mediarelay_cli import version
from mediarelay_cli.errors import CliError

# Seconds to connect, and to wait for the next byte. API Gateway answers within 30.
TIMEOUT = (10, 35)
ATTEMPTS = 5
MAX_WAIT = 30.0
# The request changed nothing, or changes nothing more when it is repeated with the same key.
WORTH_REPEATING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})

Json = dict[str, Any]


class Refused(CliError):
    """An answer of the API with an error status.

    Attributes:
        status: The HTTP status.
        problem: The body (RFC 9457), empty if it is no JSON object.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        reason = str(problem.get("detail") or problem.get("title") or problem.get("message") or "no reason given")
        where = f"{problem['field']}: " if problem.get("field") else ""
        request = f" (request {problem['request_id']})" if problem.get("request_id") else ""
        super().__init__(f"{status} {where}{reason}{request}", ACTIONS.get(status, ""))
        self.status = status
        self.problem = problem


ACTIONS: Mapping[int, str] = {
    401: "Set a token: `mediarelay profile add NAME --token ...`, or MEDIARELAY_TOKEN.",
    403: "The token is not known or lacks a scope; see `mediarelay secrets list ApiClients`.",
    404: "Check the id. A new stack may also be an older version: see `mediarelay doctor`.",
    429: "The API limits this route; wait and repeat.",
    503: "A dependency of the stack does not answer; see `mediarelay status`.",
}


@dataclass
class Api:
    """Calls the API, and repeats a call that may succeed later: `ATTEMPTS` times, with growing waits and jitter.

    `wait` and `jitter` (0 to 1) exist so that tests do not wait.
    """

    url: str
    token: str
    wait: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **query: Any) -> Json:
        """Return the JSON of a resource. A parameter of None is left out. Raises `Refused`, `CliError`."""
        return self.call("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Json:
        """Send a request and return the JSON of its answer. Raises `Refused`, `CliError`."""
        return self.call("POST", path, json=body, headers=headers)

    def pages(self, path: str, of: str, **query: Any) -> Iterator[Json]:
        """Yield the items of all pages of a list. `of` names the field that holds them."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page[of]
            if not (cursor := page.get("cursor")):
                return

    def call(self, method: str, path: str, **options: Any) -> Json:
        """Make a call and return the JSON of its answer."""
        for attempt in range(ATTEMPTS):
            answer = self._send(method, path, options, last=attempt == ATTEMPTS - 1)
            if answer is not None and answer.ok:
                return _json(answer)
            if answer is not None and (answer.status_code not in WORTH_REPEATING or attempt == ATTEMPTS - 1):
                raise Refused(answer.status_code, _json(answer, strict=False))
            self.wait(self._pause(attempt, answer))
        raise AssertionError("the last attempt returns or raises")

    def _send(self, method: str, path: str, options: Mapping[str, Any], *, last: bool) -> requests.Response | None:
        headers = {"User-Agent": f"mediarelay-cli/{version()}", "Authorization": f"Bearer {self.token}"}
        given = {**options, "headers": headers | dict(options.get("headers") or {}), "timeout": TIMEOUT}
        try:
            return self.session.request(method, f"{self.url}{path}", **given)
        except requests.ConnectionError as error:
            if last:
                action = "Check the URL and the network. Is the stack deployed, or `make up` running?"
                raise CliError(f"{self.url} does not answer", action) from error
        except requests.RequestException as error:
            raise CliError(f"{self.url}{path}: {type(error).__name__}", "Check the profile's api_url.") from error
        return None

    def _pause(self, attempt: int, answer: requests.Response | None) -> float:
        stated = (answer.headers.get("Retry-After") or "") if answer is not None else ""
        wait = float(stated) if stated.isdecimal() else 0.5 * 2**attempt
        return min(wait, MAX_WAIT) * (1 + self.jitter() / 4)


def _json(answer: requests.Response, *, strict: bool = True) -> Json:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if strict:
        raise CliError(f"{answer.url}: the answer is no JSON object", "Is this the URL of a Mediarelay API?")
    return {}
