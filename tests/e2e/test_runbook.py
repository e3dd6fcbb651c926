"""A rehearsal of the runbook: cause an incident, run the commands of its section, and see that the stack is healthy."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from local.__main__ import profile
from local.environment import ROOT
from local.stack import MUSIC
from mediarelay.domain.due import Duty
from mediarelay_cli.profiles import LOCAL, save_profile
from tests.e2e.deployed import TICK, Deployed, until
from tests.e2e.incidents import CAUSES, make_due, tracked
from tests.page_sections import commands, sections, table_rows
from tests.stack import resources
from tests.unit.cli.running import run

OPERATIONS = ROOT / "docs" / "operations.md"
SECTIONS = sections(ROOT / "docs" / "runbook.md")
LINES = {row[0]: row[1].strip("`") for row in table_rows(OPERATIONS, "you want to know")}
ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))
REST = [SECTIONS[alarm] for alarm in ALARMS if alarm not in CAUSES]
PROOFS = sorted({one for section in REST for one in section.commands("Prove it is over")})
ROUTES = "--only routes"
HEALTHY = "mediarelay status"
ANSWERS = {
    "RowsUnreadableAlarm": {
        "What is wrong, and what do I do about it?": r"error +unreadable: 1 row cannot[\s\S]*/docs/runbook#rows",
    },
    "OverdueAlarm": {
        "What is stuck, why, since when, and what happens next?": (
            r"overdue for give_up[\s\S]*why +sweep has not completed[\s\S]*next +the next run of sweep"
        ),
    },
    "WebhookDisabledAlarm": {"Which endpoint received it, and which did not?": r"mediarelay\.test.*failed.*410"},
    "SweepSilentAlarm": {"Do the schedules run?": r"sweep last ran at 2"},
    "SecretUnusableAlarm": {"Is a secret or a setting wrong?": r"error +secrets: MusicSecret"},
    "DispatchDeadLettersAlarm": {
        "Which dead letters wait, and may I move them back?": r"DispatchDeadLetters +1 +purge: the next run",
    },
    "ProviderRefusesAlarm": {
        "Does the provider refuse us, and when does Mediarelay try again?": r"cts.* 5 +in \d+ s",
        "Where is the request that got a 202?": r"open",
    },
}
"""What the commands of the page answer during an incident, by the alarm."""
QUIET_ANSWERS = {
    "What happens next to this task, and when?": r"next +Mediarelay queries the provider",
    "What did the provider answer?": r"the provider's answer to a signed query\n\{",
    "What was published?": r"task\.succeeded",
    "Which callbacks did Mediarelay not understand?": r"callbacks/video",
    "What did we lose last night, and how many would I replay?": r"[1-9]\d* tasks? would be replayed",
}
"""What they answer on a stack with a lost, an open and a finished task, and a body in quarantine."""


@dataclass(frozen=True)
class Shell:
    """Runs commands of the command line in this process, which is several times faster than a shell."""

    environment: Mapping[str, str]

    def run(self, command: str, **variables: str) -> tuple[int, str]:
        """Run a command. Return its exit code, and what it printed."""
        with patch.dict(os.environ, {**self.environment, **variables}):
            code, out, err = run(*shlex.split(os.path.expandvars(command))[1:])
        return code, out + err

    def succeed(self, command: str, **variables: str) -> None:
        """Run a command until it succeeds. What it looks at takes some seconds to change."""
        until(lambda: self.run(command, **variables)[0] == 0, command, TICK)


@pytest.fixture(scope="session")
def shell(whole: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    file = tmp_path_factory.mktemp("shell") / "profiles.ini"
    save_profile(file, profile(whole.deployment))
    return Shell({"MEDIARELAY_CONFIG": str(file), "MEDIARELAY_PROFILE": LOCAL, "COLUMNS": "200"})


@pytest.fixture(scope="module", autouse=True)
def schedules(whole: Deployed) -> None:
    """Run each schedule once, as they have on every stack that is older than some minutes."""
    for function in ("PollVideo", "PollAudio", "Sweep", "Reconcile"):
        whole.invoke(function)


@pytest.mark.parametrize("alarm", CAUSES)
def test_an_incident_ends_as_the_runbook_says(deployed: Deployed, shell: Shell, alarm: str) -> None:
    section = SECTIONS[alarm]
    with CAUSES[alarm](deployed) as incident:
        seen = [shell.run(command, **incident.variables) for command in section.commands("Look")]
        assert {code for code, _ in seen} <= {0, 1}, seen
        text = "\n".join(output for _, output in seen)
        assert [one for one in incident.seen if one not in text] == [], text
        for wanted, answer in ANSWERS.get(alarm, {}).items():
            output = shell.run(LINES[wanted], **incident.variables)[1]
            assert re.search(answer, output), f"{wanted}: {output}"
        incident.end_cause()
        for part in ("Do", "Prove it is over"):
            for command in section.commands(part):
                shell.succeed(command, **incident.variables)
        shell.succeed(HEALTHY)
        until(incident.is_made_good, "the work that waited")


def test_most_alarms_are_rehearsed() -> None:
    """Nothing on this machine raises the others: they need Lambda's limits, a slow stream or a failing function."""
    assert set(CAUSES) <= set(ALARMS)
    assert len(ALARMS) < 2 * len(CAUSES)


@pytest.mark.parametrize("command", PROOFS)
def test_the_commands_that_prove_the_end_of_other_incidents_succeed_on_a_healthy_stack(
    whole: Deployed, shell: Shell, command: str
) -> None:
    if ROUTES in command and not whole.stack.emulated_by.has_http_api:
        pytest.skip(f"{whole.stack.emulated_by.name} has no HTTP API whose routes can be listed")
    code, output = shell.run(command)
    assert code == 0, output


def test_a_body_in_quarantine(deployed: Deployed, shell: Shell) -> None:
    assert deployed.callback("video", f"no callback {deployed.key('x')}".encode()).status_code == 400
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    bodies = deployed.api_client.get(f"/quarantine?day={day}")["bodies"]
    digest = next(one["digest"] for one in bodies if "no callback" in str(one))[:12]
    done = [shell.run(one, DAY=day, DIGEST=digest) for one in commands(SECTIONS["Quarantine"].text)]
    assert [code for code, _ in done] == [0, 0, 1], done
    assert digest in done[0][1]
    assert "no callback" in done[1][1]


@pytest.fixture(scope="module")
def quiet(whole: Deployed, song: Path) -> dict[str, dict[str, str]]:
    """The variables of each line for a stack with all kinds of tasks."""
    whole.callback("video", b"no callback")
    lost, opened = tracked(whole), tracked(whole)
    make_due(whole, lost, Duty.GIVE_UP, give_up_at={"N": "1"})
    upload = whole.api_client.upload(MUSIC, whole.key("done.mp3"), song)
    done = str(whole.api_client.submit_audio(upload, MUSIC)["vid"])
    whole.outcome(done)
    until(lambda: whole.invoke("Sweep") and whole.api_client.task(lost)["state"] == "lost", "a lost task", TICK)
    return {
        "What happens next to this task, and when?": {"VID": opened},
        "What did the provider answer?": {"VID": done},
    }


@pytest.mark.parametrize("wanted", QUIET_ANSWERS)
def test_what_operators_want_to_know(shell: Shell, quiet: dict[str, dict[str, str]], wanted: str) -> None:
    def answered() -> bool:
        code, output = shell.run(LINES[wanted], **quiet.get(wanted, {}))
        assert code == 0, output
        return re.search(QUIET_ANSWERS[wanted], output) is not None

    until(answered, wanted, TICK)


def test_every_line_of_the_page_is_tried() -> None:
    tried = [*QUIET_ANSWERS, *(wanted for answers in ANSWERS.values() for wanted in answers)]
    assert sorted(tried) == sorted(LINES)
