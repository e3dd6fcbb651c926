"""Songs: the use cases that publish their events and read them."""

from datetime import timedelta
from functools import cache

from mediarelay.adapters.aws import client
from mediarelay.adapters.sns import Topic
from mediarelay.domain.songs.events import Margins
from mediarelay.usecases.songs.publish import SongPublisher
from mediarelay.usecases.songs.read import SongReader
from mediarelay.wiring import base
from mediarelay.wiring.song_store import kms_cipher, song_store


def margins() -> Margins:
    """Return the settings `SongSafetySeconds` and `SongNoticeSeconds` as durations."""
    safety, notice = base.settings().song_safety_seconds, base.settings().song_notice_seconds
    return Margins(safety=timedelta(seconds=safety), notice=timedelta(seconds=notice))


@cache
def song_publisher() -> SongPublisher:
    """Return the use case that publishes the events of songs."""
    topic = Topic(client("sns"), base.settings().topic_arn)
    return SongPublisher(
        songs=song_store(), topic=topic, api_url=base.settings().api_url, margins=margins(), clock=base.now
    )


@cache
def song_reader() -> SongReader:
    """Return the use case that reads songs."""
    return SongReader(songs=song_store(), cipher=kms_cipher(), margins=margins(), clock=base.now)
