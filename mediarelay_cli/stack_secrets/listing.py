"""What `mediarelay secrets list` shows: live entries without their values, how old they are, and the problems."""

from collections.abc import Iterator, Mapping
from typing import Any

from mediarelay import check
from mediarelay.contracts.secret_text import read_secret_text
from mediarelay.errors import Malformed
from mediarelay_cli.errors import CliError
from mediarelay_cli.session import Session
from mediarelay_cli.stack_secrets.edit import Entry, Fields
from mediarelay_cli.stack_secrets.kinds import KINDS, Kind
from mediarelay_cli.stack_secrets.store import Stored, read, read_previous

OUTPUT_SUFFIX = "Secret"
# Without a table the check would report the settings of a function. Here it has none.
NO_SETTINGS = {"TABLE_NAME": "unknown"}


def outputs(wanted: str, known: Mapping[str, str]) -> list[str]:
    """Return the outputs of the secrets that the stack has; `wanted` is a secret, a kind of entries or empty."""
    stated = dict.fromkeys(kind.output for kind in KINDS.values() if kind.output in known)
    if not wanted:
        return list(stated)
    asked = KINDS[wanted].output if wanted in KINDS else wanted
    found = [one for one in stated if asked in {one, one.removesuffix(OUTPUT_SUFFIX)}]
    if not found:
        raise CliError(f"the stack has no secret {wanted}", f"It has: {', '.join(stated)}.")
    return found


def listing(session: Session, wanted: str = "") -> dict[str, Any]:
    """Return `{"entries": [...], "problems": [...]}` of the stack's secrets. Raises `CliError`."""
    stored = {output: read(session, output) for output in outputs(wanted, session.outputs)}
    entries = [row for output, one in stored.items() for row in _rows(one, read_previous(session, output))]
    return {"entries": entries, "problems": list(problems(stored))}


def problems(stored: Mapping[str, Stored], environment: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the problems of secrets, as `mediarelay.check` finds them."""
    settings = {kind.output: kind.setting for kind in KINDS.values()}
    known = {settings[output]: one.text for output, one in stored.items() if settings[output] in check.KINDS}
    for found in check.findings(environment or NO_SETTINGS, known):
        yield {"severity": str(found.severity), "secret": found.where, "detail": found.what, "action": found.action}


def _rows(stored: Stored, before: Stored | None) -> Iterator[dict[str, Any]]:
    for kind in (one for one in KINDS.values() if one.output == stored.output):
        old = {entry.id for entry in _entries(kind, before)} if before else set()
        for entry in _entries(kind, stored):
            yield {
                "kind": kind.name,
                "id": entry.id,
                **({"name": entry.name} if entry.name else {}),
                **entry.details,
                **_age(entry, stored, before if entry.id in old else None),
            }


def _age(entry: Entry, stored: Stored, before: Stored | None) -> dict[str, str]:
    """Return since when an entry is live, as far as the last two versions of the secret show it."""
    since = before.created_at if before else stored.created_at
    if since is None or not entry.value:
        return {}
    return {"older_than" if before else "added_at": since.isoformat(timespec="seconds")}


def _entries(kind: Kind, stored: Stored) -> list[Entry]:
    try:
        fields: Fields = read_secret_text(stored.text).fields
    except Malformed:
        return []
    return kind.entries(fields)
