"""cfn-lint with the serverless rules, on the template and on its official translation."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.stack import TEMPLATE, resources, translated

FUNCTIONS = set(resources("AWS::Serverless::Function"))
DEAD_LETTERS = {f"{name}DeadLetters" for name in ("Confirm", "Submit", "Retry", "Dispatch", "Tick")}
MAPPINGS = {"ConfirmMessages", "ConfirmUnknownMessages", "SubmitQueuedMessages", "ApplyCallbackMessages"}
ACCEPTED = {
    ("written", "WS1000"): FUNCTIONS,  # no X-Ray: a trace per callback would cost more than the callback
    ("written", "WS1004"): FUNCTIONS,  # all functions share one log group, which has a retention
    ("written", "ES6000"): DEAD_LETTERS,  # the end of the line: an alarm watches each
    ("translated", "WS1000"): FUNCTIONS,
    ("translated", "WS1004"): FUNCTIONS,
    ("translated", "ES6000"): DEAD_LETTERS,
    ("translated", "ES1001"): MAPPINGS,  # an SQS mapping has no OnFailure: the queue has its redrive policy
}
"""Findings we live with, and why: (which template, rule) -> resources."""


def test_nothing_is_found_that_was_not_weighed(tmp_path: Path) -> None:
    other = tmp_path / "translated.json"
    other.write_text(json.dumps(translated()))
    program = Path(sys.executable).with_name("cfn-lint")
    command = [program, "-a", "cfn_lint_serverless.rules", "-f", "json", "-t", TEMPLATE, other]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = defaultdict(set)
    for one in json.loads(answer.stdout):
        where = "translated" if one["Filename"] == str(other) else "written"
        path = one["Location"]["Path"] or [""]
        found[where, one["Rule"]["Id"]].add(path[1] if len(path) > 1 else one["Message"])
    assert found == ACCEPTED
