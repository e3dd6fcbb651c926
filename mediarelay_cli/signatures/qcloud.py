"""API v2: HMAC-SHA1 or HMAC-SHA256 over method, host, path and sorted parameters, in base64."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from mediarelay_cli.signatures.common import (
    SECRET_SPELLED,
    Write,
    other_algorithm,
    other_times,
    spellings,
    standard_base64,
    with_changes,
)
from mediarelay_cli.signatures.recipe import ALGORITHMS, Mistake

Pair = tuple[str, str]
Pairs = tuple[Pair, ...]
SIGNATURE, METHOD = "Signature", "SignatureMethod"
PATHS = ("/v2/index.php", "/", "")


def dotted(name: str) -> str:
    """Return a name as it is signed: underscores are dots."""
    return name.replace("_", ".")


def _as_sent(text: str) -> str:
    return text


def _sorted(pairs: Sequence[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: (dotted(pair[0]), pair[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Recipe:
    """The choices of a signature of API v2. `pairs` are the parameters as they are sent, decoded, in their order."""

    secret: str
    method: str
    host: str
    path: str
    pairs: Pairs
    algorithm: str = "HMAC-SHA1"
    separator: str = "?"
    order: Callable[[Sequence[Pair]], list[Pair]] = _sorted
    name: Callable[[str], str] = dotted
    value: Callable[[str], str] = _as_sent
    with_signature: bool = False
    with_files: bool = False
    write: Write = standard_base64

    @property
    def text(self) -> bytes:
        """The text to sign."""
        parameters = "&".join(f"{self.name(name)}={self.value(value)}" for name, value in self.order(self._signed()))
        return f"{self.method}{self.host}{self.path}{self.separator}{parameters}".encode("utf-8", "surrogatepass")

    @property
    def signature(self) -> str:
        """The signature."""
        return self.write(ALGORITHMS[self.algorithm](self.secret.encode(), self.text))

    def _signed(self) -> list[Pair]:
        return [
            (name, value)
            for name, value in self.pairs
            if (self.with_signature or name != SIGNATURE) and (self.with_files or not self._is_file(value))
        ]

    def _is_file(self, value: str) -> bool:
        return self.method.upper() == "POST" and value.startswith("@")


def recipe(secret: str, method: str, host: str, path: str, pairs: Pairs) -> V2Recipe:
    """Return the right recipe of a request; the parameter `SignatureMethod` names the algorithm."""
    algorithm = "HMAC-SHA256" if dict(pairs).get(METHOD) == "HmacSHA256" else "HMAC-SHA1"
    return V2Recipe(secret=secret, method=method.upper(), host=host, path=path, pairs=pairs, algorithm=algorithm)


# ── mistakes ──


def _orders(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "in the order in which it sends them", with_changes(found, order=list)
    yield "by name without regard to case", with_changes(found, order=lambda pairs: sorted(pairs, key=_folded))
    yield "by name in reverse", with_changes(found, order=lambda pairs: _sorted(pairs)[::-1])
    yield "by value", with_changes(found, order=lambda pairs: sorted(pairs, key=lambda pair: pair[1]))


def _folded(pair: Pair) -> str:
    return pair[0].lower()


def _java(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "", with_changes(found, order=sorted)


def _php(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "", with_changes(found, order=sorted, name=lambda name: name if name.startswith("_") else dotted(name))


def _underscores(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "", with_changes(found, order=sorted, name=_as_sent)
    yield "", with_changes(found, name=_as_sent)


def _encoded(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    for encode in (lambda text: quote(text, safe="-_.~"), quote, quote_plus, _lower_escapes):
        yield "", with_changes(found, value=encode)


def _lower_escapes(text: str) -> str:
    return "".join(one if one == quote(one, safe="") else quote(one, safe="").lower() for one in text)


def _included(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "the signature of an earlier call", with_changes(found, with_signature=True)
    without = tuple(pair for pair in found.pairs if pair[0] != SIGNATURE)
    yield "an empty `Signature`", with_changes(found, with_signature=True, pairs=(*without, (SIGNATURE, "")))


def _methods(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    for method in ("GET", "POST", found.method.lower(), found.method.capitalize(), ""):
        if method != found.method:
            yield f"the method `{method}`" if method else "no method", with_changes(found, method=method)


def _hosts(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    name, _, port = found.host.rpartition(":") if found.host.rsplit(":", 1)[-1].isdigit() else (found.host, "", "")
    others = [f"{name}:443", f"{name}:80", f"https://{found.host}", f"http://{found.host}", found.host.upper(), ""]
    for host in ([name] if port else []) + others:
        if host != found.host:
            yield f"the host `{host}`" if host else "no host", with_changes(found, host=host)


def _paths(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    for path in dict.fromkeys((*PATHS, found.path.lstrip("/"), found.path.rstrip("/"), f"{found.path}/")):
        if path != found.path:
            yield f"the path `{path}`" if path else "no path", with_changes(found, path=path)


def _separators(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "nothing", with_changes(found, separator="")
    yield "`&`", with_changes(found, separator="&")


def _omitted(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    for name in dict.fromkeys(name for name, _ in found.pairs if name != SIGNATURE):
        rest = tuple(pair for pair in found.pairs if pair[0] != name)
        yield f"`{name}`", with_changes(found, pairs=rest)
    yield "every empty parameter", with_changes(found, pairs=tuple(pair for pair in found.pairs if pair[1]))


def _times(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    for detail, time in other_times(dict(found.pairs).get("Timestamp", "")):
        changed = tuple((name, time if name == "Timestamp" else value) for name, value in found.pairs)
        yield detail, with_changes(found, pairs=changed)


def _files(found: V2Recipe) -> Iterator[tuple[str, V2Recipe]]:
    yield "", with_changes(found, with_files=True)


MISTAKES: tuple[Mistake[V2Recipe], ...] = (
    Mistake(
        "java_order",
        "Your client sorts the names before it writes `_` as `.`, as the official Java and .NET SDKs do.",
        "Mediarelay and the engine accept that.",
        _java,
        accepted=True,
    ),
    Mistake(
        "php_order",
        "Your client keeps a leading `_`, as the official PHP and Node.js SDKs do.",
        "Mediarelay and the engine accept that.",
        _php,
        accepted=True,
    ),
    Mistake(
        "url_encoded_values",
        "Your client signs URL-encoded values.",
        "Sign the raw values, and encode them only when you build the query or form.",
        _encoded,
    ),
    Mistake(
        "unsorted",
        "Your client joins the parameters {}.",
        "Sort them by name, by the code of each character: capitals come before small letters.",
        _orders,
    ),
    other_algorithm("the algorithm that `SignatureMethod` names: HMAC-SHA256 for `HmacSHA256`, otherwise HMAC-SHA1"),
    Mistake("signature_included", "Your client signs {} too.", "Leave `Signature` out of the text.", _included),
    Mistake("wrong_method", "Your client signs {}.", "Sign the method that you send, in capitals.", _methods),
    Mistake("wrong_host", "Your client signs {}.", "Sign exactly the `Host` header that you send.", _hosts),
    Mistake("wrong_path", "Your client signs {}.", "Sign the path of the URL, such as `/v2/index.php`.", _paths),
    Mistake(
        "separator", "Your client puts {} between path and parameters.", "Put a `?` there, also for POST.", _separators
    ),
    Mistake(
        "underscores", "Your client signs `_` in names.", "Write `_` in names as `.` in the text to sign.", _underscores
    ),
    Mistake("omitted", "Your client does not sign {}.", "Sign all parameters that you send.", _omitted),
    Mistake("timestamp", "Your client signs `Timestamp` {}.", "Sign the text that you send: UNIX seconds.", _times),
    Mistake("files_included", "Your client signs files.", "For POST, leave out values that start with `@`.", _files),
    SECRET_SPELLED,
    *spellings(
        *("hex", "base64_of_hex", "urlsafe_base64", "no_padding", "signature_url_encoded"),
        *("signature_not_url_encoded", "upper_case_hex"),
    ),
)
