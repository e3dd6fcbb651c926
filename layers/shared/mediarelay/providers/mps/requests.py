"""The requests of clients: their canonical form, and the file that they name.

| source | form |
| --- | --- |
| a bucket of the object storage | `{"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/a.mp4"}` |
| a URL, which needs a `destination` | `{"url": "https://example.com/a.mp4"}` |
| a foreign storage | `{"s3_bucket": "clips", "s3_region": "us-east-1", "s3_object": "in/a.mp4"}` |

A request of CTS names its source by `url`, with the optional `bucketName` and `bucketRegion`, instead of `source`.

An output is a template: `20` for a transcode, `20000` and `20001` for an animation, and otherwise
`{"definition": 10, "type": "sprite"}`, because templates of different types share their numbers. An animation may state
which part of the source it shows, in seconds: `{"definition": 20000, "type": "gif", "start": 5, "end": 8}`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.facts import Facts, Place, Source
from mediarelay.domain.tasks.file_url import CosFile, parse_url
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.mps import request_values as read
from mediarelay.providers.mps.calls import TASK_SETS
from mediarelay.providers.mps.message import s3_url

# In the order in which a canonical request lists them.
OUTPUT_TYPES = tuple(TASK_SETS)
# A plain number is a transcode, except the provider's own templates of a GIF and a WebP.
ANIMATIONS = frozenset({20000, 20001})
DEFAULT_OUTPUTS: Mapping[Kind, tuple[Any, ...]] = {
    Kind.AUDIO: (1010, 1100),
    Kind.VIDEO: (10, 20, 30, 40, 20000, {"definition": 10, "type": "snapshot"}),
}
# The provider requires a part for an animation. Without a stated one, it is the beginning of the source.
GIF_SECONDS = 3
MAX_OUTPUTS = 50
MAX_NAME = 64
# `provider` says who serves a request. Whoever calls this module has read it.
_COMMON = ("outputs", "schedule", "destination", "output_dir", "reference", "priority", "provider")
# A request that tracks a task may have these beside its source.
_TRACKED_BY = ("vid", "cos_request_id", "date")
_CTS_SOURCE = ("url", "bucketName", "bucketRegion")
_PART = ("start", "end")


def canonical_request(kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a client's request in its canonical form, which is a request, too. Defaults are left out.

    Raises `Malformed` with the path of the wrong field.
    """
    fields = Fields(request)
    source = _source(fields)
    found = {
        "source": source,
        **_work(kind, fields),
        "destination": _destination(fields, source),
        "output_dir": fields.strict("output_dir", read.folder),
        "reference": fields.strict("reference", read.reference),
        "priority": fields.strict("priority", read.priority) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def request_facts(vid: str, kind: Kind, request: Mapping[str, Any]) -> Facts:
    """Read a stored request; raises `Malformed`. One that tracks a task by its id may name no source."""
    stated = {name: value for name, value in request.items() if name not in _TRACKED_BY}
    reference, source = Fields(stated).strict("reference", read.reference), Source()
    if stated.get("source") is not None or stated.get("url") is not None:
        source = _stated_source(canonical_request(kind, stated)["source"])
    return Facts(vid=vid, kind=kind, state=State.EXPECTED, source=source, reference=reference)


def _stated_source(source: Mapping[str, str]) -> Source:
    if "bucket" in source:
        file = cos_file(source)
        place = Place(app_id=file.app_id, bucket=file.bucket, region=file.region)
        return Source(url=file.url, path=source["object"], place=place)
    if "url" in source:
        return Source(url=source["url"])
    bucket, key = source["s3_bucket"], source["s3_object"]
    return Source(url=s3_url(bucket, key), path=f"/{key}", place=Place(bucket=bucket, region=source["s3_region"]))


def cos_file(source: Mapping[str, str]) -> CosFile:
    """Return the file of a canonical source in a bucket of the object storage."""
    name, _, app_id = source["bucket"].rpartition("-")
    return CosFile(app_id=int(app_id), bucket=name, region=source["region"], key=source["object"].removeprefix("/"))


# ── the source and the destination ──


def _source(fields: Fields) -> dict[str, str]:
    if fields.data.get("source") is None:
        _only(fields, (*_CTS_SOURCE, *_COMMON))
        return _cts_source(fields)
    if fields.data.get("url") is not None:
        raise Malformed("url", "must not be given together with source")
    _only(fields, ("source", *_COMMON))
    stated = fields.inside("source", fields.strict("source", read.members))
    return _variant(stated, {"bucket": _cos_source, "url": _web_source, "s3_bucket": _s3_source})


def _cts_source(fields: Fields) -> dict[str, str]:
    """Read the URL of an object, and its bucket and region if they are stated once more."""
    if fields.data.get("url") is None:
        raise Malformed("source", "is required")
    file = parse_url(fields.strict("url", read.text))
    region = read.long_region(file.region)
    if fields.strict("bucketName", read.optional_text) not in {None, file.bucket}:
        raise Malformed("bucketName", f"must be the one in the url ({file.bucket})")
    stated = fields.strict("bucketRegion", read.optional_text)
    if stated is not None and read.long_region(stated) != region:
        raise Malformed("bucketRegion", f"must be the one in the url ({file.region})")
    return {"bucket": f"{file.bucket}-{file.app_id}", "region": region, "object": f"/{file.key}"}


def _cos_source(fields: Fields) -> dict[str, str]:
    _only(fields, ("bucket", "region", "object"))
    return _cos_place(fields) | {"object": fields.strict("object", read.cos_key)}


def _web_source(fields: Fields) -> dict[str, str]:
    _only(fields, ("url",))
    return {"url": fields.strict("url", read.web_url)}


def _s3_source(fields: Fields) -> dict[str, str]:
    _only(fields, ("s3_bucket", "s3_region", "s3_object"))
    return _s3_place(fields) | {"s3_object": fields.strict("s3_object", read.s3_key)}


def _destination(fields: Fields, source: Mapping[str, str]) -> dict[str, str] | None:
    """Return where the outputs go; None if it is where the source lies."""
    if fields.data.get("destination") is None:
        if "url" in source:
            raise Malformed("destination", "is required for a source that is a url")
        return None
    stated = fields.inside("destination", fields.strict("destination", read.members))
    place = _variant(stated, {"bucket": _cos_destination, "s3_bucket": _s3_destination})
    return None if place.items() <= source.items() else place


def _cos_destination(fields: Fields) -> dict[str, str]:
    _only(fields, ("bucket", "region"))
    return _cos_place(fields)


def _s3_destination(fields: Fields) -> dict[str, str]:
    _only(fields, ("s3_bucket", "s3_region"))
    return _s3_place(fields)


def _cos_place(fields: Fields) -> dict[str, str]:
    return {"bucket": fields.strict("bucket", read.bucket), "region": fields.strict("region", read.region)}


def _s3_place(fields: Fields) -> dict[str, str]:
    return {
        "s3_bucket": fields.strict("s3_bucket", read.s3_bucket),
        "s3_region": fields.strict("s3_region", read.region),
    }


def _variant(fields: Fields, readers: Mapping[str, Callable[[Fields], dict[str, str]]]) -> dict[str, str]:
    """Read an object by the one of several fields that it has."""
    found = [reader for name, reader in readers.items() if fields.data.get(name) is not None]
    if len(found) != 1:
        raise Malformed(fields.path.removesuffix("."), f"must have one of {', '.join(readers)}")
    return found[0](fields)


# ── the outputs ──


def _work(kind: Kind, fields: Fields) -> dict[str, Any]:
    """Read what is made of the source: outputs, or a schedule that is stored at the provider."""
    schedule = fields.strict("schedule", read.schedule)
    if schedule is None:
        return {"outputs": _outputs(kind, fields)}
    if fields.data.get("outputs") is not None:
        raise Malformed("schedule", "must not be given together with outputs")
    return {"schedule": schedule}


def _outputs(kind: Kind, fields: Fields) -> list[dict[str, Any]]:
    """Return the outputs in one order, each once: an output that is stated twice would be billed twice."""
    stated = fields.data.get("outputs")
    if stated is not None and not (isinstance(stated, list) and 0 < len(stated) <= MAX_OUTPUTS):
        raise Malformed("outputs", f"must be a list of 1 to {MAX_OUTPUTS} templates")
    found = [_output(position, one) for position, one in enumerate(stated or DEFAULT_OUTPUTS[kind])]
    ordered = sorted(set(found), key=lambda output: (OUTPUT_TYPES.index(output.type), output))
    return [{name: value for name, value in output._asdict().items() if value is not None} for output in ordered]


class Output(NamedTuple):
    """One output; `start` and `end` in seconds of the source, for animations only."""

    type: str
    definition: int
    start: float | None = None
    end: float | None = None


def _output(position: int, stated: object) -> Output:
    output = Fields(stated if isinstance(stated, Mapping) else {"definition": stated}, f"outputs.{position}.")
    # Even without a value: the request is stored as it came, and a name may be of any length.
    _refuse(output, (name for name in output.data if name not in ("definition", "type", *_PART)))
    definition, type_ = output.strict("definition", read.definition), output.data.get("type")
    if type_ is None:
        type_ = "gif" if definition in ANIMATIONS else "transcode"
    if type_ not in OUTPUT_TYPES:
        raise Malformed(f"{output.path}type", f"must be one of {', '.join(OUTPUT_TYPES)}")
    _only(output, ("definition", "type", *(_PART if type_ == "gif" else ())))
    return Output(type_, definition, *(_part(output) if type_ == "gif" else ()))


def _part(output: Fields) -> tuple[float, float]:
    """Read which part of the source an animation shows."""
    start = output.strict("start", read.seconds) or 0.0
    end = output.strict("end", read.seconds)
    if end is not None and end <= start:
        raise Malformed(f"{output.path}end", "must be after start")
    return start, start + GIF_SECONDS if end is None else end


def _only(fields: Fields, names: Collection[str]) -> None:
    """Refuse a field that would be ignored."""
    _refuse(fields, (name for name, value in fields.data.items() if value is not None and name not in names))


def _refuse(fields: Fields, unknown: Iterable[str]) -> None:
    if (other := next(iter(unknown), None)) is not None:
        raise Malformed(f"{fields.path}{ascii(other[:MAX_NAME])[1:-1]}", "is not a field of this request")
