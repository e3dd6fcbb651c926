"""The URL of a source file in our API. It is read once into a `CosFile`, which stores and shows it in one spelling."""

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from mediarelay.domain.tasks.file_url import CosFile, parse_url
from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.errors import Malformed


def stated_in_url(value: str, others: ValidationInfo) -> str:
    """Return the `bucketName` or `bucketRegion` of a request; raise ValueError if its `url` names another one."""
    file: CosFile | None = others.data.get("url")
    # A url that was refused is not in `data`. Its own error is enough.
    stated = {"bucketName": file.bucket, "bucketRegion": file.region}[others.field_name or ""] if file else value
    if value != stated:
        raise ValueError(f"must be the one in the url ({stated})")
    return value


def _file(url: object) -> CosFile:
    """Read the URL of a source file; raise ValueError with the reason."""
    if not isinstance(url, str):
        raise ValueError("must be text")  # noqa: TRY004 pydantic wraps ValueError
    try:
        return parse_url(url)
    except Malformed as error:
        raise ValueError(error.reason) from None


# The type of a field: a `CosFile` in Python, its percent-encoded URL in JSON.
Url = Annotated[
    CosFile,
    BeforeValidator(_file),
    PlainSerializer(lambda file: file.url, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_URL,
            "description": "`http://{bucket}-{app_id}.cos{region}.myqcloud.com/{key}`; the key is percent-encoded once",
            "examples": ["http://music-1250000000.cossh.myqcloud.com/100%25.mp3"],
        }
    ),
]
