"""Reads the answers of API 3.0: `Response` with the content, or with `Error`. Errors have HTTP status 200, too."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from mediarelay.contracts.fields import Fields
from mediarelay.contracts.json_objects import read_answer
from mediarelay.errors import (
    Malformed,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderRepeated,
    ProviderUnknown,
)
from mediarelay.providers.answers import MAX_MESSAGE_LENGTH, printable, unreadable
from mediarelay.providers.mps import values as read
from mediarelay.providers.mps.redaction import REDACTED, redact, redact_message, without_secrets
from mediarelay.providers.port import Answer

SUBMIT = "ProcessMedia"
MAX_CODE_LENGTH = 128
# Codes that are not about the request. The exact code decides; without one, the longest prefix does. Any other code
# means that the provider would refuse the same request again.
ERRORS: Mapping[str, type[ProviderError]] = {
    # Without a reason, nothing says that no task was made. The same submission again makes no second one.
    "FailedOperation": ProviderBusy,
    **dict.fromkeys(("FailedOperation.NetWorkError", "ResourceInsufficient", "ServiceUnavailable"), ProviderBusy),
    **dict.fromkeys(("FailedOperation.InvalidMpsUser", "FailedOperation.InvalidUser"), ProviderClosed),
    **dict.fromkeys(("FailedOperation.UserArrears", "ResourceNotFound.UserUnregister"), ProviderClosed),
    **dict.fromkeys(("ResourceNotFound", "ResourceNotFound.TaskNotFound"), ProviderUnknown),
    **dict.fromkeys(("FailedOperation.TaskNotFound", "InvalidParameterValue.TaskId"), ProviderUnknown),
    "InvalidParameterValue.SessionId": ProviderRepeated,
}
PREFIXES: Mapping[str, type[ProviderError]] = {
    **dict.fromkeys(("RequestLimitExceeded", "LimitExceeded", "InternalError"), ProviderBusy),
    **dict.fromkeys(("ResourceInsufficient.", "ServiceUnavailable."), ProviderBusy),
    **dict.fromkeys(("AuthFailure", "UnauthorizedOperation"), ProviderClosed),
    **dict.fromkeys(("NoSuchVersion", "NoSuchProduct", "InvalidAction", "ActionOffline"), ProviderClosed),
    **dict.fromkeys(("UnsupportedRegion", "IpInBlacklist", "IpNotInWhitelist"), ProviderClosed),
}
# A message about the address of our callbacks quotes it with the token in its path.
_CALLBACK_ADDRESS = re.compile(r"\S*/callbacks/\S*")
log = logging.getLogger(__name__)


def read_response(action: str, body: bytes) -> Answer:
    """Read the answer of an action; raises `ProviderUnreadable`, `ProviderError`."""
    try:
        response = _response(body)
        error = _code_and_message(response) if response.data.get("Error") is not None else None
    except Malformed as problem:
        raise unreadable(redact(body), str(problem)) from None
    # The body comes from outside. A bug in our reader must not keep it out of the log.
    except Exception as problem:
        log.exception("reading failed")
        raise unreadable(redact(body), type(problem).__name__) from None
    if error:
        raise _error(action, *error)
    return Answer(content(response.data))


def content(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data of an answer without credentials, and without the id of the call."""
    kept: dict[str, Any] = without_secrets({name: value for name, value in data.items() if name != "RequestId"})
    return kept


def canonical(data: Mapping[str, Any]) -> bytes:
    """Return the data of an answer as JSON without credentials. Equal answers give equal bytes."""
    text = json.dumps(content(data), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # For half of a surrogate pair, this writes the escape that JSON uses.
    return text.encode("utf-8", "backslashreplace")


def _response(body: bytes) -> Fields:
    fields = Fields(read_answer(body))
    response = fields.strict("Response", read.mapping)
    if not response:
        raise Malformed("Response", "missing")
    return Fields(response)


def _code_and_message(response: Fields) -> tuple[str, str]:
    error = response.inside("Error", response.strict("Error", read.mapping))
    code = error.strict("Code", read.address)
    if not code or len(code) > MAX_CODE_LENGTH or not code.isascii() or not code.isprintable():
        raise Malformed("Error.Code", "not a code")
    return code, error.side("Message", read.text) or ""


def error_class(action: str, code: str) -> type[ProviderError]:
    """Return the class of an error of an action."""
    longest = max((prefix for prefix in PREFIXES if code.startswith(prefix)), key=len, default=None)
    found = ERRORS.get(code) or (PREFIXES[longest] if longest else ProviderRefused)
    # There is no task yet that the provider could fail to know, so its "unknown" is about the request.
    return ProviderRefused if action == SUBMIT and found is ProviderUnknown else found


def _error(action: str, code: str, message: str) -> ProviderError:
    """Return the error that an answer reports."""
    text, kind = f"provider code {code}", error_class(action, code)
    # Clients see this text. A message about anything but the request may quote our keys.
    if issubclass(kind, ProviderRefused | ProviderUnknown) and (shown := printable(_without_addresses(message))):
        text = f"{text}: {shown}"
    return kind(text, code)


def _without_addresses(message: str) -> str:
    return redact_message(_CALLBACK_ADDRESS.sub(REDACTED, message[:MAX_MESSAGE_LENGTH]))
