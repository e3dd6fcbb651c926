"""Redaction: what is left of the provider's bodies without the credentials in them.

The provider repeats the keys of a foreign storage, and the address and the key of its callbacks, in its answers and
callbacks. The callback functions import this module, so it uses the standard library only.

| body | what is removed |
| --- | --- |
| without the name of a credential | nothing: the same bytes |
| JSON | the values of credentials, also in texts that contain JSON: `null` takes their place |
| a text in JSON | what follows the name of a credential; a path or a URL stays, unless it contains JSON |
| anything else | everything after the first name of a credential |
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

# Names of fields, in lower case. The provider's models have these credentials.
SECRET_FIELDS = frozenset(
    {
        "awssqs",  # the queue that receives callbacks, and the keys to it
        "cmqmodel",
        "cmqregion",
        "keyserverurl",
        "notifykey",
        "notifyurl",  # its path contains our token
        "passphrase",
        "queuename",
        "s3secretid",
        "s3secretkey",
        "signedurl",
        "simpleaesdrm",
        "sqsqueuename",
        "sqsregion",
        "streamkey",
        "topicname",
    }
)
# A field is a credential if its name has one of these parts, except for the counts of a language model's tokens and the
# cursor of a list.
SECRET_PARTS = (
    *("secret", "token", "password", "credential", "authorization"),
    *(f"{what}{mark}key" for what in ("access", "private", "api") for mark in ("", "-", "_")),
)
HARMLESS = frozenset({"scrolltoken", "inputtokens", "outputtokens", "totaltokens"})
REDACTED = "[redacted]"

_PARTS = tuple(sorted({*SECRET_PARTS, *(name for name in SECRET_FIELDS if "secret" not in name)}))
_PARTS_IN_BYTES = tuple(part.encode() for part in _PARTS)
# JSON in a text escapes its escapes once more. Each level that escapes a backslash as `\u005c` takes one pass.
_MAX_PASSES = 16
# Only a run of backslashes as a whole can begin an escape. Trying each part of it would take a hostile body hours.
_ESCAPE = r"(?<!\\)\\++u00([0-9a-f]{2})"
_ANY_NAME = "|".join(_PARTS)
# A text that names one of the provider's credentials may state its value. Any other text may be the client's own
# reference, which comes back as it was given.
_MENTION = "|".join(sorted({*SECRET_FIELDS, "secretid", "secretkey"}))
# The name of a file may be any word, but a path does not contain JSON.
_MEMBER = rf"(?:{_MENTION})\\*+[\"']"
_PATH = r"(?:[a-z]+:/)?/\S*"
_JSON_PART = r"""
    (?P<name>"(?:[^"\\]|\\.)*+"(?=\s*:)) | (?P<text>"(?:[^"\\]|\\.)*+") | (?P<open>[{\[]) | (?P<close>[}\]])
    | (?P<other>[^\s"{}\[\],:]+)
    """


# Most bodies need none of these patterns, and compiling them takes a while.
@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL | re.VERBOSE)


# Only the structure counts here. Python refuses to read numbers of thousands of digits.
_SHAPE = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len, strict=False)


def redact(body: bytes) -> bytes:
    """Return a body without credentials, whatever its form; the same bytes if it contains none."""
    if not _may_hold_secrets(body):
        return body
    # A body in UTF-16 has a NUL beside each letter. No JSON in UTF-8 has one.
    text = body.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    return _redacted(text).encode("utf-8", "surrogateescape") if _names_secret(text) else body


def redact_message(text: str) -> str:
    """Return a message of the provider without anything that follows the name of a credential."""
    plain = _unescaped(text)
    found = _pattern(_ANY_NAME).search(plain)
    return f"{plain[: found.end()]}{REDACTED}" if found else text


def without_secrets(value: Any) -> Any:
    """Return a decoded JSON value without the members that are credentials, at any depth."""
    if isinstance(value, Mapping):
        return {name: without_secrets(member) for name, member in value.items() if not is_secret(name)}
    if isinstance(value, list):
        return [without_secrets(member) for member in value]
    return _without_packed(value) if isinstance(value, str) else value


def is_secret(name: str) -> bool:
    """Return whether a field with this name holds a credential."""
    lower = name.casefold()
    return lower not in HARMLESS and any(part in lower for part in _PARTS)


def _may_hold_secrets(body: bytes) -> bool:
    """Return False only if a body certainly names no credential. Most callbacks end here."""
    plain = body.lower()
    # Letters may be escaped, and some letters outside ASCII fold to letters of a name.
    unclear = b"\\" in plain or b"\0" in plain or not plain.isascii()
    return unclear or any(part in plain for part in _PARTS_IN_BYTES)


def _unescaped(text: str) -> str:
    """Return a text with the letters that its escapes spell, also those of JSON within texts of JSON."""
    for _ in range(_MAX_PASSES):
        text, escapes = _pattern(_ESCAPE).subn(lambda found: chr(int(found[1], 16)), text)
        if not escapes:
            break
    return text


def _names_secret(text: str) -> bool:
    plain = _unescaped(text).casefold()
    return any(part in plain for part in _PARTS)


def _redacted(text: str) -> str:
    """Return a whole text, which names a credential, without its value."""
    return "".join(_kept(text)) if _is_json(text) else redact_message(text)


def _is_json(text: str) -> bool:
    """Return whether a text is a JSON object or list."""
    try:
        return isinstance(_SHAPE.decode(text.removeprefix("\ufeff")), dict | list)
    except (ValueError, RecursionError):
        return False


def _kept(text: str) -> Iterator[str]:
    """Yield the parts of a JSON text that are kept, and what takes the place of the others."""
    tokens, kept_until = _pattern(_JSON_PART).finditer(text), 0
    for token in tokens:
        instead, end = None, token.end()
        if token["name"] and is_secret(json.loads(token["name"], strict=False)):
            start, end, instead = *_value(tokens), "null"
        elif token["text"]:
            start, instead = token.start(), _text_token(token["text"])
        if instead is not None:
            yield text[kept_until:start] + instead
            kept_until = end
    yield text[kept_until:]


def _value(tokens: Iterator[re.Match[str]]) -> tuple[int, int]:
    """Consume the tokens of one value; return where it begins and ends."""
    first = token = next(tokens)
    depth = bool(token["open"]) - bool(token["close"])
    while depth:
        token = next(tokens)
        depth += bool(token["open"]) - bool(token["close"])
    return first.start(), token.end()


def _text_token(token: str) -> str | None:
    """Return a JSON string without the credentials in its text; None if it stays as it is."""
    value = json.loads(token, strict=False)
    shown = _without_packed(value)
    return None if shown == value else json.dumps(shown)


def _without_packed(text: str) -> str:
    """Return a text in a JSON value without the value of a credential that it may state."""
    if not _names_secret(text):
        return text
    sign = _MEMBER if _pattern(_PATH).fullmatch(text) else _MENTION
    return _redacted(text) if _pattern(sign).search(_unescaped(text)) else text
