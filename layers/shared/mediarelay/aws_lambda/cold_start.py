"""What makes a cold start shorter: no garbage collection, no code that no invocation needs, and less to compile.

Modules and clients live as long as the process. To search them for garbage makes a cold start 5 to 16 % longer.
"""

import dataclasses
import gc
import marshal
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from mediarelay.aws_lambda.deferred_imports import defer_imports, stop_deferring

# The layer's build writes it (`compile_dataclasses.py`): the bytecode of each text that `dataclasses` would compile.
COMPILED = Path(__file__).with_name("dataclasses.bin")
# `dataclasses` finds this name before the built-in function.
EXEC = "exec"


def begin() -> None:
    """Begin a cold start."""
    gc.disable()
    defer_imports()
    use_compiled(COMPILED)


def use_compiled(file: Path) -> None:
    """Let `dataclasses` take its bytecode from a file, if the layer has one that this Python can run."""
    if not file.is_file():
        return
    version, compiled = marshal.loads(file.read_bytes())  # noqa: S302 - as trusted as bytecode

    def run(text: str, *spaces: Any) -> None:
        # The text itself is the key, so a class never gets the methods of another one.
        code = compiled.get(text)
        exec(marshal.loads(code) if code else text, *spaces)  # noqa: S102, S302 - as `dataclasses` does

    if version == MAGIC_NUMBER:
        vars(dataclasses)[EXEC] = run


def end() -> None:
    """End a cold start; further calls have no effect."""
    vars(dataclasses).pop(EXEC, None)
    stop_deferring()
    # Without it, the first collection would search all that init has made, during the first invocation.
    gc.freeze()
    gc.enable()
