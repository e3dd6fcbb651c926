"""Songs: the use case that reads them, and the margins of their deadlines."""

from datetime import timedelta
from functools import cache

from mediarelay.domain.songs.events import Margins
from mediarelay.usecases.songs.read import SongReader
from mediarelay.wiring import base
from mediarelay.wiring.song_store import kms_cipher, song_store


def margins() -> Margins:
    """Return the settings `SongSafetySeconds` and `SongNoticeSeconds` as durations."""
    safety, notice = base.settings().song_safety_seconds, base.settings().song_notice_seconds
    return Margins(safety=timedelta(seconds=safety), notice=timedelta(seconds=notice))


@cache
def song_reader() -> SongReader:
    """Return the use case that reads songs."""
    return SongReader(songs=song_store(), cipher=kms_cipher(), margins=margins(), clock=base.now)
