"""What a person names as a source, and the request that it becomes."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mediarelay.domain.tasks.file_url import bucket_host, parse_host, short_region
from mediarelay_cli.api import Json
from mediarelay_cli.errors import CliError, Exit

KINDS = ("video", "audio")
SCHEMES = ("http", "https", "cos", "s3")
# Seconds. A large file takes its time.
UPLOAD_TIMEOUT = 600
FORMS = "http://BUCKET.cosREGION.myqcloud.com/KEY, cos://BUCKET/KEY, s3://BUCKET/KEY, another URL, or a file"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a submit states apart from its source.

    Attributes:
        kind: `video` or `audio`; empty if the file's name decides.
        fields: Further fields of the request, as the API names them.
    """

    kind: str = ""
    bucket: str = ""
    region: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to submit: its kind, its body, and the key that makes it unique, if one is known."""

    source: str
    kind: str
    body: Json
    key: str = ""


def is_file(source: str) -> bool:
    """Return whether a source is a path on this machine, not a URL."""
    return scheme_of(source) not in SCHEMES


def scheme_of(source: str) -> str:
    """Return the scheme of a URL in lower case; empty for a path."""
    scheme, mark, _ = source.partition("://")
    return scheme.lower() if mark else ""


def kind_of(name: str, stated: str) -> str:
    """Return the kind of a file by its name, unless it is stated. Raises `CliError` if neither says it."""
    guessed = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
    kind = stated or guessed
    if kind not in KINDS:
        raise CliError(f"{name}: neither a video nor an audio file by its name", "State --kind.", Exit.USAGE)
    return kind


def request_of(source: str, options: Options) -> Request:
    """Return the request about a URL or an object. Raises `CliError` if it has none of the known forms."""
    kind = kind_of(_key_of(source), options.kind)
    body = _SOURCES[scheme_of(source)](source, kind, options)
    return Request(source=source, kind=kind, body=body | dict(options.fields))


def _key_of(source: str) -> str:
    try:
        return unquote(urlsplit(source).path)
    except ValueError as error:
        raise CliError(f"{source} is no URL", f"A source is {FORMS}.", Exit.USAGE) from error


def _from_web(source: str, kind: str, _options: Options) -> Json:
    place = parse_host(urlsplit(source).netloc)
    return _object_url(source, kind, place) if place else {"source": {"url": source}}


def _object_url(url: str, kind: str, place: tuple[int, str, str]) -> Json:
    # CTS requires bucket and region of audio files once more.
    _, bucket, region = place
    return {"url": url} | ({"bucketName": bucket, "bucketRegion": region} if kind == "audio" else {})


def _from_cos(source: str, kind: str, options: Options) -> Json:
    bucket, key = _parts(source)
    if options.fields.get("provider") == "cts":
        return cos_request(bucket, options.region, key, kind)
    return {"source": {"bucket": bucket, "region": options.region, "object": f"/{key}"}}


def cos_request(bucket: str, region: str, key: str, kind: str) -> Json:
    """Return the request about an object of COS in the form that both providers take."""
    name, app_id = split_bucket(bucket)
    url = f"http://{bucket_host(app_id, name, short_region(region))}/{quote(key)}"
    return _object_url(url, kind, (app_id, name, short_region(region)))


def _from_s3(source: str, _kind: str, options: Options) -> Json:
    bucket, key = _parts(source)
    return {"source": {"s3_bucket": bucket, "s3_region": options.region, "s3_object": f"/{key}"}}


def _parts(source: str) -> tuple[str, str]:
    bucket, _, key = source.partition("://")[2].partition("/")
    if not bucket or not key:
        raise CliError(f"{source} names no object", f"A source is {FORMS}.", Exit.USAGE)
    return bucket, key


_SOURCES = {"http": _from_web, "https": _from_web, "cos": _from_cos, "s3": _from_s3}


def split_bucket(bucket: str) -> tuple[str, int]:
    """Return name and account of a bucket such as `clips-1250000000`. Raises `CliError` if it has no account."""
    name, _, account = bucket.rpartition("-")
    if not name or not account.isascii() or not account.isdecimal():
        raise CliError(f"--bucket {bucket}: no account", "Write it as clips-1250000000.", Exit.USAGE)
    return name, int(account)


@dataclass(frozen=True)
class Uploader:
    """Puts files into buckets of the local engine.

    The command line does not sign uploads to COS itself; `coscli` does that.
    """

    endpoint: str

    def upload(self, file: Path, key: str, options: Options) -> Request:
        """Upload a file and return the request about it. Raises `CliError`."""
        kind = kind_of(file.name, options.kind)
        name, app_id = split_bucket(options.bucket)
        headers = self._put(file, key, bucket_host(app_id, name, short_region(options.region)))
        body = cos_request(options.bucket, options.region, key, kind)
        if kind == "video" and options.fields.get("provider") == "cts":
            # The upload has started the task, and its headers name it. Nothing else can be stated about it.
            upload = {"cos_request_id": headers["x-cos-request-id"], "date": headers["Date"]}
            known = {name: options.fields[name] for name in ("reference",) if name in options.fields}
            return Request(source=str(file), kind=kind, body={"url": body["url"]} | upload | known)
        # An upload's request id is unique, so that new content is a new task.
        key = str(headers.get("x-cos-request-id") or "")
        return Request(source=str(file), kind=kind, body=body | dict(options.fields), key=key)

    def _put(self, file: Path, key: str, host: str) -> Mapping[str, str]:
        import requests  # noqa: PLC0415 - `--help` does not need it

        url = f"{self.endpoint.rstrip('/')}/{quote(key)}"
        try:
            with file.open("rb") as content:
                answer = requests.put(url, data=content, headers={"Host": host}, timeout=UPLOAD_TIMEOUT)
        except requests.RequestException as error:
            raise CliError(f"{self.endpoint} does not answer", "Is `make up` running?") from error
        except OSError as error:
            raise CliError(f"{file}: {error.strerror}", code=Exit.USAGE) from error
        if not answer.ok:
            raise CliError(f"upload of {file}: {answer.status_code} {answer.reason}", "Check --bucket.")
        return answer.headers


def uploader(endpoint: str, options: Options, source: str) -> Uploader:
    """Return what uploads a file. Raises `CliError` if the stack is not local, or no bucket is stated."""
    if not Path(source).exists():
        raise CliError(f"{source}: no such file", f"A source is {FORMS}.", Exit.USAGE)
    if not endpoint:
        bucket = options.bucket or "BUCKET"
        action = f"Upload with `coscli cp {source} cos://{bucket}/KEY`, then `mediarelay submit cos://{bucket}/KEY`."
        raise CliError(f"{source}: mediarelay uploads to a local stack only", action, Exit.USAGE)
    if not options.bucket:
        raise CliError(f"{source}: no bucket to upload to", "State --bucket, such as films-1250000000.", Exit.USAGE)
    return Uploader(endpoint)
