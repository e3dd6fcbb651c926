"""The ids that providers give to their tasks."""

import hashlib
import re
from datetime import UTC, datetime

from mediarelay.errors import Malformed

VID_FORM = "must be 1 to 128 letters, digits, - and _, and must begin with a letter or a digit"
VID_PATTERN = "[0-9A-Za-z][0-9A-Za-z_-]{0,127}"
# No provider documents the form of its ids, so any short word passes.
_VID = re.compile(VID_PATTERN, re.ASCII)
_HEADER = re.compile(r"[!-~]{1,512}", re.ASCII)
# Not `strptime`: it reads names in the language of the process.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RFC1123 = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT",
    re.ASCII,
)


def is_vid(text: object) -> bool:
    """Return whether a value has the form of a task id; see `VID_PATTERN`."""
    return isinstance(text, str) and _VID.fullmatch(text) is not None


def checked(text: str) -> str:
    """Return a task id; raises `Malformed` if it has another form."""
    if not is_vid(text):
        raise Malformed("vid", VID_FORM)
    return text


def video_vid(cos_request_id: str, date: str) -> str:
    """Compute a video's task id from the response headers of its COS v5 upload, before any callback names it.

    The id is md5hex(`x-cos-request-id`, not decoded), followed by the UNIX seconds of `Date` (RFC 1123, GMT). The
    provider computes it in the same way. Raises `Malformed` (`cos_request_id`, `date`).
    """
    if not _HEADER.fullmatch(cos_request_id):
        raise Malformed("cos_request_id", "not the text of an x-cos-request-id header")
    head = hashlib.md5(cos_request_id.encode("ascii"), usedforsecurity=False).hexdigest()
    return f"{head}{_unix_seconds(date)}"


def _unix_seconds(date: str) -> int:
    """Parse `Mon, 26 Feb 2018 08:25:37 GMT`; raises `Malformed` (`date`)."""
    match = _RFC1123.fullmatch(date)
    if match is None:
        raise Malformed("date", "not an RFC 1123 date such as 'Mon, 26 Feb 2018 08:25:37 GMT'")
    day, year, hour, minute, second = map(int, match.group(2, 4, 5, 6, 7))
    try:
        moment = datetime(year, _MONTHS.index(match[3]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Malformed("date", "no such moment") from error
    # A date with a wrong weekday was mistyped, and would name a task that never comes.
    if _DAYS[moment.weekday()] != match[1] or moment.timestamp() < 0:
        raise Malformed("date", "no such moment")
    return int(moment.timestamp())
