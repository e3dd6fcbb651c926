"""Submit requests, one at a time or in batches, and follow them until their outcomes."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mediarelay.domain.tasks.media import OUTCOMES
from mediarelay_cli.api import Api, Json, Refused, listed, path
from mediarelay_cli.errors import CliError, Exit

# These refuse every request of this client, so that repeating them for further items is useless.
FATAL = frozenset({401, 403, 404, 405, 407})
ENDED = frozenset({"refused", "cancelled"})
OK_BELOW = 300
# Seconds between two checks of an open task, at first and at most.
FIRST_PAUSE, MAX_PAUSE = 1.0, 10.0
RESULT = ("status", "vid", "state", "submission", "repeated", "code", "detail", "field")


def submit_one(api: Api, kind: str, body: Json, key: str = "") -> Json:
    """Submit a request and return its result: `status`, `vid`, `state`, `submission`, or `detail` if it is refused.

    Raises `Refused` only if every other request would be refused, too, and `CliError` if the API does not answer.
    """
    headers = {"Idempotency-Key": header_text(key)} if key else None
    try:
        answer = api.call("POST", f"/tasks/{kind}", json=body, headers=headers)
    except Refused as error:
        return refusal(error)
    repeated = {"repeated": True} if answer.status == 200 else {}  # noqa: PLR2004
    return result(answer.body | repeated | {"status": answer.status})


def submit_batch(api: Api, bodies: Sequence[Json]) -> list[Json]:
    """Submit audio files in one call and return the result of each. Raises as `submit_one`."""
    try:
        answer = api.call("POST", "/tasks/audio/batch", json={"tasks": list(bodies)})
    except Refused as error:
        return [refusal(error)] * len(bodies)
    results = listed(answer.body, "results")
    found = {one["index"]: result(one) for one in results if isinstance(one.get("index"), int)}
    missing = {"status": 0, "detail": "the answer has no result for this item"}
    return [found.get(index, missing) for index in range(len(bodies))]


def header_text(key: str) -> str:
    """Return a key as the text of a header. Raises `CliError` if a header cannot carry it."""
    if not is_header_text(key):
        action = "A header carries printable ASCII without white space around it; use another key."
        raise CliError(f"no header can carry the key {key}", action, Exit.USAGE)
    return key


def is_header_text(key: str) -> bool:
    """Return whether a header can carry a key as it is."""
    return key.isascii() and key.isprintable() and key == key.strip()


def refusal(error: Refused) -> Json:
    """Return the result of a refused request. Raises it if it concerns all requests, or if the API is down."""
    # A redirect is none of Mediarelay's answers: the URL is that of another server.
    if error.status in FATAL or not 400 <= error.status < 500:  # noqa: PLR2004
        raise error
    return result({**error.problem, "status": error.status, "detail": error.message})


def result(answer: Json) -> Json:
    """Return the fields of an answer that belong to a result."""
    return {name: answer[name] for name in RESULT if answer.get(name) is not None}


def accepted(one: Json) -> bool:
    """Return whether a request was accepted."""
    status = one.get("status")
    return isinstance(status, int) and 0 < status < OK_BELOW


@dataclass
class Follower:
    """Watches accepted submissions until each has an outcome."""

    api: Api
    concurrency: int = 4
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = field(default=time.monotonic)

    def follow(self, results: Sequence[Json], timeout: float, progress: Callable[[int, int], None]) -> None:
        """Update each result's `vid`, `state` and `detail`, until all have ended or `timeout` seconds are over.

        `progress` gets the numbers of ended and of all results.
        """
        end, pause = self.clock() + timeout, FIRST_PAUSE
        while opened := [one for one in results if not ended(one)]:
            with ThreadPoolExecutor(self.concurrency) as pool:
                list(pool.map(self._check, opened))
            left = sum(not ended(one) for one in results)
            progress(len(results) - left, len(results))
            if not left or (timeout and self.clock() >= end):
                return
            self.wait(pause)
            pause = min(pause * 1.5, MAX_PAUSE)

    def _check(self, one: Json) -> None:
        if not one.get("vid"):
            found = self.api.get(path("/submissions/{}", str(one.get("submission"))))
            texts = {"vid": found.get("vid"), "detail": found.get("reason"), "state": found.get("state")}
            one.update({name: value for name, value in texts.items() if value})
        else:
            task = self.api.get(path("/tasks/{}", str(one["vid"])))
            faults = [str(fault.get("message") or fault.get("code")) for fault in task.get("faults") or []]
            one.update({"state": task.get("state")} | ({"detail": "; ".join(faults)} if faults else {}))


def ended(one: Json) -> bool:
    """Return whether a result will not change any more."""
    named = one.get("vid") or one.get("submission")
    return not accepted(one) or not named or one.get("state") in OUTCOMES | ENDED


def succeeded(one: Json, *, waited: bool) -> bool:
    """Return whether a submit went well: it was accepted, or after waiting, its task succeeded."""
    return one.get("state") == "succeeded" if waited else accepted(one)
