"""`mediarelay verify`: check a signature that another program made, and name the rule that it broke."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from mediarelay.signing.mps_callback import CLOCK_TOLERANCE, LIFETIME
from mediarelay_cli import signing_options as options
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.commands.sign import webhook_signature
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.http_message import message, read_bytes
from mediarelay_cli.output import duration
from mediarelay_cli.secret_input import read_secret
from mediarelay_cli.signatures import qcloud as v2
from mediarelay_cli.signatures import tc3 as v3
from mediarelay_cli.signatures import tokens, webhooks
from mediarelay_cli.signatures.joined import (
    MPS_MISTAKES,
    SERVER_API_MISTAKES,
    ZEGO_MISTAKES,
    JoinedRecipe,
    mps_callback,
    zego_callback,
    zego_server_api,
)
from mediarelay_cli.signatures.recipe import Cause, Mistake, Recipe, explain, first_difference
from mediarelay_cli.signatures.requests import authorization, json_fields, stated, tc3_form, tc3_recipe

verify = typer.Typer(
    no_args_is_help=True,
    help="Check a signature that another program made; say which rule it broke and what to change.",
)
app.add_typer(verify, name="verify")

# Seconds by which a timestamp may differ from the receiver's clock.
WINDOW, API_WINDOW = 300, 600
MILLISECOND_DIGITS = 13
UNEXPLAINED = Cause(
    "unexplained",
    "No known mistake, and no two of them together, reproduce this signature.",
    "Check that both sides use the same secret, then compare the texts to sign: --their-text FILE.",
    accepted=False,
)


@dataclass(frozen=True, slots=True)
class Times:
    """When a request was signed and received, and how far apart both may be, in seconds."""

    timestamp: str
    at: int | None
    earliest: int = -WINDOW
    latest: int = WINDOW

    def causes(self) -> tuple[Cause, ...]:
        """Return what is wrong with the timestamp."""
        if not (self.timestamp.isascii() and self.timestamp.isdigit()):
            return (Cause("timestamp_form", "The timestamp is no number.", "Send UNIX seconds.", accepted=False),)
        sent = int(self.timestamp) // (1000 if len(self.timestamp) == MILLISECOND_DIGITS else 1)
        ahead = sent - (self.at if self.at is not None else int(time.time()))
        if self.earliest <= ahead <= self.latest:
            return ()
        side = f"{duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'}"
        what = f"The timestamp is {side} the time of receipt; {self.earliest} to {self.latest} seconds are accepted."
        advice = "Sign each request when you send it, and keep the clock in step (NTP)."
        return (Cause("timestamp_outside_window", what, advice, accepted=False),)


def judge(
    context: typer.Context,
    right: Recipe,
    given: str,
    mistakes: Sequence[Mistake[Any]],
    further: tuple[Cause, ...] = (),
    *,
    their_text: str = "",
    as_json: bool = False,
) -> None:
    """Print the verdict about a signature; exit with `Exit.PROBLEM` unless a receiver accepts it."""
    found = explain(right, given, mistakes)
    causes = (*((UNEXPLAINED,) if found is None else found), *further)
    is_valid = all(cause.accepted for cause in causes)
    text = right.shown if isinstance(right, JoinedRecipe) else right.text.decode("utf-8", "replace")
    difference = first_difference(text, read_bytes(their_text).decode("utf-8", "replace")) if their_text else ""
    result = {
        "valid": is_valid,
        "rules": [
            {"rule": one.rule, "finding": one.finding, "advice": one.advice, "accepted": one.accepted} for one in causes
        ],
        "string_to_sign": text,
        "expected": right.signature,
        "given": given,
        **({"difference": difference} if difference else {}),
    }
    _print(context, as_json, result)
    if not is_valid:
        raise typer.Exit(Exit.PROBLEM)


def _print(context: typer.Context, as_json: bool, result: dict[str, Any]) -> None:
    printer = session(context, as_json=as_json).printer
    if printer.as_json:
        printer.json(result)
        return
    printer.line("valid" if result["valid"] else "not valid", "green" if result["valid"] else "red")
    for rule in result["rules"]:
        printer.line(f"{rule['rule']}: {rule['finding']} {rule['advice']}")
    if not result["valid"]:
        for name in ("string_to_sign", "expected", "given", "difference"):
            if name in result:
                printer.line(f"{name.replace('_', ' ')}:", "bold")
                printer.line(result[name])


@verify.command()
def qcloud(
    context: typer.Context,
    request: options.Request = "",
    url: options.Url = "",
    method: options.Method = "",
    body: options.Body = "",
    signature: options.Signature = "",
    at: options.At = None,
    their_text: options.TheirText = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check a call of API v2 (CTS).

    Example: `mediarelay verify qcloud --url 'https://cdn.api.qcloud.com/v2/index.php?Action=...&Signature=...'
    --secret-file key.txt`
    """
    sent = message(request, url, method, (), body)
    pairs = dict(sent.pairs)
    given = stated(signature, {"signature": pairs.get(v2.SIGNATURE)}, v2.SIGNATURE, "--signature")
    right = v2.recipe(read_secret(secret_file, "Secret key"), sent.method, sent.host, sent.path or "/", sent.pairs)
    times = Times(pairs.get("Timestamp", ""), at)
    judge(context, right, given, v2.MISTAKES, times.causes(), their_text=their_text, as_json=as_json)


@verify.command()
def tc3(
    context: typer.Context,
    request: options.Request = "",
    url: options.Url = "",
    method: options.Method = "",
    header: options.Header = None,
    body: options.Body = "",
    service: options.Service = "mps",
    at: options.At = None,
    their_text: options.TheirText = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check a call of API 3.0 (MPS), with its headers Authorization and X-TC-Timestamp.

    Example: `mediarelay verify tc3 --request call.http --secret-file key.txt`
    """
    sent = message(request, url, method, header or (), body)
    proof = authorization(stated("", sent.headers, "Authorization", "--header 'Authorization: ...'"))
    timestamp = stated("", sent.headers, "X-TC-Timestamp", "--header 'X-TC-Timestamp: ...'")
    right = tc3_recipe(read_secret(secret_file, "Secret key"), service, sent, proof.names, timestamp)
    further = (*tc3_form(proof, right), *Times(timestamp, at).causes())
    judge(context, right, proof.signature, v3.MISTAKES, further, their_text=their_text, as_json=as_json)


@verify.command()
def webhook(
    context: typer.Context,
    request: options.Request = "",
    body: options.Body = "",
    message_id: options.MessageId = "",
    timestamp: options.SentTimestamp = "",
    signature: options.Signature = "",
    at: options.At = None,
    their_text: options.TheirText = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check a message of Standard Webhooks: a relay of songs, or a notification.

    Example: `mediarelay verify webhook --request relay.http --secret-file whsec.txt`
    """
    sent = message(request, "https://unused.example", "POST", (), body)
    identity = stated(message_id, sent.headers, "webhook-id", "--id")
    time_sent = stated(timestamp, sent.headers, "webhook-timestamp", "--timestamp")
    entries = stated(signature, sent.headers, "webhook-signature", "--signature").split()
    right = webhooks.recipe(read_secret(secret_file, "Webhook secret"), identity, time_sent, sent.body)
    expected = webhook_signature(right)
    given = expected if expected in entries else entries[0]
    times = Times(time_sent, at)
    judge(context, right, given, webhooks.MISTAKES, times.causes(), their_text=their_text, as_json=as_json)


@verify.command()
def zego(
    context: typer.Context,
    body: options.Body = "",
    timestamp: options.SentTimestamp = "",
    nonce: options.Nonce = "",
    signature: options.Signature = "",
    at: options.At = None,
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check the signature of a callback of ZEGO, or of a relay that is signed by its rules.

    Example: `mediarelay verify zego --body relay.json --secret-file callback-secret.txt`
    """
    fields = json_fields(read_bytes(body)) if body else {}
    sent = stated(timestamp, fields, "timestamp", "--timestamp")
    right = zego_callback(read_secret(secret_file, "Callback secret"), sent, stated(nonce, fields, "nonce", "--nonce"))
    given = stated(signature, fields, "signature", "--signature")
    judge(context, right, given, ZEGO_MISTAKES, Times(sent, at).causes(), as_json=as_json)


@verify.command("zego-api")
def zego_api(
    context: typer.Context,
    url: options.Url = "",
    app_id: Annotated[str, typer.Option(help="AppId, unless the URL has it.")] = "",
    nonce: options.Nonce = "",
    timestamp: options.SentTimestamp = "",
    signature: options.Signature = "",
    at: options.At = None,
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check a call to ZEGO's server API.

    Example: `mediarelay verify zego-api --url 'https://rtc-api.zego.im/?AppId=1&Signature=...' --secret-file s.txt`
    """
    pairs = message("", url, "GET", (), "").pairs if url else ()
    fields = {name.lower(): value for name, value in pairs}
    sent = stated(timestamp, fields, "Timestamp", "--timestamp")
    once, app = stated(nonce, fields, "SignatureNonce", "--nonce"), stated(app_id, fields, "AppId", "--app-id")
    right = zego_server_api(read_secret(secret_file, "Server secret"), app, once, sent)
    times = Times(sent, at, -API_WINDOW, API_WINDOW)
    given = stated(signature, fields, "Signature", "--signature")
    judge(context, right, given, SERVER_API_MISTAKES, times.causes(), as_json=as_json)


@verify.command()
def mps(
    context: typer.Context,
    body: options.Body = "",
    timestamp: options.SentTimestamp = "",
    signature: Annotated[str, typer.Option(help="`Sign`, unless the body contains it.")] = "",
    at: options.At = None,
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check `Sign` of a callback of MPS.

    Example: `mediarelay verify mps --body callback.json --secret-file notify-key.txt`
    """
    fields = json_fields(read_bytes(body)) if body else {}
    expires = stated(timestamp, fields, "Timestamp", "--timestamp")
    right = mps_callback(read_secret(secret_file, "Notify key"), expires)
    tolerance = int(CLOCK_TOLERANCE.total_seconds())
    times = Times(expires, at, -tolerance, int(LIFETIME.total_seconds()) + tolerance)
    given = stated(signature, fields, "Sign", "--signature")
    judge(context, right, given, MPS_MISTAKES, times.causes(), as_json=as_json)


@verify.command()
def token(
    context: typer.Context,
    sha256: Annotated[str, typer.Option(help="The stored hash.")],
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Check that a stored hash belongs to a bearer token.

    Example: `mediarelay verify token --sha256 3f0c... --secret-file token.txt`
    """
    if not sha256:
        raise CliError("the hash is empty", "Give --sha256.", Exit.USAGE)
    judge(
        context, tokens.TokenRecipe(secret=read_secret(secret_file, "Token")), sha256, tokens.MISTAKES, as_json=as_json
    )
