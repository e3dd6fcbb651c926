"""docs/reliability.md, as the suite measured it."""

import os
import platform
from datetime import UTC, datetime

from local.environment import ROOT
from tests.chaos.chaos_run import Row
from tests.chaos.faults import FAULTS

REPORT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
HEAD = (
    "| fault | tasks | right outcomes | wrong | without outcome | without notification | notifications | repeated ids "
    "| seconds to converge | when and where |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def write(rows: list[Row]) -> None:
    """Put measured rows into the document; rows of other faults stay as they were measured before."""
    text = REPORT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    lines = {_name(line): line for line in old.splitlines() if line.startswith("| ")}
    lines |= {row.fault: _line(row) for row in rows}
    table = "\n".join(lines[fault.name] for fault in FAULTS if fault.name in lines)
    REPORT.write_text(f"{before}{BEGIN}\n{HEAD}{table}\n\n{END}{after}", encoding="utf-8")


def _name(line: str) -> str:
    return line.split("|")[1].strip()


def _line(row: Row) -> str:
    cells = (
        row.fault,
        row.tasks,
        row.right,
        row.wrong,
        row.without_outcome,
        row.without_notification,
        row.notifications,
        row.repeated_ids,
        f"{row.seconds:.0f}",
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, Python {platform.python_version()}{row.remark}",
    )
    return f"| {' | '.join(map(str, cells))} |"
