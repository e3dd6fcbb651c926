"""`mediarelay secrets`: list, add, prove, remove and rotate the entries of a stack's secrets."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.secret_input import read_secret
from mediarelay_cli.session import Session

if TYPE_CHECKING:
    from mediarelay_cli.probes import Proof
    from mediarelay_cli.stack_secrets.edit import Entry
    from mediarelay_cli.stack_secrets.kinds import Kind, New

secrets = typer.Typer(
    no_args_is_help=True,
    help="List, add, prove, remove and rotate tokens, keys and API clients. Values are never arguments.",
)
app.add_typer(secrets, name="secrets")

KindName = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="callback-token, notify-key, webhook-secret, zego-secret, api-client, provider-keys or webhook-endpoint.",
    ),
]
EntryId = Annotated[str, typer.Argument(metavar="[ID]", help="Id or name of the entry, as `list` shows it.")]
Name = Annotated[str, typer.Option(help="Name of the API client, of the provider or of the webhook endpoint.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="Scope of an API client; several times for several.")]
Url = Annotated[str, typer.Option(help="URL of a webhook endpoint.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Event type that a webhook endpoint receives.")]
SecretId = Annotated[str, typer.Option(help="SecretId of provider keys. It is no secret.")]
ValueFile = Annotated[
    str, typer.Option("--value-file", metavar="FILE", help="File with the value (`-`: stdin), instead of a random one.")
]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the value, instead of a random one.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
# Who may still use the old value when the new one is live.
SENDERS = {
    "callback-token": "the CDN's console and MPS's schedules; an open task of MPS keeps the address of its submit",
    "notify-key": "MPS's schedules; an open task of MPS keeps the key of its submit",
    "webhook-secret": "each game server that signs relays by Standard Webhooks",
    "zego-secret": "each game server that signs relays by ZEGO's fields",
    "api-client": "the client itself",
    "webhook-endpoint": "the receiver, which must know the new secret",
}
SHOWN = ("kind", "id", "name", "scopes", "added_at", "older_than")


@secrets.command("list")
def list_secrets(
    context: typer.Context,
    secret: Annotated[str, typer.Argument(metavar="[SECRET]", help="A secret, such as ApiClients, or a kind.")] = "",
    as_json: AsJson = False,
) -> None:
    """List live entries without their values, and what is wrong with the secrets.

    An id is the first 8 digits of the SHA-256 of a value. `older_than`: the entry was in the version before, too.

    Example: `mediarelay secrets list ApiClients`
    """
    from mediarelay_cli.stack_secrets.listing import listing  # noqa: PLC0415 - it imports boto3

    current = session(context, as_json=as_json)
    found = listing(current, secret)
    if current.printer.as_json:
        current.printer.json(found)
    else:
        _print(current, found)
    if any(one["severity"] == "error" for one in found["problems"]):
        raise typer.Exit(Exit.PROBLEM)


def _print(current: Session, found: dict[str, Any]) -> None:
    rows = [[_cell(entry.get(name)) for name in SHOWN] for entry in found["entries"]]
    current.printer.table(SHOWN, rows, optional=("older_than", "added_at"))
    for one in found["problems"]:
        style = "red" if one["severity"] == "error" else "yellow"
        current.printer.line(f"{one['severity']}: {one['secret']}: {one['detail']}. {one['action']}", style)


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


@secrets.command()
def add(
    context: typer.Context,
    kind: KindName,
    name: Name = "",
    scope: Scopes = None,
    url: Url = "",
    type_: Types = None,
    secret_id: SecretId = "",
    value_file: ValueFile = "",
    ask: Ask = False,
    as_json: AsJson = False,
) -> None:
    """Add an entry. A random value is printed once; of an API client, only the hash is stored.

    Keys of MPS also get the stack's callback address, unless one is stored, so that each submit requests callbacks.

    Examples: `mediarelay secrets add api-client --name web --scope read --scope submit`,
    `mediarelay secrets add provider-keys --name mps --secret-id AKIDexample`
    """
    from mediarelay_cli.addresses import requested_callbacks  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.kinds import PROVIDER_KEYS, kind_named  # noqa: PLC0415
    from mediarelay_cli.stack_secrets.store import read, write  # noqa: PLC0415

    current, known = session(context, as_json=as_json), kind_named(kind)
    about = _about(known, scope or [], url, type_ or [], secret_id)
    before = read(current, known.output)
    if known.name == PROVIDER_KEYS:
        about |= requested_callbacks(current, name, before.fields())
    new, made = _new(known, name, about, value_file, ask=ask)
    if any(one.value == known.entry(new).value for one in known.entries(before.fields())):
        raise CliError(f"this {kind} is there already", "See `mediarelay secrets list`.", Exit.USAGE)
    write(current, before, known.add(before.fields(), new))
    _show_new(current, known, new, made=made)


def _about(kind: "Kind", scopes: list[str], url: str, types: list[str], secret_id: str) -> dict[str, Any]:
    """Return what belongs to a new entry of a kind. Raises `CliError` if it lacks something."""
    needed: dict[str, tuple[str, dict[str, Any]]] = {
        "api-client": ("--scope", {"scopes": scopes}),
        "provider-keys": ("--secret-id", {"secret_id": secret_id}),
        "webhook-endpoint": ("--url", {"url": url, **({"types": types} if types else {})}),
    }
    option, about = needed.get(kind.name, ("", {}))
    if option and not next(iter(about.values())):
        raise CliError(f"{kind.name} needs {option}", f"See `mediarelay secrets add {kind.name} --help`.", Exit.USAGE)
    return about


def _new(kind: "Kind", name: str, about: dict[str, Any], value_file: str, *, ask: bool) -> "tuple[New, bool]":
    """Return a new entry, and whether its value is random."""
    from mediarelay_cli.stack_secrets.kinds import New  # noqa: PLC0415 - it imports providers

    if kind.named and not name:
        raise CliError(f"the {kind.named} has no name", "Give --name.", Exit.USAGE)
    if value_file or ask or kind.make is None:
        return New(value=read_secret(value_file, f"Value of the {kind.name}"), name=name, about=about), False
    return New(value=kind.make(), name=name, about=about), True


def _show_new(current: Session, kind: "Kind", new: "New", *, made: bool) -> None:
    entry = kind.entry(new)
    result = {"kind": kind.name, "id": entry.id, "name": new.name or None, "value": new.value if made else None}
    if current.printer.as_json:
        current.printer.json({key: value for key, value in result.items() if value is not None})
        return
    current.printer.note(f"added {kind.name} {entry.id} {new.name}".rstrip())
    if made:
        current.printer.note("its value, which is shown only now:")
        current.printer.line(new.value)


@secrets.command("verify")
def verify_entry(
    context: typer.Context,
    kind: KindName,
    entry: EntryId = "",
    value_file: ValueFile = "",
    as_json: AsJson = False,
) -> None:
    """Prove that an entry works on the deployed stack, by a request that stores as little as possible.

    For an API client, the token is asked for, because only its hash is stored.

    Example: `mediarelay secrets verify callback-token 1f3a9c2e`
    """
    from mediarelay_cli.stack_secrets.kinds import CLIENT, find, kind_named  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.live import prove  # noqa: PLC0415 - it imports requests
    from mediarelay_cli.stack_secrets.store import read  # noqa: PLC0415

    current, known = session(context, as_json=as_json), kind_named(kind)
    chosen = find(known, known.entries(read(current, known.output).fields()), entry)
    token = read_secret(value_file, "Token") if kind == CLIENT else ""
    _report(current, known, chosen, prove(current, known, chosen, token))


def _report(current: Session, kind: "Kind", entry: "Entry", proof: "Proof") -> None:
    state = {True: "live", False: "not live", None: "not known"}[proof.live]
    found = {"kind": kind.name, "id": entry.id, "live": proof.live, "detail": proof.detail, "action": proof.action}
    current.printer.show(found, f"{kind.name} {entry.id}: {state}: {proof.detail}. {proof.action}".rstrip())
    if proof.live is False:
        raise typer.Exit(Exit.PROBLEM)


@secrets.command()
def remove(
    context: typer.Context,
    kind: KindName,
    entry: EntryId = "",
    force: Annotated[bool, typer.Option("--force", help="Remove also the last live entry.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove an entry. Functions refuse it after SecretCacheSeconds.

    Example: `mediarelay secrets remove api-client 1f3a9c2e`
    """
    from mediarelay_cli.stack_secrets.kinds import find, kind_named  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.store import read  # noqa: PLC0415

    current, known = session(context, as_json=as_json), kind_named(kind)
    chosen = find(known, known.entries(read(current, known.output).fields()), entry)
    current.printer.confirm(f"Remove {kind} {chosen.id} {chosen.name}?".replace(" ?", "?"), yes=yes)
    _remove(current, known, chosen, force=force)
    current.printer.show({"kind": kind, "id": chosen.id, "removed": True}, f"removed {kind} {chosen.id}")


def _remove(current: Session, kind: "Kind", entry: "Entry", *, force: bool) -> None:
    from mediarelay_cli.stack_secrets.kinds import find, is_last  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.store import read, write  # noqa: PLC0415

    before = read(current, kind.output)
    entries = kind.entries(before.fields())
    find(kind, entries, entry.id)
    _keep_access(current, entry)
    if is_last(kind, entries, entry) and not force:
        action = "Add another one first (`mediarelay secrets rotate`), or repeat it with --force."
        raise CliError(f"{kind.name} {entry.id} is the last live one: without it, every caller is refused", action)
    write(current, before, kind.remove(before.fields(), entry))


def _keep_access(current: Session, entry: "Entry") -> None:
    """Refuse to remove the token of the profile in use: the command line would lock itself out. Raises `CliError`."""
    from mediarelay.signing.tokens import digest  # noqa: PLC0415 - only a removal needs it

    if entry.hashed and entry.value == digest(current.profile.token):
        action = "Set the new token first: `mediarelay profile add`, or MEDIARELAY_TOKEN. Then remove the old client."
        raise CliError(f"{entry.id} is the token of the profile {current.profile.name}, which is in use", action)


@secrets.command()
def rotate(
    context: typer.Context,
    kind: KindName,
    entry: EntryId = "",
    secret_id: SecretId = "",
    value_file: ValueFile = "",
    ask: Ask = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Leave the old entry live; remove it later.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Replace an entry without an interruption: add, wait for all functions, prove live, ask, remove the old one.

    Provider keys are proved before they are stored, because a stack holds one pair for each provider.

    Examples: `mediarelay secrets rotate callback-token`, `mediarelay secrets rotate provider-keys mps
    --secret-id AKIDnew`
    """
    from mediarelay_cli.stack_secrets.kinds import find, kind_named  # noqa: PLC0415 - it imports providers
    from mediarelay_cli.stack_secrets.rotation import rotate_account, rotate_entry  # noqa: PLC0415
    from mediarelay_cli.stack_secrets.store import read  # noqa: PLC0415

    current, known = session(context, as_json=as_json), kind_named(kind)
    old = find(known, known.entries(read(current, known.output).fields()), entry)
    about = {"secret_id": secret_id} if known.make is None else dict(old.details)
    if known.make is None and not secret_id:
        raise CliError("the new SecretId is unknown", "Give --secret-id.", Exit.USAGE)
    new, made = _new(known, old.name, about, value_file, ask=ask)
    if known.make is None:
        rotate_account(current, known, new)
        current.printer.show({"kind": kind, "id": known.entry(new).id}, f"{old.name} has its new keys, proved")
        return
    _show_new(current, known, new, made=made)
    rotate_entry(current, known, old, new)
    if not keep_old:
        _finish(current, known, old, yes=yes)


def _finish(current: Session, kind: "Kind", old: "Entry", *, yes: bool) -> None:
    current.printer.note(f"The old value may still be in use by {SENDERS[kind.name]}.")
    current.printer.confirm(f"Remove the old {kind.name} {old.id}?", yes=yes)
    _remove(current, kind, old, force=False)
    current.printer.note(f"removed {kind.name} {old.id}")
