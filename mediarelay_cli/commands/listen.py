"""`mediarelay listen`: forward notifications to a URL on your machine, as the stack would deliver them."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from mediarelay.signing import standard_webhooks
from mediarelay_cli import version
from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.commands.events import Types
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.feed import Feed, summary
from mediarelay_cli.times import TIME_HELP, moment

SECRET_BYTES = 24
# Seconds that the receiver has for each attempt, and waits before the second and the third one.
TIMEOUT = 15
WAITS = (1.0, 3.0)
TEMPORARY = (408, 425, 429)
SERVER_ERROR = 500


@app.command()
def listen(
    context: typer.Context,
    forward_to: Annotated[str, typer.Option(help="URL that gets each notification by POST.")],
    types: Types = None,
    since: Annotated[str, typer.Option(help=f"Begin with those since then. {TIME_HELP}")] = "0s",
    secret: Annotated[str, typer.Option(help="Secret to sign with; by default a new one, which is printed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Forward notifications to a local URL, signed by Standard Webhooks, and show how the receiver answers.

    Each notification is sent up to three times, until the receiver answers with a status below 300.

    For example:

    - `mediarelay listen --forward-to http://127.0.0.1:3000/hook`
    - `mediarelay listen --forward-to http://127.0.0.1:3000/hook --type "mediarelay.task.*" --since 1h`
    """
    now = session(context, as_json=as_json)
    forwarder = Forwarder(_checked(forward_to), _secret(secret))
    feed = Feed(now.api, moment(since, "--since") or "", types or ())
    now.printer.note(f"forwarding to {forward_to}; the signing secret is {forwarder.secret}", "bold")
    for event in feed.follow(now.printer.note):
        result = forwarder.deliver(event)
        if now.printer.as_json:
            now.printer.json_line({"id": event.get("id"), "type": event.get("type"), **result})
        else:
            now.printer.line(f"{summary(event)}  -> {outcome(result)}", "" if result["delivered"] else "red")


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise CliError(f"{url} is no URL", "For example: --forward-to http://127.0.0.1:3000/hook", Exit.USAGE)
    return url


def _secret(stated: str) -> str:
    if not stated:
        return standard_webhooks.PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    try:
        standard_webhooks.webhook_key(stated)
    except ValueError as error:
        raise CliError("the secret is not base64", "Use one that begins with whsec_, or none.", Exit.USAGE) from error
    return stated


@dataclass(frozen=True)
class Forwarder:
    """A URL that receives notifications, and the secret that signs them."""

    url: str
    secret: str

    def deliver(self, event: Json) -> Json:
        """Send a notification, and again if that may help. Return the status or the error of the last attempt."""
        body = json.dumps(event, separators=(",", ":")).encode()
        for number, wait in enumerate((*WAITS, None), start=1):
            result = self._post(str(event.get("id")), body) | {"attempts": number}
            if result["delivered"] or wait is None or not _temporary(result.get("status")):
                return result
            time.sleep(wait)
        raise AssertionError("the last attempt returns")

    def _post(self, message_id: str, body: bytes) -> Json:
        import requests  # noqa: PLC0415 - `--help` does not need it

        # Each attempt has a time of its own, because receivers refuse old ones.
        headers = standard_webhooks.headers(self.secret, message_id, int(time.time()), body)
        headers |= {"Content-Type": "application/cloudevents+json", "User-Agent": f"mediarelay/{version()}"}
        begun = time.monotonic()
        try:
            answer = requests.post(self.url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except (requests.RequestException, ValueError, OSError) as error:
            return {"delivered": False, "error": _reason(error)}
        took = round((time.monotonic() - begun) * 1000)
        return {"delivered": answer.status_code < 300, "status": answer.status_code, "ms": took}  # noqa: PLR2004


def _reason(error: Exception) -> str:
    import requests  # noqa: PLC0415

    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT} s"
    return "connection refused" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _temporary(status: int | None) -> bool:
    return status is None or status >= SERVER_ERROR or status in TEMPORARY


def outcome(result: Json) -> str:
    """Return how a delivery ended, such as `200 in 12 ms` or `connection refused, 3 attempts`."""
    attempts = f", {result['attempts']} attempts" if result["attempts"] > 1 else ""
    return (f"{result['status']} in {result['ms']} ms" if "status" in result else str(result["error"])) + attempts
