"""The checks of `mediarelay doctor`, in the order in which they run."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from mediarelay import check
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay_cli import probes, version
from mediarelay_cli.doctor.aws import drift, routes, subscriptions
from mediarelay_cli.doctor.model import Check, Need, Result, Stack, Status, ahead
from mediarelay_cli.probes import Proof
from mediarelay_cli.stack_secrets.listing import problems

# A signature of MPS's callbacks tolerates a minute; those of calls and relays five. Below the first, all of them work.
MAX_SKEW_SECONDS, NOTABLE_SKEW_SECONDS = 60, 10
TEST_TYPE, TEST_SECONDS, TEST_PAUSE = "mediarelay.test", 20.0, 1.0
NO_TASK_DIGEST = hashlib.sha256(probes.NO_TASK).hexdigest()
RUNBOOK = "See docs/runbook.md."


# ── the API ──


def api(stack: Stack) -> Iterator[Result]:
    """The API answers without a token."""
    answer = stack.health
    if answer.status_code == HTTPStatus.OK:
        yield Result(Status.OK, f"{stack.session.api_url} answers")
    else:
        action = "Check the profile's api_url, and the logs of ReadLedger."
        yield Result(Status.ERROR, f"GET /health answered {answer.status_code}", action)


def versions(stack: Stack) -> Iterator[Result]:
    """The stack and the command line have the same version."""
    found = stack.health.json().get("version")
    if found == version():
        yield Result(Status.OK, f"both are {found}")
    else:
        detail = f"the stack is {found or 'older than 1.0'}, this command {version()}"
        yield Result(Status.WARNING, detail, "Deploy the current version, or install the version of the stack.")


def token(stack: Stack) -> Iterator[Result]:
    """The profile's token is live."""
    proof = probes.api_client(stack.session.api_url, stack.session.profile.token)
    yield _proved(proof, "the profile's token is live")


def clock(stack: Stack) -> Iterator[Result]:
    """The clocks of this machine and of the API agree."""
    yield _skew(stack.api_clock, "the API's clock", "this machine's", Status.WARNING)


def _skew(seconds: float | None, whose: str, other: str, worst: Status) -> Result:
    if seconds is None:
        return Result(Status.SKIPPED, f"{whose} is unknown: no header Date", "Compare it by hand.")
    detail = f"{whose} differs from {other} by {abs(seconds):.0f} s; Sign of MPS tolerates 60 s, relays and calls 300 s"
    if abs(seconds) <= NOTABLE_SKEW_SECONDS:
        return Result(Status.OK, detail)
    status = worst if abs(seconds) > MAX_SKEW_SECONDS else Status.WARNING
    return Result(status, detail, "Synchronise the clock that is wrong (NTP).")


# ── settings and secrets ──


def settings(stack: Stack) -> Iterator[Result]:
    """Each function can read its settings."""
    found = {
        (function, one)
        for function, environment in stack.environments.items()
        for one in check.findings(environment, {})
    }
    for one in sorted({str(finding) for _, finding in found}):
        status = Status.ERROR if one.startswith(check.Severity.ERROR) else Status.WARNING
        where = sorted(function for function, finding in found if str(finding) == one)
        yield Result(status, f"{one.partition(': ')[2]} ({', '.join(where)})", "Deploy a valid value.")
    if not found:
        yield Result(Status.OK, f"nothing is wrong with the settings of {len(stack.environments)} functions")


def stored_secrets(stack: Stack) -> Iterator[Result]:
    """Each secret has an entry that can be used, and none that cannot."""
    known = {"TABLE_NAME": "known"} | {
        name: value for name, value in stack.settings.items() if name in {"PROVIDER", "TABLE_NAME"}
    }
    found = list(problems(stack.secrets, known))
    for one in found:
        yield Result(Status(one["severity"]), f"{one['secret']}: {one['detail']}", one["action"])
    if not found:
        yield Result(Status.OK, f"nothing is wrong with {len(stack.secrets)} secrets")


def providers(stack: Stack) -> Iterator[Result]:
    """Each provider answers a signed query of this machine, and its clock agrees with the API's."""
    accounts = provider_keys(stack.secrets["ProviderKeysSecret"].fields()).usable
    if not accounts:
        action = "Put keys: `mediarelay secrets add provider-keys`."
        yield Result(Status.WARNING, "no provider has keys, so none is called", action)
    for name, account in accounts:
        proof, date = probes.provider_keys(name, account, stack.settings)
        yield _proved(proof, f"{name}: {proof.detail}", prefix=f"{name}: ")
        yield from _provider_clock(stack, name, date)


def _provider_clock(stack: Stack, name: str, date: str) -> Iterator[Result]:
    """Compare the clock of a provider with that of the functions, which is the API's."""
    theirs, ours = ahead(date), stack.api_clock
    seconds = None if theirs is None or ours is None else theirs - ours
    yield _skew(seconds, f"the clock of {name}", "the API's", Status.ERROR)


def _proved(proof: Proof, detail: str, prefix: str = "") -> Result:
    if proof.live:
        return Result(Status.OK, detail)
    status = Status.ERROR if proof.live is False else Status.WARNING
    return Result(status, f"{prefix}{proof.detail}", proof.action)


# ── callbacks and relays ──


def wrong_token(stack: Stack) -> Iterator[Result]:
    """A callback with a wrong token is refused."""
    answer = probes.post(f"{stack.session.api_url}/callbacks/video/{secrets.token_hex(20)}", probes.NO_TASK)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        yield Result(Status.OK, "refused with 401; it leaves nothing")
    elif answer.status_code == HTTPStatus.FORBIDDEN:
        yield _foreign("CallbackSourceCidrs")
    else:
        detail = f"a wrong token was answered with {answer.status_code}, 401 was expected"
        yield Result(Status.ERROR, detail, "See SecretUnusableAlarm in docs/runbook.md.")


def right_token(stack: Stack) -> Iterator[Result]:
    """A callback with each live token is accepted as far as its body: it names no task."""
    tokens = stack.values("callback-token")
    if not tokens:
        yield Result(Status.ERROR, "there is no live token", "`mediarelay secrets add callback-token`")
    for live in tokens:
        proof = probes.callback_token(stack.session.api_url, live)
        if proof.action == probes.OTHER_NETWORK:
            yield _foreign("CallbackSourceCidrs")
            return
        yield _proved(proof, "authenticated; its body is in the quarantine, and today's status warns of it")


def relay(stack: Stack) -> Iterator[Result]:
    """A relay that each live webhook secret signed is authenticated, and refused because it is too large."""
    found = stack.values("webhook-secret")
    if not found:
        yield Result(Status.SKIPPED, "there is no webhook secret for relays", "If game servers relay songs, add one.")
    for secret in found:
        proof = probes.webhook_secret(stack.session.api_url, secret)
        if proof.action == probes.OTHER_NETWORK:
            yield _foreign("MusicSourceCidrs")
            return
        yield _proved(proof, "authenticated; it leaves nothing")


def _foreign(parameter: str) -> Result:
    action = f"Call from a network of {parameter} to run this check."
    return Result(Status.SKIPPED, f"{parameter} does not admit this machine (403)", action)


# ── notifications and operation ──


def notifications(stack: Stack) -> Iterator[Result]:
    """A test notification is published and appears in the log of events."""
    since: str = (datetime.now(UTC) + timedelta(seconds=(stack.api_clock or 0.0) - TEST_SECONDS)).isoformat()
    sent = stack.session.api.post("/events/test", {})["id"]
    end = time.monotonic() + TEST_SECONDS
    while time.monotonic() < end:
        page = stack.session.api.get("/events", after=since, type=TEST_TYPE)
        if any(sent == event["id"] for event in page["events"]):
            yield Result(Status.OK, f"{TEST_TYPE} {sent} was published; subscribers of the topic receive it, too")
            return
        since = page["cursor"]
        time.sleep(TEST_PAUSE)
    yield Result(Status.ERROR, f"{TEST_TYPE} {sent} did not appear within {TEST_SECONDS:.0f} s", RUNBOOK)


def schedules(stack: Stack) -> Iterator[Result]:
    """Each scheduled function has run recently."""
    found = stack.status.get("schedules", [])
    for one in (one for one in found if one["late"]):
        every = f"It runs every {one['every_seconds']} s."
        if one.get("last_run_at"):
            yield Result(Status.ERROR, f"{one['function']} last ran at {one['last_run_at']}", f"{every} {RUNBOOK}")
        else:
            # As in the status: each schedule of a new stack has its first run to come.
            yield Result(Status.WARNING, f"{one['function']} has not completed a run yet", f"{every} Check again then.")
    if not any(one["late"] for one in found):
        yield Result(Status.OK, f"{len(found)} schedules have run in time")


def operation(stack: Stack) -> Iterator[Result]:
    """The stack itself reports no problem, but for the body that this command leaves in the quarantine."""
    found = [one for one in stack.status["problems"] if not _is_own_body(stack, one)]
    for one in found:
        yield Result(Status(one["severity"]), f"{one['subject']}: {one['detail']}", f"See {one['runbook']}")
    if not found:
        yield Result(Status.OK, "the stack reports no problem")


def _is_own_body(stack: Stack, problem: dict[str, Any]) -> bool:
    """Return whether a problem is about nothing but the body of `probes.callback_token`."""
    if problem.get("code") != "quarantine":
        return False
    page = stack.session.api.get("/quarantine", day=problem["subject"])
    return [one["digest"] for one in page["bodies"]] == [NO_TASK_DIGEST]


CHECKS: tuple[Check, ...] = (
    Check("api", "The API answers", api),
    Check("version", "The stack and the command line have the same version", versions),
    Check("token", "The profile's token is live", token, (Need.TOKEN,)),
    Check("clock", "The clocks agree", clock),
    Check("settings", "Functions can read their settings", settings, (Need.AWS,)),
    Check("secrets", "Secrets have usable entries", stored_secrets, (Need.AWS,)),
    Check("routes", "API Gateway has all routes", routes, (Need.AWS,)),
    Check("providers", "Providers answer signed queries", providers, (Need.AWS,)),
    Check("callback_refused", "A callback with a wrong token is refused", wrong_token),
    Check("callback_accepted", "A callback with the right token is authenticated", right_token, (Need.AWS,)),
    Check("relay", "A signed relay is authenticated", relay, (Need.AWS,)),
    Check("notifications", "A test notification is published", notifications, (Need.TOKEN,)),
    Check("subscriptions", "Subscriptions of the topic are confirmed", subscriptions, (Need.AWS,)),
    Check("schedules", "Schedules have run recently", schedules, (Need.TOKEN,)),
    Check("operation", "The stack reports no problem", operation, (Need.TOKEN,)),
    Check("drift", "The stack is as its template describes it", drift, (Need.AWS, Need.REAL_AWS)),
)
