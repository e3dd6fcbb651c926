"""`python -m tests.chaos [--tasks N] [--only WORDS]`: each fault on a fresh stack; writes docs/reliability.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.chaos_run import Row, chaos_run
from tests.chaos.faults import FAULTS
from tests.chaos.report import write


def main() -> int:
    """Return 0 if the promise held in every row."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--only", default="", help="faults whose name has these words; the other rows stay as they are")
    options = parser.parse_args()
    rows: list[Row] = []
    for fault in (one for one in FAULTS if options.only in one.name):
        with tempfile.TemporaryDirectory() as folder, chaos_run(Path(folder), fault.parameters) as here:
            rows.append(here.run(fault, options.tasks))
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
        write(rows)
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
