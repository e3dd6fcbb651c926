"""A client of Mediarelay's HTTP API for the commands."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mediarelay_cli import version
from mediarelay_cli.errors import CliError, Exit

if TYPE_CHECKING:
    import requests

# Seconds to connect, and to wait for the next byte. API Gateway answers within 30.
TIMEOUT = (10, 35)
ATTEMPTS = 5
MAX_WAIT = 30.0
# The route limited the call before it did anything.
NOTHING_DONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
WORTH_REPEATING = NOTHING_DONE | {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer of the API."""

    status: int
    body: Json


class Refused(CliError):
    """An answer of the API with an error status.

    Attributes:
        status: The HTTP status.
        problem: The body (RFC 9457), empty if it is no JSON object.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], url: str = "") -> None:
        super().__init__(_message(status, problem), _action(status, problem, url))
        self.status = status
        self.problem = problem


def _message(status: int, problem: Mapping[str, Any]) -> str:
    """Return what a problem states. The body of API Gateway itself has only a `message`."""
    reason = str(problem.get("detail") or problem.get("title") or problem.get("message") or "no reason given")
    field_name = problem.get("field")
    # The detail of a refused field usually begins with its name.
    where = f"{field_name}: " if field_name and not reason.startswith(f"{field_name}:") else ""
    request = f" (request {problem['request_id']})" if problem.get("request_id") else ""
    return f"{status} {where}{reason}{request}"


def _action(status: int, problem: Mapping[str, Any], url: str) -> str:
    if scope := problem.get("scope"):
        return f"The token lacks the scope {scope}; see `mediarelay secrets list ApiClients`."
    if status == HTTPStatus.NOT_FOUND and "code" not in problem:
        return f"Check that {url} is the URL of a Mediarelay API, and that the stack is as new as this command."
    return ACTIONS.get(status, "")


ACTIONS: Mapping[int, str] = {
    401: "Set a token: `mediarelay profile add NAME --token ...`, or MEDIARELAY_TOKEN.",
    403: "The stack does not know this token. A token that was just added works after some seconds.",
    404: "Check the name or the id.",
    429: "The API limits this route; wait and repeat.",
    500: "See the function's log; the request's id is in each line.",
    502: "The provider gave no usable answer; see `mediarelay status`.",
    503: "A dependency of the stack does not answer; see `mediarelay status`.",
}


def path(template: str, *names: str) -> str:
    """Return a path with names in place of its `{}`, escaped: `path("/tasks/{}", vid)`.

    Raises `CliError` for a name that would lead to another route: clients resolve `..` before they send it.
    """
    for name in names:
        if name in {"", ".", ".."}:
            raise CliError(f"'{name}' is no name or id", code=Exit.USAGE)
    return template.format(*(quote(name, safe=":") for name in names))


@dataclass
class Api:
    """Calls the API, and repeats a call that may succeed later: `ATTEMPTS` times, with growing waits and jitter.

    Threads may share a client. `wait` and `jitter` (0 to 1) exist so that tests do not wait.
    """

    url: str
    token: str
    wait: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    _local: threading.local = field(default_factory=threading.local)
    _sessions: "list[requests.Session]" = field(default_factory=list)

    def get(self, path: str, **query: Any) -> Json:
        """Return the JSON of a resource. A parameter of None is left out. Raises `Refused`, `CliError`."""
        return self.call("GET", path, params=query).body

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        once: bool = False,
    ) -> Json:
        """Send a request and return the JSON of its answer. Raises `Refused`, `CliError`.

        `once`: a second call would have a second effect, so the call is repeated only if the first one had none.
        """
        return self.call("POST", path, once=once, json=body, headers=headers).body

    def pages(self, path: str, of: str, **query: Any) -> Iterator[Json]:
        """Yield the items of all pages of a list. `of` names the field that holds them."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from listed(page, of)
            before, cursor = cursor, page.get("cursor")
            if not cursor or cursor == before:
                return

    def call(self, method: str, path: str, *, once: bool = False, **options: Any) -> Answer:
        """Make a call and return its answer. Raises `Refused`, `CliError`."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            answer = self._send(method, path, options, final=last, once=once)
            if answer is not None and answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return Answer(answer.status_code, _json(answer))
            if answer is not None and (last or answer.status_code not in (NOTHING_DONE if once else WORTH_REPEATING)):
                raise Refused(answer.status_code, _problem(answer), self.url)
            self.wait(self._pause(attempt, answer))
        raise AssertionError("the last attempt returns or raises")

    def _send(
        self, method: str, path: str, options: Mapping[str, Any], *, final: bool, once: bool
    ) -> "requests.Response | None":
        """Send a request. Return None if there was no answer and the request may be repeated."""
        import requests  # noqa: PLC0415 - `--help` does not need it
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        headers = {"User-Agent": f"mediarelay-cli/{version()}"} | dict(options.get("headers") or {})
        given = {**options, "headers": headers, "auth": self._authorize, "timeout": TIMEOUT, "allow_redirects": False}
        try:
            return self._session().request(method, f"{self.url}{path}", **given)
        except _unfinished() as error:
            if final or (once and not _never_sent(error)):
                raise _unanswered(self.url, error, once=once) from error
        except (requests.RequestException, HTTPError, ValueError, OSError) as error:
            # The text of the error may hold the token, when that is what cannot be sent.
            reason = f"the request cannot be sent ({type(error).__name__})"
            raise CliError(f"{self.url}{path}: {reason}", "Check the api_url and the token of the profile.") from None
        return None

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in self._sessions:
            session.close()

    def _authorize(self, request: Any) -> Any:
        # As `auth`, because requests replaces a plain Authorization header by what ~/.netrc says about the host.
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def _session(self) -> "requests.Session":
        import requests  # noqa: PLC0415

        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._sessions.append(self._local.session)
        session: requests.Session = self._local.session
        return session

    def _pause(self, attempt: int, answer: "requests.Response | None") -> float:
        stated = (answer.headers.get("Retry-After") or "") if answer is not None else ""
        wait = float(stated) if stated.isascii() and stated.isdecimal() else 0.5 * 2**attempt
        return min(wait, MAX_WAIT) * (1 + self.jitter() / 4)


def listed(page: Json, of: str) -> list[Json]:
    """Return the items of a page. Raises `CliError` if it has none of that name."""
    items = page.get(of)
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise CliError(f"the answer has no list of {of}", "Is the stack as new as this command?")
    return items


def _unfinished() -> tuple[type[Exception], ...]:
    """Return the errors after which the API may or may not have carried out a request."""
    from requests import exceptions  # noqa: PLC0415

    broken = (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)
    return (exceptions.ConnectionError, exceptions.Timeout, *broken)


def _never_sent(error: Exception) -> bool:
    import requests  # noqa: PLC0415
    from urllib3.exceptions import MaxRetryError, NewConnectionError  # noqa: PLC0415

    cause = error.args[0] if error.args else None
    refused = isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return refused or isinstance(error, requests.ConnectTimeout)


def _unanswered(url: str, error: Exception, *, once: bool) -> CliError:
    import requests  # noqa: PLC0415

    if isinstance(error, requests.exceptions.SSLError):
        return CliError(f"{url}: no trusted TLS connection", "Check the URL, the clock and the system's certificates.")
    if once and not _never_sent(error):
        action = "The request may have been carried out. Look before you repeat it."
        return CliError(f"{url} gave no whole answer", action)
    return CliError(
        f"{url} does not answer", "Check the URL and the network. Is the stack deployed, or `make up` running?"
    )


def _problem(answer: "requests.Response") -> Json:
    if answer.is_redirect:
        return {"title": f"the URL redirects to {answer.headers['Location']}"}
    return _object(answer) or {"title": answer.reason}


def _json(answer: "requests.Response") -> Json:
    found = _object(answer)
    if found is None:
        raise CliError(f"{answer.url}: the answer is no JSON object", "Is this the URL of a Mediarelay API?")
    return found


def _object(answer: "requests.Response") -> Json | None:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
