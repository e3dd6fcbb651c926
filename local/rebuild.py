"""`python -m local.rebuild [--write]`: compare the task items of a deployed stack with their logs.

The command works on AWS and on a local stack. It uses AWS's standard environment variables. STACK names the stack, by
default `mediarelay`.
"""

import argparse
import os
import sys
from typing import Any

from botocore.session import Session

from local.environment import STACK
from mediarelay.usecases.tasks.rebuild import Rebuilder
from mediarelay.wiring.provider import submitter
from mediarelay.wiring.tasks import task_repository, task_store


def main() -> int:
    """Print the differences. Return 0 if there are none, or if `--write` has repaired them; else 1."""
    parser = argparse.ArgumentParser(prog="python -m local.rebuild")
    parser.add_argument("--write", action="store_true", help="write the items that differ as their logs say")
    options = parser.parse_args()
    # The wiring reads the name from the environment, as in a function.
    os.environ["TABLE_NAME"] = _table(os.environ.get("STACK", STACK))
    rebuilder = Rebuilder(tasks=task_repository(), store=task_store(), adopt=submitter().adopt)
    differing = set()
    for one in rebuilder.differences():
        differing.add(one.vid)
        sys.stdout.write(f"{one.vid} {one.field}: stored {one.stored}, the log says {one.folded}\n")
    if options.write:
        for vid in differing:
            rebuilder.repair(vid)
    sys.stdout.write(f"{len(differing)} task items differ{' and were written anew' if options.write else ''}\n")
    return 0 if options.write or not differing else 1


def _table(stack: str) -> str:
    cloudformation: Any = Session().create_client("cloudformation")
    answer = cloudformation.describe_stacks(StackName=stack)
    outputs = answer["Stacks"][0]["Outputs"]
    return next(str(item["OutputValue"]) for item in outputs if item["OutputKey"] == "TableName")


if __name__ == "__main__":
    sys.exit(main())
