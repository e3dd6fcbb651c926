"""Names and sizes as people read them."""

from urllib.parse import unquote, urlsplit


def file_name(url: object) -> str | None:
    """Return the last part of a URL's path, not escaped; None if there is no URL."""
    if not isinstance(url, str) or not url:
        return None
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return unquote(path.rstrip("/").rpartition("/")[2]) or url


def size(number: object) -> str | None:
    """Return a number of bytes with its unit, such as `1.2 MB`; None if it is unknown."""
    if not isinstance(number, int):
        return None
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{number} B"


def clock(milliseconds: object) -> str | None:
    """Return a remaining time as minutes and seconds, such as `2:05`; None if it is unknown."""
    if not isinstance(milliseconds, int):
        return None
    seconds = max(milliseconds, 0) // 1000
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""  # noqa: PLR2004 - seconds of an hour
    return f"{hours}{seconds // 60 % 60:0{2 if hours else 1}}:{seconds % 60:02}"
