"""The steps of a rotation before the old value is removed."""

from mediarelay.usecases.provider_keys import provider_keys
from mediarelay_cli import functions, probes
from mediarelay_cli.errors import CliError
from mediarelay_cli.session import Session
from mediarelay_cli.stack_secrets.edit import Entry
from mediarelay_cli.stack_secrets.kinds import Kind, New, put_account
from mediarelay_cli.stack_secrets.live import follow, prove, wait_for_functions
from mediarelay_cli.stack_secrets.store import read, write

PROVIDER_KEYS_OUTPUT = "ProviderKeysSecret"
FOLLOWED = ("callback-token", "notify-key")


def rotate_entry(session: Session, kind: Kind, old: Entry, new: New) -> None:
    """Add a new value, wait until all functions have read it, and prove it. Both values are live afterwards.

    Raises `CliError` if the new value is refused; the old one stays as it is.
    """
    before = read(session, kind.output)
    write(session, before, kind.add(before.fields(), new))
    _replace_in_provider_keys(session, kind, old, kind.entry(new))
    wait_for_functions(session)
    proof = prove(session, kind, kind.entry(new), new.value)
    if proof.live is False:
        action = f"Both values are stored. {proof.action}"
        raise CliError(f"the new {kind.name} is not live: {proof.detail}", action)
    session.printer.note(f"{kind.name} {kind.entry(new).id}: {proof.detail}")


def _replace_in_provider_keys(session: Session, kind: Kind, old: Entry, new: Entry) -> None:
    if kind.name not in FOLLOWED:
        return
    before = read(session, PROVIDER_KEYS_OUTPUT)
    fields, changed = follow(before.fields(), kind, old, new)
    if changed:
        write(session, before, fields)
        session.printer.note(f"ProviderKeys: submits to {', '.join(changed)} request callbacks with the new value")


def rotate_account(session: Session, kind: Kind, new: New) -> None:
    """Prove the new keys of a provider, then put them in place of the old ones. Raises `CliError` if they are not."""
    before = read(session, kind.output)
    fields = put_account(before.fields(), new)
    account = dict(provider_keys(fields).usable)[new.name]
    environment = functions.merged(functions.environments(session))
    proof, _ = probes.provider_keys(new.name, account, environment)
    if not proof.live:
        raise CliError(f"the new keys are not stored: {proof.detail}", proof.action)
    write(session, before, fields)
    session.printer.note(f"{new.name}: {proof.detail}")
    waited = wait_for_functions(session)
    session.printer.note(f"all functions use the new keys after {waited} s; disable the old ones after another minute")
