"""The command line of Mediarelay: what operators and integrators do with a deployed stack, or with a local one."""

from mediarelay import __version__


def version() -> str:
    """Return the version, the same for the command line and the stack that was built with it."""
    return __version__
