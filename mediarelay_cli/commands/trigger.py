"""`mediarelay trigger`: send sample callbacks and relays to a stack, signed as their senders sign them."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.sample_events import Message, Sample, changed, names, new_id, sample, signed
from mediarelay_cli.secret_input import read_secret
from mediarelay_cli.session import Session

if TYPE_CHECKING:
    import requests

# The kinds of entries that sign a sample: the token in the path, and the secret; an empty text if it needs none.
NEEDED: Mapping[str, tuple[str, str]] = {
    "token": ("callback-token", ""),
    "mps": ("callback-token", "notify-key"),
    "standard_webhooks": ("", "webhook-secret"),
    "zego": ("", "zego-secret"),
}
# A stack without notify keys accepts callbacks of MPS that are not signed.
OPTIONAL = frozenset({"notify-key"})
SHOWN_TOKEN = "TOKEN"  # noqa: S105 - what is shown instead of one


@app.command()
def trigger(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[SAMPLE]", help="Name of a sample; see --list.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List the samples.")] = False,
    vid: Annotated[str, typer.Option(help="Id of the task, or the room of a relay. By default, a random one.")] = "",
    override: Annotated[list[str] | None, typer.Option(help="Field of the body as `path.to.0.field=value`.")] = None,
    token_file: Annotated[str, typer.Option(metavar="FILE", help="Callback token, if you have no AWS access.")] = "",
    secret_file: Annotated[
        str, typer.Option(metavar="FILE", help="Notify key, webhook secret or ZEGO secret, if you have no AWS access.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the request without its secrets; send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a sample to the stack. Tokens and secrets come from the stack's own secrets.

    A callback about a task that the provider does not know is a claim: Mediarelay queries the provider about it, and
    records the task as lost after GiveUpAfter. With --vid of a real task, the provider's answer decides.

    Examples: `mediarelay trigger callback.video.succeeded`, `mediarelay trigger relay.accompaniment --vid room-7
    --override result.data.token_ttl=60000`
    """
    current = session(context, as_json=as_json)
    if list_ or not name:
        _print_samples(current)
        return
    chosen = changed(sample(name), vid or new_id(sample(name)), override or [])
    needs_token, needs_secret = NEEDED[chosen.signature]
    if dry_run:
        _print_request(current, signed(chosen, SHOWN_TOKEN, _unsigned(needs_secret), int(time.time())))
        return
    token, secret = _value(current, needs_token, token_file), _value(current, needs_secret, secret_file)
    _send(current, chosen, signed(chosen, token, secret, int(time.time())))


def _unsigned(needs_secret: str) -> str:
    return "whsec_AAAAAAAAAAAAAAAA" if needs_secret else ""


def _print_samples(current: Session) -> None:
    found = [{"name": one, "description": sample(one).description} for one in names()]
    if current.printer.as_json:
        current.printer.json(found)
    else:
        current.printer.table(("name", "description"), [list(one.values()) for one in found], flexible="description")


def _value(current: Session, kind: str, file: str) -> str:
    """Return a token or secret from a file, or the newest live one of the stack."""
    if not kind:
        return ""
    if file:
        return read_secret(file, kind)
    from mediarelay_cli.stack_secrets.kinds import KINDS  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.store import read  # noqa: PLC0415

    entries = KINDS[kind].entries(read(current, KINDS[kind].output).fields())
    if not entries and kind not in OPTIONAL:
        raise CliError(f"the stack has no live {kind}", f"Add one: `mediarelay secrets add {kind}`.")
    return entries[-1].value if entries else ""


def _print_request(current: Session, message: Message) -> None:
    current.printer.show(
        {"path": message.path, "headers": dict(message.headers), "body": json.loads(message.body)},
        "\n".join(
            [
                f"POST {message.path}",
                *(f"{name}: {value}" for name, value in message.headers.items()),
                "",
                json.dumps(json.loads(message.body), ensure_ascii=False, indent=2),
            ]
        ),
    )


def _send(current: Session, chosen: Sample, message: Message) -> None:
    import requests  # noqa: PLC0415 - `--list` does not need it

    from mediarelay_cli.probes import post  # noqa: PLC0415

    try:
        answer = post(f"{current.api_url}{message.path}", message.body, message.headers)
    except requests.RequestException as error:
        raise CliError(
            f"{current.api_url} does not answer ({type(error).__name__})", "Is the stack deployed?"
        ) from error
    found = {"sample": chosen.name, "status": answer.status_code, "answer": _json(answer)}
    current.printer.show(
        found, f"{chosen.name}: {answer.status_code} {json.dumps(found['answer'], ensure_ascii=False)}"
    )
    if not answer.ok:
        raise typer.Exit(Exit.PROBLEM)


def _json(answer: "requests.Response") -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text
