"""How bad a problem is."""

from enum import StrEnum


class Severity(StrEnum):
    """Errors need an operator. Warnings either end by themselves or affect a part only."""

    ERROR = "error"
    WARNING = "warning"
