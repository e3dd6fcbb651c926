"""`python -I -S compile_dataclasses.py FOLDER`: compile the methods that `dataclasses` writes for our classes.

`dataclasses` writes the methods of each class as a text, and compiles it whenever a process imports the module. That
takes nine tenths of the time of a dataclass. This imports all modules of `FOLDER/mediarelay` once and stores each text
with its bytecode. `mediarelay.aws_lambda.cold_start` looks a text up by itself, so a text that has changed is compiled.
Packages that are not installed here have placeholders: the texts do not depend on them.
"""

import builtins
import dataclasses
import marshal
import pkgutil
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "mediarelay"
FILE = "aws_lambda/dataclasses.bin"


class Anything(type):
    """The type of a placeholder: a class that can be called, indexed, subclassed and asked for any name."""

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **_options: Any) -> "Anything":
        """Make a class with the options of any other one."""
        return super().__new__(cls, name, bases, names)

    def __init__(cls, *_given: Any, **_options: Any) -> None:
        """Accept the options of any class."""

    def __call__(cls, *_given: Any, **_named: Any) -> Any:
        """Return a placeholder for whatever a call would return."""
        return Placeholder

    def __getattr__(cls, name: str) -> Any:
        """Return a placeholder for any name but those that Python itself asks for."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder

    def __getitem__(cls, _key: Any) -> Any:
        """Return a placeholder for a generic type."""
        return Placeholder


class Placeholder(metaclass=Anything):
    """What every name of a package that is not installed refers to."""


class Missing:
    """Finds every package that nothing else finds."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        """Return the spec of an empty package."""
        return None if name.partition(".")[0] == PACKAGE else ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module in which every name is a placeholder."""
        module = ModuleType(spec.name)
        module.__getattr__ = lambda name: getattr(Placeholder, name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


def main(folder: Path) -> None:
    """Write the file beside the modules that read it."""
    compiled: dict[str, bytes] = {}

    def run(text: str, *spaces: Any) -> None:
        code = compile(text, "<string>", "exec")
        compiled[text] = marshal.dumps(code)
        builtins.exec(code, *spaces)  # noqa: S102 - as `dataclasses` does

    vars(dataclasses)["exec"] = run
    sys.path.insert(0, str(folder))
    sys.meta_path.append(Missing())
    sys.dont_write_bytecode = True
    for module in pkgutil.walk_packages([str(folder / PACKAGE)], f"{PACKAGE}."):
        import_module(module.name)
    (folder / PACKAGE / FILE).write_bytes(marshal.dumps((MAGIC_NUMBER, dict(sorted(compiled.items())))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
