"""What subscribers learn about a song, as a table: relays, what was published, now -> the next event and its time.

Times are minutes after START. The safety margin is one minute, the notice ten minutes.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mediarelay.domain.songs.errors import zego_error
from mediarelay.domain.songs.events import (
    MAX_PUBLISHED_RELAYS,
    Margins,
    SongBookkeeping,
    next_event,
    prune_published,
)
from mediarelay.domain.songs.lease import lease
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey, SongType
from tests.unit.domain.strategies import START

KEY = SongKey("room", "song", 0, SongType.SONG)
MARGINS = Margins(safety=timedelta(minutes=1), notice=timedelta(minutes=10))
MINUTE = 60_000
"""In ZEGO's unit, milliseconds."""


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def acquired(
    digest: str, minutes: float = 0, *, resource: int = 120, share: int | None = 60, krc: int | None = None
) -> Relay:
    """An acquisition; the times to live are minutes."""
    grant = Grant(
        resources=(Resource(resource_id=digest, ttl=resource * MINUTE),),
        share_ttl=None if share is None else share * MINUTE,
        share_token="s",
        krc_token=None if krc is None else "k",
        krc_ttl=None if krc is None else krc * MINUTE,
    )
    return Relay(key=KEY, digest=digest, sent=at(minutes), at=at(minutes), grant=grant)


def refused(digest: str, minutes: float, code: int = 10011) -> Relay:
    return Relay(key=KEY, digest=digest, sent=at(minutes), at=at(minutes), error=zego_error(code))


A, B = acquired("a"), acquired("b", 30)
READY = "ready#a"
SHARE_ENDS, RESOURCE_ENDS = "expiring#a#share#a", "expired#a#resource#a"

ROWS: dict[str, tuple[list[Relay], set[str], float, str | None, float]] = {
    # ── relays, published, now -> next event, at ──
    "an acquisition is ready at once": ([A], set(), 0, "ready#a", 0),
    "then its first end is near": ([A], {READY}, 0, SHARE_ENDS, 60 - 1 - 10),
    "then the last usable part has expired": ([A], {READY, SHARE_ENDS}, 49, RESOURCE_ENDS, 120 - 1),
    "then nothing is left": ([A], {READY, SHARE_ENDS, RESOURCE_ENDS}, 119, None, 0),
    "a notice longer than the time left is due on arrival": (
        [acquired("a", share=5)],
        {READY},
        0,
        "expiring#a#share#a",
        0,
    ),
    "without a right to share, the resource ends first": (
        [acquired("a", share=None)],
        {READY},
        0,
        "expiring#a#resource#a",
        109,
    ),
    "lyrics may end first": ([acquired("a", krc=20)], {READY}, 0, "expiring#a#krc#a", 9),
    "lyrics never expire the song": (
        [acquired("a", resource=5, share=5, krc=600)],
        {READY, "expiring#a#resource#a"},
        0,
        "expired#a#share#a",
        4,
    ),
    "no notice after the end": ([A], {READY}, 130, RESOURCE_ENDS, 119),
    "an acquisition that was over on arrival has no notice": (
        [acquired("a", resource=0, share=0)],
        {READY},
        0,
        "expired#a",
        0,
    ),
    "a failure": ([refused("f", 3)], set(), 3, "failed#f", 3),
    "a failure after an acquisition": ([A, refused("f", 3)], {READY}, 3, "failed#f", 3),
    "a failure before an acquisition counts no more": ([refused("f", 0), B], {"ready#b"}, 30, "expiring#b#share#b", 79),
    "an error that takes nothing away": ([A, refused("f", 3, 1017049)], {READY}, 3, SHARE_ENDS, 49),
    "a newer acquisition is ready": ([A, B], {READY}, 30, "ready#b", 30),
    "only the newest acquisition has ends": (
        [A, B],
        {READY, "ready#b", "expiring#b#share#b"},
        80,
        "expired#b#resource#b",
        149,
    ),
    "sharing that ends early brings no second notice": (
        [A, refused("x", 40, 1017050)],
        {READY, SHARE_ENDS, "failed#x"},
        41,
        RESOURCE_ENDS,
        119,
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_next_event(name: str) -> None:
    relays, published, now, label, minutes = ROWS[name]
    found = next_event(lease(relays), SongBookkeeping(published=frozenset(published)), MARGINS, at(now))
    assert (found and found.label) == label
    assert found is None or found.at == at(minutes)


def test_each_event_happens_once_in_this_order() -> None:
    published: list[Any] = []
    while found := next_event(lease([A, B]), SongBookkeeping(published=frozenset(published)), MARGINS, at(600)):
        published.append(found.label)
    assert published == ["ready#b", "expired#b#resource#b"]


def test_an_older_acquisition_that_arrives_late_may_revive_an_expired_song() -> None:
    """The newest one gives no right to share and was over on arrival; the older one gives that right."""
    relays = [acquired("a", resource=0, share=None), acquired("z", -10, resource=0, share=600)]
    published = {READY, "expired#a"}
    expected = [("expiring#a#share#z", at(579)), ("expired#a#share#z", at(589))]
    for label, when in expected:
        found = next_event(lease(relays), SongBookkeeping(published=frozenset(published)), MARGINS, at(1))
        assert found
        assert (found.label, found.at) == (label, when)
        published.add(label)
    assert next_event(lease(relays), SongBookkeeping(published=frozenset(published)), MARGINS, at(1)) is None


def test_labels_of_relays_that_no_longer_count_are_pruned() -> None:
    many = [acquired(f"{number:016x}", number / 60) for number in range(MAX_PUBLISHED_RELAYS + 1)]
    labels = frozenset(f"ready#{one.digest}" for one in many) | {"ready#gone"}
    assert prune_published(lease(many), labels) == labels - {"ready#gone", f"ready#{many[0].digest}"}


def test_the_label_of_what_still_counts_is_never_pruned() -> None:
    labels = frozenset({READY, SHARE_ENDS, "failed#f"})
    assert prune_published(lease([A, refused("f", 3)]), labels) == labels
