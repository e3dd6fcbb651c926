"""The errors that the command line shows, and its exit codes."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    PROBLEM = 1
    """The command worked and found something wrong, such as an overdue task or a refused item."""
    USAGE = 2
    """The command line is wrong, or no stack is configured."""
    FAILED = 3
    """The command could not do its work: the API or AWS refused, or did not answer."""
    INTERRUPTED = 130
    """Ctrl-C ended the command: 128 and the number of the signal, as shells report it."""
    CLOSED = 141
    """The reader of stdout closed it, as `| head` does. Shells report the same code for that signal."""


class CliError(Exception):
    """An error that a person can act on.

    Attributes:
        message: What is wrong.
        action: What to do about it.
        code: The exit code.
    """

    def __init__(self, message: str, action: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code
