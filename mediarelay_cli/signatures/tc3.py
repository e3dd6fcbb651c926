"""API 3.0: TC3-HMAC-SHA256 over a canonical request, in hex."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mediarelay.signing.tc3 import ALGORITHM
from mediarelay_cli.signatures.common import (
    HEX_MISTAKES,
    SECRET_SPELLED,
    Write,
    hexadecimal,
    other_bodies,
    other_times,
    spellings,
    with_changes,
)
from mediarelay_cli.signatures.recipe import Mistake

Headers = tuple[tuple[str, str], ...]
TERMINATOR = "tc3_request"
UNSIGNED = "UNSIGNED-PAYLOAD"
SERVICES = ("mps", "vod", "cdn", "cos", "cvm", "sts")
CHINA = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tc3Recipe:
    """The choices of a TC3 signature. `headers` are those to sign, in the order in which they are signed."""

    secret: str
    service: str
    date: str
    timestamp: str
    method: str
    path: str
    query: str
    headers: Headers
    payload: bytes
    payload_digest: str = ""
    after_headers: str = "\n"
    prefix: str = "TC3"
    key_parts: tuple[str, ...] = ("date", "service", "terminator")
    terminator: str = TERMINATOR
    scope_prefix: str = ""
    algorithm: str = ALGORITHM
    raw_request: bool = False
    write: Write = hexadecimal

    @property
    def canonical_request(self) -> str:
        """The text whose digest is signed."""
        headers = "".join(f"{name}:{value}\n" for name, value in self.headers)
        names = ";".join(name for name, _ in self.headers)
        digest = self.payload_digest or hashlib.sha256(self.payload).hexdigest()
        start = f"{self.method}\n{self.path}\n{self.query}\n{headers}"
        return f"{start}{self.after_headers}{names}\n{digest}"

    @property
    def scope(self) -> str:
        """The scope of the credential."""
        return f"{self.date}/{self.scope_prefix}{self.service}/{self.terminator}"

    @property
    def text(self) -> bytes:
        """The text to sign."""
        request = self.canonical_request
        digest = request if self.raw_request else hashlib.sha256(_bytes(request)).hexdigest()
        return _bytes(f"{self.algorithm}\n{self.timestamp}\n{self.scope}\n{digest}")

    @property
    def signature(self) -> str:
        """The signature."""
        key = _bytes(f"{self.prefix}{self.secret}")
        for part in self.key_parts:
            key = hmac.digest(key, _bytes(getattr(self, part)), hashlib.sha256)
        return self.write(hmac.digest(key, self.text, hashlib.sha256))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def date_of(timestamp: str, offset: timedelta = timedelta()) -> str:
    """Return the UTC date of UNIX seconds, shifted by an offset."""
    return (datetime.fromtimestamp(int(timestamp), UTC) + offset).strftime("%Y-%m-%d")


# ── mistakes ──


def _bodies(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for detail, body in other_bodies(found.payload):
        yield detail, with_changes(found, payload=body)


def _payload_digests(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "upper-case hex digits", with_changes(found, payload_digest=hashlib.sha256(found.payload).hexdigest().upper())
    yield f"`{UNSIGNED}`", with_changes(found, payload_digest=UNSIGNED)
    yield "the body itself", with_changes(found, payload_digest=found.payload.decode("utf-8", "replace"))


def _header_names(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for spell in (str.title, str.upper):
        yield "", with_changes(found, headers=tuple((spell(name), value) for name, value in found.headers))


def _header_values(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "", with_changes(found, headers=tuple((name, value.lower()) for name, value in found.headers))


def _header_order(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "", with_changes(found, headers=found.headers[::-1])


def _header_blanks(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "", with_changes(found, headers=tuple((name, f" {value}") for name, value in found.headers))


def _omitted_headers(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for name, _ in found.headers:
        yield f"`{name}`", with_changes(found, headers=tuple(pair for pair in found.headers if pair[0] != name))


def _content_types(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    stated = dict(found.headers).get("content-type", "")
    plain = stated.partition(";")[0].strip()
    for other in (plain, f"{plain}; charset=utf-8", f"{plain};charset=utf-8", "application/x-www-form-urlencoded"):
        if other != stated:
            yield f"`{other}`", _with_header(found, "content-type", other)


def _hosts(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    stated = dict(found.headers).get("host", "")
    first, *others = stated.split(".")
    central = ".".join([first, *others[-2:]])
    bare = stated.rsplit(":", 1)[0]
    for host in dict.fromkeys((bare, f"{bare}:443", f"{bare}:80", f"https://{stated}", central, stated.upper())):
        if host != stated:
            yield f"`{host}`", _with_header(found, "host", host)


def _with_header(found: Tc3Recipe, name: str, value: str) -> Tc3Recipe:
    return with_changes(found, headers=tuple((one, value if one == name else stated) for one, stated in found.headers))


def _newline(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "", with_changes(found, after_headers="")


def _targets(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for path in ("", "/index.php", "/v2/index.php", f"https://{dict(found.headers).get('host', '')}/"):
        if path != found.path:
            yield f"the path `{path}`" if path else "no path", with_changes(found, path=path)
    if found.query:
        yield "no query", with_changes(found, query="")
        yield "a query that is sorted", with_changes(found, query="&".join(sorted(found.query.split("&"))))


def _methods(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for method in ("GET", "POST", found.method.lower()):
        if method != found.method:
            yield f"`{method}`", with_changes(found, method=method)


def _dates(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    china = date_of(found.timestamp, CHINA)
    for date in dict.fromkeys((china, *(date_of(found.timestamp, timedelta(days=days)) for days in (-1, 1)))):
        if date != found.date:
            yield f"`{date}`", with_changes(found, date=date)
    yield "without hyphens", with_changes(found, date=found.date.replace("-", ""))


def _services(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    host = dict(found.headers).get("host", "")
    for service in dict.fromkeys((host.split(".")[0], host, found.service.upper(), *SERVICES)):
        if service not in {found.service, ""}:
            yield f"`{service}`", with_changes(found, service=service)


def _keys(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "without the prefix `TC3`", with_changes(found, prefix="")
    yield "with the prefix `AWS4`", with_changes(found, prefix="AWS4")
    yield "from the service before the date", with_changes(found, key_parts=("service", "date", "terminator"))
    yield f"without the step `{TERMINATOR}`", with_changes(found, key_parts=("date", "service"))
    yield "from nothing but the secret", with_changes(found, key_parts=())


def _terminators(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for other in ("aws4_request", "tc3_request\n", "TC3_REQUEST"):
        yield f"{other!r}", with_changes(found, terminator=other)


REGIONS = ("ap-guangzhou", "ap-shanghai", "ap-beijing", "ap-chengdu", "ap-hongkong", "ap-singapore", "na-ashburn")


def _regions(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for region in REGIONS:
        parts = ("date", "scope_prefix", "service", "terminator")
        yield f"`{region}`", with_changes(found, scope_prefix=f"{region}/")
        yield f"`{region}`", with_changes(found, scope_prefix=f"{region}/", key_parts=parts)


def _times(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for detail, time in other_times(found.timestamp):
        yield detail, with_changes(found, timestamp=time)


def _raw(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    yield "", with_changes(found, raw_request=True)


def _algorithms(found: Tc3Recipe) -> Iterator[tuple[str, Tc3Recipe]]:
    for name in ("TC3-HMAC-SHA1", "AWS4-HMAC-SHA256", "HmacSHA256"):
        yield f"`{name}`", with_changes(found, algorithm=name)


SENT = "Sign exactly what you send"
MISTAKES: tuple[Mistake[Tc3Recipe], ...] = (
    Mistake(
        "lower_case_values",
        "Your client signs the values of headers in lower case, as the provider documents it.",
        "Mediarelay and the engine accept that, and values as they are sent.",
        _header_values,
        accepted=True,
    ),
    Mistake("body", "Your client signs the body {}.", f"{SENT}: serialise the body once.", _bodies),
    Mistake(
        "body_digest",
        "Your client takes {} for the digest of the body.",
        "Use the SHA-256 in lower-case hex.",
        _payload_digests,
    ),
    Mistake(
        "header_names",
        "Your client does not sign header names in lower case.",
        "Write their names in lower case.",
        _header_names,
    ),
    Mistake("header_order", "Your client does not sort the signed headers.", "Sort them by name.", _header_order),
    Mistake(
        "header_blanks",
        "Your client signs a blank before each value.",
        "Write `name:value` without a blank.",
        _header_blanks,
    ),
    Mistake(
        "newline_after_headers",
        "Your client leaves out the empty line after the signed headers.",
        "End each header with a line break, and add one more.",
        _newline,
    ),
    Mistake(
        "content_type",
        "Your client signs the content type {}.",
        f"{SENT}. HTTP libraries may add a charset.",
        _content_types,
    ),
    Mistake("wrong_host", "Your client signs the host {}.", f"{SENT} in the header `Host`.", _hosts),
    Mistake("wrong_method", "Your client signs the method {}.", f"{SENT}, in capitals.", _methods),
    Mistake("wrong_target", "Your client signs {}.", "Sign the path `/` and the query as sent.", _targets),
    Mistake(
        "omitted_header",
        "Your client does not sign {}, which `SignedHeaders` lists.",
        "Sign every header of that list.",
        _omitted_headers,
    ),
    Mistake(
        "wrong_date",
        "Your client uses the date {}.",
        "Use the UTC date of `X-TC-Timestamp`, such as 2026-11-26.",
        _dates,
    ),
    Mistake(
        "wrong_service",
        "Your client signs for the service {}.",
        "Use the service that you call, such as `mps`.",
        _services,
    ),
    Mistake(
        "region_in_scope",
        "Your client puts the region {} into the scope.",
        "The scope is date, service, `tc3_request`. The region is a header.",
        _regions,
    ),
    Mistake(
        "signing_key",
        "Your client derives the key {}.",
        "Derive it from `TC3` and the secret key, then date, service, `tc3_request`.",
        _keys,
    ),
    Mistake("terminator", "Your client ends the scope with {}.", f"End it with `{TERMINATOR}`.", _terminators),
    Mistake(
        "timestamp", "Your client signs the timestamp {}.", "Sign the value of `X-TC-Timestamp`: UNIX seconds.", _times
    ),
    Mistake(
        "canonical_request_not_hashed",
        "Your client signs the canonical request itself.",
        "Sign its SHA-256 in hex.",
        _raw,
    ),
    Mistake("algorithm_name", "Your client names the algorithm {}.", f"Name it `{ALGORITHM}`.", _algorithms),
    SECRET_SPELLED,
    *spellings(*HEX_MISTAKES),
)
