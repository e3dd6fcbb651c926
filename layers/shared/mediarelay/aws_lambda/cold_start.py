"""What makes a cold start shorter: no garbage collection, and no code that no invocation needs.

Modules and clients live as long as the process. To search them for garbage makes a cold start 5 to 16 % longer.
"""

import gc

from mediarelay.aws_lambda.deferred_imports import defer_imports, stop_deferring


def begin() -> None:
    """Begin a cold start."""
    gc.disable()
    defer_imports()


def end() -> None:
    """End a cold start; further calls have no effect."""
    stop_deferring()
    # Without it, the first collection would search all that init has made, during the first invocation.
    gc.freeze()
    gc.enable()
