"""The URL of a source file in our API: read once into the file that it names, given on and shown in one spelling."""

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from mediarelay.domain.tasks.file_url import CosFile, parse_url
from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.errors import Malformed


def stated_in_url(value: str, others: ValidationInfo) -> str:
    """Let the `bucketName` or `bucketRegion` of a request pass if its `url` names the same; else raises ValueError."""
    file: CosFile | None = others.data.get("url")
    stated = {"bucketName": file.bucket, "bucketRegion": file.region}[others.field_name or ""] if file else value
    if value != stated:
        raise ValueError(f"is not the one in the url ({stated})")
    return value


def _file(url: object) -> CosFile:
    """Read the URL of a source file; raises ValueError with what is wrong."""
    if not isinstance(url, str):
        raise ValueError("must be text")  # noqa: TRY004 pydantic wraps ValueError
    try:
        return parse_url(url)
    except Malformed as error:
        raise ValueError(error.reason) from None


# Of a source file: a `CosFile` inside, its escaped URL outside.
Url = Annotated[
    CosFile,
    BeforeValidator(_file),
    PlainSerializer(lambda file: file.url, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_URL,
            "description": "`http://{bucket}-{app_id}.cos{region}.myqcloud.com/{key}`; the key is escaped once",
            "examples": ["http://music-1250000000.cossh.myqcloud.com/100%25.mp3"],
        }
    ),
]
