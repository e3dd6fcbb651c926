"""A receiver in a process of its own: it imports a module and measures the CPU time of blocks of invocations.

The module's name is the argument, the event comes as the first line of the standard input. Each further line asks for
a block: a format of vids, and the number of invocations. The answer is the CPU time of one invocation in seconds.
What the handler prints is discarded. The interpreter has only the layers, so this file imports nothing else.
"""

import importlib
import json
import os
import sys
import time
from http import HTTPStatus
from itertools import count
from typing import Any

VID = "963f1d40dfdfadfdd9b94e922d5696"
"""The vid in the body of the sample event."""


class Context:
    """Lambda's context, as far as Powertools reads it."""

    function_name = "example"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:example"
    aws_request_id = "example-request"

    def get_remaining_time_in_millis(self) -> int:
        """Return enough time for an invocation."""
        return 10_000


def block(handler: Any, events: list[dict[str, Any]]) -> float:
    """Return the CPU time of one invocation in seconds; raises ValueError if a callback is refused."""
    context = Context()
    before = time.process_time()
    answers = [handler(event, context) for event in events]
    taken = time.process_time() - before
    if refused := [answer for answer in answers if answer["statusCode"] != HTTPStatus.OK]:
        raise ValueError(refused[0])
    return taken / len(events)


def main() -> None:
    """Answer each line of the standard input with a line on what was the standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    handler = importlib.import_module(sys.argv[1]).handler
    sample, numbers = sys.stdin.readline(), count()
    for line in sys.stdin:
        form, size = json.loads(line)
        # Decoding the event is the runtime's work, so it is not measured.
        events = [json.loads(sample.replace(VID, form.format(next(numbers)))) for _ in range(size)]
        print(block(handler, events), file=answers, flush=True)


if __name__ == "__main__":
    main()
