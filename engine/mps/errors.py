"""The refusals of the API, and the error codes of its tasks."""

from collections.abc import Mapping

from engine.decode import MISSING, UNKNOWN
from engine.failures import Failure
from mediarelay.errors import Malformed


class Refused(Exception):
    """The API refuses a call with this code of the provider."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_BY_REASON = {MISSING: "MissingParameter", UNKNOWN: "UnknownParameter"}
_BY_FIELD = {"Limit": "InvalidParameterValue.Limit", "Status": "InvalidParameterValue"}


def code_of(malformed: Malformed) -> str:
    """Return the code with which the API refuses a request that does not have the form of its action."""
    return _BY_REASON.get(malformed.reason) or _BY_FIELD.get(malformed.field, "InvalidParameter")


# The classes are the engine's own: 40000 for the request, 60000 for the source, 70000 for the provider itself.
_REQUEST = (40000, "InvalidParameter")
_SOURCE = (60000, "InvalidParameterValue.SrcFile")
_PROVIDER = (70000, "InternalError")
_CODES: Mapping[int, tuple[int, str]] = {
    Failure.NO_OBJECT: _SOURCE,
    Failure.NOT_MEDIA: _SOURCE,
    Failure.NO_VIDEO: _SOURCE,
    Failure.NO_AUDIO: _SOURCE,
    Failure.CUT_SOURCE: _SOURCE,
    Failure.NO_DOWNLOAD: _SOURCE,
    Failure.NO_SUCH_SPEC: _REQUEST,
    Failure.LONG_KEY: _REQUEST,
    Failure.ABORTED: _REQUEST,
}


def task_codes(code: int) -> tuple[int, str]:
    """Return the `ErrCode` and the `ErrCodeExt` of a failure. The code of a fault, which is not the engine's, stays."""
    if code in _CODES:
        return _CODES[code]
    return _PROVIDER if code in set(Failure) else (code, _PROVIDER[1])
