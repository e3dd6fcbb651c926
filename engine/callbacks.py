"""Deliver callbacks to the configured address, with bounded retries. Only this module applies the callback faults.

The provider documents no retry policy, answer or timeout. The engine accepts any 2xx within the timeout. Otherwise it
tries again after a wait with jitter, which doubles each time, until it has made the configured number of attempts.
"""

import json
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import urllib3

from engine.config import CallbackPolicy, Faults, Settings
from engine.store import Attempt, Callback, Store

logger = logging.getLogger(__name__)

Json = dict[str, Any]
SENDERS = 8
# Seconds. A receiver that hangs must not delay the end of the process: unfinished deliveries run again after a start.
MAX_WAIT = 2.0
# Seconds that an idle sender sleeps; `wake` ends the sleep.
_ENOUGH = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One documented callback, before any fault changes it.

    `type` is the `callback_type` or the `EventType`, `body` the JSON object. `claim` replaces the outcome in a body by
    the claimed one, `success` or `fail`.
    """

    vid: str
    type: str
    url: str
    body: Json
    claim: Callable[[Json, str], Json]


def deliveries(message: Message, faults: Faults, now: float) -> list[Callback]:
    """Return the deliveries that the faults make of a message: one, several, later ones, or one recorded as dropped.

    `now` is in UNIX seconds.
    """
    claimed = message.claim(message.body, faults.callback_lie) if faults.callback_lie else message.body
    body = _spoilt(json.dumps(claimed, ensure_ascii=False), faults)
    plain = Callback(vid=message.vid, type=message.type, url=message.url, body=body, created=now, due=now)
    if faults.drop_callbacks:
        # The store records it, so that a test can tell a dropped callback from one that the engine never made.
        return [replace(plain, due=None, state="dropped")]
    late = (faults.callback_delay + random.uniform(0, faults.callback_jitter) for _ in range(faults.callback_copies))  # noqa: S311
    return [replace(plain, due=_mirrored(now, faults.callback_reversed) + seconds) for seconds in late]


def _spoilt(body: str, faults: Faults) -> str:
    """Cut a body short, as a broken connection does."""
    return body[: len(body) // 2] if faults.callback_corrupt else body


def _mirrored(now: float, window: float) -> float:
    """Return when to send a callback of `now`, so that the callbacks of each `window` seconds arrive in reverse."""
    # A callback moves to the next window, at the mirror image of its place in this one.
    return now + 2 * (window - now % window) if window else now


def after(callback: Callback, policy: CallbackPolicy, attempt: Attempt) -> Callback:
    """Return a delivery after an attempt: delivered, given up, or due again after a wait that doubles each time."""
    tries = callback.tries + 1
    if attempt.http_status is not None and 200 <= attempt.http_status < 300:  # noqa: PLR2004
        return replace(callback, due=None, tries=tries, state="delivered")
    if tries >= policy.tries:
        return replace(callback, due=None, tries=tries, state="given_up")
    # Half of the wait either way is jitter, so that callbacks that failed together do not return together.
    wait = policy.backoff * 2**callback.tries * random.uniform(0.5, 1.5)  # noqa: S311
    return replace(callback, due=attempt.at + attempt.seconds + wait, tries=tries)


class Sender:
    """Threads that deliver the callbacks that are due in the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._pool = urllib3.PoolManager(num_pools=16, maxsize=SENDERS, retries=False)
        self._changed = threading.Condition()
        self._stopped = self._abandoned = False
        self._threads = [threading.Thread(target=self._loop, name=f"sender-{i}", daemon=True) for i in range(SENDERS)]

    def start(self) -> None:
        """Start the threads, which also continue the deliveries of an earlier process."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait at most `MAX_WAIT` for running deliveries, then end. The next start repeats unfinished ones."""
        self._stopped = True
        self.wake()
        deadline = time.monotonic() + MAX_WAIT
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        # Threads that still send must not write to the store, which is about to close.
        self._abandoned = True
        self._pool.clear()

    def wake(self) -> None:
        """Wake the idle senders, because a new callback is due."""
        with self._changed:
            self._changed.notify_all()

    def _loop(self) -> None:
        while not self._stopped:
            try:
                self._step()
            except sqlite3.Error:
                # A full disk may recover, so the thread survives; the pause keeps the log short meanwhile.
                if not self._abandoned:
                    logger.exception("the store does not answer")
                    time.sleep(1)

    def _step(self) -> None:
        """Deliver the callback that has been due longest, or wait until one is due."""
        # Both calls share the lock: a `wake` between them would be lost, and the sender would sleep on.
        with self._changed:
            found = self._store.take_callback(time.time())
            if not isinstance(found, Callback):
                self._changed.wait(_ENOUGH if found is None else found)
                return
        attempt = self._post(found)
        if not self._abandoned:
            self._store.record_attempt(after(found, self._settings.config.callbacks, attempt), attempt)
            # The task's next callback waited for this one.
            self.wake()

    def _post(self, callback: Callback) -> Attempt:
        at, clock = time.time(), time.monotonic()
        status, error = None, None
        try:
            status = self._request(callback)
        # urllib3 raises ValueError for some addresses that it cannot parse.
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as failed:
            error = f"{type(failed).__name__}: {failed}"[:300]
        return Attempt(at=at, seconds=time.monotonic() - clock, http_status=status, error=error)

    def _request(self, callback: Callback) -> int:
        timeout = urllib3.Timeout(total=self._settings.config.callbacks.timeout)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "mediarelay-engine"}
        body = callback.body.encode()
        return self._pool.request(
            "POST", callback.url, body=body, headers=headers, timeout=timeout, redirect=False
        ).status
