"""Whether an answer is about the task we asked for (and not about another one that somebody else owns)."""

from typing import Protocol
from urllib.parse import unquote, urlsplit

from mediarelay.domain.media import Source

COS_DOMAIN = ".myqcloud.com"


class Stated(Protocol):
    """Anything that names a task and its source: `Facts`, or what the ledger knows."""

    @property
    def vid(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> Source: ...  # noqa: D102


def mismatches(known: Stated, answer: Stated) -> tuple[str, ...]:
    """Name the fields (`vid`, `app_id`, `bucket`, `url`) that both sides state and that differ; none = bound.

    URLs are compared as the file they name: scheme, case of the host, percent-encoding and the spelling of a COS
    bucket's domain (`cossh.`, `cos.ap-shanghai.`) do not count.
    """
    return tuple(
        name
        for (name, mine), (_, theirs) in zip(_identity(known), _identity(answer), strict=True)
        if mine is not None and theirs is not None and mine != theirs
    )


def _identity(stated: Stated) -> tuple[tuple[str, object], ...]:
    place = stated.source.place
    return (
        ("vid", stated.vid),
        ("app_id", place.app_id),
        ("bucket", place.bucket),
        ("url", stated.source.url and file_named(stated.source.url)),
    )


def file_named(url: str) -> str:
    """Reduce a URL to the file it names, `owner/path?query`; a text that is no URL stands for itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = f"?{unquote(parts.query)}" if parts.query else ""
    return f"{_owner(parts.netloc.lower())}{unquote(parts.path)}{query}"


def _owner(host: str) -> str:
    """Reduce a bucket's host to `bucket-app_id`."""
    return host.partition(".")[0] if host.endswith(COS_DOMAIN) else host
