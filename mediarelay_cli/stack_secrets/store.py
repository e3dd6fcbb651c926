"""Reads and writes a secret in Secrets Manager, and notices when another program changes it at the same time."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediarelay.contracts.secret_text import REPEATED, read_secret_text
from mediarelay.errors import Malformed
from mediarelay_cli.errors import CliError
from mediarelay_cli.session import Session

SERVICE = "secretsmanager"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a secret. `output` is the output of the stack that names it."""

    output: str
    arn: str
    text: str
    version: str
    created_at: datetime | None = None

    def fields(self) -> dict[str, Any]:
        """Return the members for an edit. Raises `CliError` if writing them back would lose a part of the text."""
        by_hand = "Correct it by hand first: docs/configuration.md shows its JSON."
        try:
            read = read_secret_text(self.text)
        except Malformed as error:
            raise CliError(f"{self.output}: {error.reason}", by_hand) from error
        if read.repeated:
            raise CliError(f"{self.output}: {REPEATED}, and an edit would lose both values", by_hand)
        return read.fields


def read(session: Session, output: str, stage: str = CURRENT) -> Stored:
    """Read a version of a secret. Raises `CliError`."""
    found = session.aws(SERVICE, "get_secret_value", SecretId=session.output(output), VersionStage=stage)
    text = found["SecretString"] if "SecretString" in found else bytes(found["SecretBinary"]).decode("utf-8", "replace")
    return Stored(output, session.output(output), text, found["VersionId"], found.get("CreatedDate"))


def read_previous(session: Session, output: str) -> Stored | None:
    """Return the version before the current one; None if Secrets Manager keeps none."""
    try:
        return read(session, output, PREVIOUS)
    except CliError:
        return None


def write(session: Session, before: Stored, fields: dict[str, Any]) -> Stored:
    """Replace the version that was read.

    Raises `CliError` if the secret has changed since then. Secrets Manager has no conditional write, so a change in the
    same instant is found afterwards: the error names the version that holds it.
    """
    if (found := _version(session, before.arn, CURRENT)) != before.version:
        raise CliError(
            f"{before.output} has changed meanwhile (version {found}); nothing was written", "Repeat the command."
        )
    text = json.dumps(fields, ensure_ascii=False)
    made = session.aws(SERVICE, "put_secret_value", SecretId=before.arn, SecretString=text)
    if (replaced := _version(session, before.arn, PREVIOUS)) not in {before.version, None}:
        action = f"Compare: `aws secretsmanager get-secret-value --secret-id {before.arn} --version-id {replaced}`"
        raise CliError(
            f"{before.output}: another program wrote version {replaced} at the same time; it was replaced", action
        )
    return Stored(before.output, before.arn, text, made["VersionId"])


def _version(session: Session, arn: str, stage: str) -> str | None:
    stages = session.aws(SERVICE, "describe_secret", SecretId=arn).get("VersionIdsToStages", {})
    return next((version for version, labels in stages.items() if stage in labels), None)
