"""cfn-lint with the serverless rules on the template's official translation; `make lint` has it on what is written."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.stack import template, translated_as_written

ACCEPTED = {
    "ES1001": {
        "ConfirmMessages",
        "ConfirmUnknownMessages",
        "SubmitQueuedMessages",
        "ApplyCallbackMessages",
        "DeliverWebhooksMessages",
    },
    "W2001": {"Tracing"},
    "W1028": {"Api"},
    "W1030": {"DispatchChanges", "ExistingTableStream"},
}
"""Findings that only the translation has, by rule: a queue's mapping has no OnFailure, its queue redrives instead.

SAM resolves `Tracing` itself, and leaves it out of functions while it is `Disabled`. It puts the condition of a
function around the path, the method and the URI of its routes, and only the outermost decides. `ExistingTableStream` is
empty only while the condition around it does not hold.
"""


def test_nothing_is_found_that_was_not_weighed(tmp_path: Path) -> None:
    other = tmp_path / "translated.json"
    other.write_text(json.dumps(translated_as_written()))
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), "-a", "cfn_lint_serverless.rules", "-f", "json", "-t", str(other)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = defaultdict(set)
    for one in json.loads(answer.stdout):
        found[one["Rule"]["Id"]].add((one["Location"]["Path"] or ["", one["Message"]])[1])
    assert found == ACCEPTED


@pytest.mark.parametrize("name", sorted(template()["Resources"]))
def test_every_exception_from_checkov_says_why(name: str) -> None:
    skipped = template()["Resources"][name].get("Metadata", {}).get("checkov", {"skip": []})["skip"]
    assert all(len(one["comment"].split()) > 5 for one in skipped)
