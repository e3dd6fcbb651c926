"""Read how far ffmpeg is from the file that `-progress` appends to."""

import re
from pathlib import Path

# ffmpeg appends some 300 bytes a second, so the last bytes hold the latest position.
_TAIL = 2_000
# Microseconds. A second earlier, ffmpeg writes N/A.
_POSITION = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)
# Only a task whose outputs are published is complete.
MAX_OPEN = 99


def percent(file: Path, duration: float) -> int:
    """Return how much of a source of `duration` seconds is encoded, from 0 to `MAX_OPEN`; 0 if it is unknown."""
    try:
        with file.open("rb") as written:
            written.seek(max(0, file.stat().st_size - _TAIL))
            found = _POSITION.findall(written.read())
    except FileNotFoundError:
        return 0
    return int(min(MAX_OPEN, int(found[-1]) / 1e4 / duration)) if found and duration > 0 else 0
