"""A check, its results, and the stack that the checks examine. A check that fails never stops the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Any

import requests

from mediarelay_cli import functions, probes
from mediarelay_cli.api import Refused
from mediarelay_cli.errors import CliError
from mediarelay_cli.session import Session
from mediarelay_cli.stack_secrets.kinds import KINDS
from mediarelay_cli.stack_secrets.listing import outputs
from mediarelay_cli.stack_secrets.store import Stored, read


class Status(StrEnum):
    """The result of a check. Only errors make `doctor` fail."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class Need(StrEnum):
    """What a check needs beside the URL of the API."""

    TOKEN = "token"  # noqa: S105 - no token
    AWS = "aws"
    REAL_AWS = "real_aws"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found, and what to do about it."""

    status: Status
    detail: str
    action: str = ""


@dataclass
class Stack:
    """The stack that is examined. Each part is read once, at its first use; reading it raises `CliError`."""

    session: Session

    @cached_property
    def environments(self) -> dict[str, dict[str, str]]:
        """The environment variables of each function."""
        return functions.environments(self.session)

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables of all functions together."""
        return functions.merged(self.environments)

    @cached_property
    def secrets(self) -> dict[str, Stored]:
        """The secrets, by the outputs that name them."""
        return {output: read(self.session, output) for output in outputs("", self.session.outputs)}

    def values(self, kind: str) -> list[str]:
        """Return the live values of a kind of entries."""
        stored = self.secrets.get(KINDS[kind].output)
        return [one.value for one in KINDS[kind].entries(stored.fields())] if stored else []

    @property
    def health(self) -> requests.Response:
        """The answer of `GET /health`, which needs no token."""
        return self._answered[0]

    @property
    def api_clock(self) -> float | None:
        """Seconds by which the API's clock is ahead of this machine's; None if it does not state the time."""
        return self._answered[1]

    @cached_property
    def _answered(self) -> tuple[requests.Response, float | None]:
        answer = requests.get(f"{self.session.api_url}/health", timeout=probes.TIMEOUT)
        # Compared at once: a later comparison would add the time in between.
        return answer, ahead(answer.headers.get("Date", ""))

    @cached_property
    def status(self) -> dict[str, Any]:
        """The answer of `GET /status`."""
        return self.session.api.get("/status")

    def lacks(self, need: Need) -> tuple[str, str] | None:
        """Return why a check cannot run here and what to do, or None."""
        profile = self.session.profile
        add = f"Add it: `mediarelay profile add {profile.name}`."
        missing = {
            Need.TOKEN: None if profile.token else (f"the profile {profile.name} has no token", add),
            Need.AWS: None if profile.stack else (f"the profile {profile.name} names no stack, only a URL", add),
            Need.REAL_AWS: ("an emulator stands in for AWS", "Run it on AWS.") if profile.endpoint_url else None,
        }
        return missing[need]


def ahead(date: str) -> float | None:
    """Return the seconds by which a header `Date` is ahead of this machine's clock; None without a readable one."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what it proves, what it needs, and the function that does it."""

    name: str
    title: str
    run: Callable[[Stack], Iterable[Result]]
    needs: Sequence[Need] = ()

    def results(self, stack: Stack) -> Iterator[Result]:
        """Yield what the check finds. An error inside the check is a result, too."""
        if lacked := next(filter(None, map(stack.lacks, self.needs)), None):
            yield Result(Status.SKIPPED, *lacked)
            return
        try:
            yield from self.run(stack)
        except Refused as error:
            yield _refused(error)
        except CliError as error:
            yield Result(Status.ERROR, error.message, error.action)
        except requests.RequestException as error:
            yield Result(Status.ERROR, f"no answer ({type(error).__name__})", "Check the URL and the network.")
        except Exception as error:  # noqa: BLE001 - one check must not stop the others
            yield Result(Status.ERROR, f"the check itself failed: {type(error).__name__}: {error}", "Report it.")


def _refused(error: Refused) -> Result:
    """Return the result of a call that the API refused. A route that is missing is no fault of the stack."""
    if error.problem.get("code") == "missing_scope":
        scope = error.problem.get("scope", "admin")
        return Result(Status.SKIPPED, f"the token lacks the scope {scope}", "Use the token of an operator.")
    if error.status == HTTPStatus.NOT_FOUND:
        return Result(Status.SKIPPED, "the stack has no such route", "Deploy the current version.")
    return Result(Status.ERROR, error.message, error.action)
