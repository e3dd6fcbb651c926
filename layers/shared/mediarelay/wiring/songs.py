"""Songs: what publishes their events, and what answers queries about them."""

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
    """How much earlier songs count as over, and are said to be about to."""
    safety, notice = base.settings().song_safety_seconds, base.settings().song_notice_seconds
    return Margins(safety=timedelta(seconds=safety), notice=timedelta(seconds=notice))


@cache
def song_publisher() -> SongPublisher:
    """Publishes the events of songs."""
    topic = Topic(client("sns"), base.settings().topic_arn)
    return SongPublisher(
        songs=song_store(), topic=topic, api_url=base.settings().api_url, margins=margins(), clock=base.now
    )


@cache
def song_reader() -> SongReader:
    """Answers what a room may use."""
    return SongReader(songs=song_store(), cipher=kms_cipher(), margins=margins(), clock=base.now)
