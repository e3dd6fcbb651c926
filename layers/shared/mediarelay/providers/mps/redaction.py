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
SECRET_PARTS = ("secret", "token", "password", "credential", "accesskey", "privatekey", "apikey", "authorization")
HARMLESS = frozenset({"scrolltoken", "inputtokens", "outputtokens", "totaltokens"})
REDACTED = "[redacted]"
# Characters. A longer name is no field of the provider.
MAX_NAME = 64

_PARTS = tuple(sorted({*SECRET_PARTS, *(name for name in SECRET_FIELDS if "secret" not in name)}))
# Only a run of backslashes as a whole can begin an escape. Trying each part of it would take a hostile body hours.
_ESCAPED = r"(?<!\\)\\++u00"
_PARTS_IN_BYTES = tuple(part.encode() for part in _PARTS)


def _spelled(letter: str) -> str:
    """Return a pattern for a letter as JSON may spell it, also in JSON within texts of JSON."""
    codes = f"{ord(letter):02x}|{ord(letter.upper()):02x}"
    return rf"(?:{letter}|{_ESCAPED}(?:{codes}))"


def _escapable(name: str) -> str:
    return "".join(map(_spelled, name))


_ANY_NAME = "|".join(map(_escapable, _PARTS))
_SIGN = re.compile(_ANY_NAME, re.IGNORECASE)
# A text that contains JSON with a credential in it, or mentions one of these. What follows may be its value.
_MEMBER_IN_TEXT = re.compile(rf"(?:{_ANY_NAME})[\w\\]{{0,{MAX_NAME}}}[\"']\s*:", re.IGNORECASE)
_MENTION = re.compile("|".join(map(_escapable, ("secretid", "secretkey", "notifykey", "notifyurl"))), re.IGNORECASE)
_PATH = re.compile(r"(?:[a-z]+:/)?/\S*", re.IGNORECASE)
_ESCAPE = re.compile(rf"{_ESCAPED}([0-9a-f]{{2}})", re.IGNORECASE)
_TOKEN = re.compile(
    r"""
    (?P<name>"(?:[^"\\]|\\.)*+"(?=\s*:)) | (?P<text>"(?:[^"\\]|\\.)*+") | (?P<open>[{\[]) | (?P<close>[}\]])
    | (?P<other>[^\s"{}\[\],:]+)
    """,
    re.VERBOSE | re.DOTALL,
)
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
    found = _SIGN.search(text)
    return f"{text[: found.end()]}{REDACTED}" if found else text


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


def _names_secret(text: str) -> bool:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).casefold()
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
    tokens, kept_until = _TOKEN.finditer(text), 0
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
    """Return a text in a JSON value. A path stays: the name of a file may contain any word."""
    if not _names_secret(text):
        return text
    has_value = _MEMBER_IN_TEXT.search(text) or (_MENTION.search(text) and not _PATH.fullmatch(text))
    return _redacted(text) if has_value else text
