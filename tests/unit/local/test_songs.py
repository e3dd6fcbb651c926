"""The song of `make run` on a machine that is too slow for it: again, with more time, but not for ever."""

from types import SimpleNamespace
from typing import Any

import pytest

from local import songs
from local.songs import EVENT_TYPES, LIFE, MAX_LIFE, SWEEP_EVERY, TIMEOUT, Song


class Stage:
    """Stands in for the deployed API and for the screen; notes how long each relayed result is good."""

    def __init__(self) -> None:
        self.lives: list[int] = []
        self.next = "use"
        self.invoked: list[str] = []
        self.deployment = SimpleNamespace(env=None)

    def get(self, _path: str) -> dict[str, Any]:
        return {"songs": [{"next": self.next, "share_ms_left": 9000}]}

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = Stage()

    def order(song: Song, fault: str) -> list[int]:
        found.lives += [song.life] if fault == "nothing" else []
        return [200 if fault == "nothing" else 401]

    monkeypatch.setattr(songs.Song, "_order", order)
    monkeypatch.setattr(songs, "invoke", lambda _env, function: found.invoked.append(function))
    return found


def song(stage: Stage) -> Song:
    one = Song(stage, stage, "room")  # type: ignore[arg-type]
    one.begin()
    return one


def deliver(one: Song, *news: str) -> None:
    for name in news:
        one.receive({"type": f"mediarelay.song.{name}"})


def test_a_song_that_was_seen_to_its_end_is_over(stage: Stage) -> None:
    one = song(stage)
    deliver(one, "ready", "expiring")
    stage.next = "acquire"
    one.check()
    deliver(one, "expired")
    assert one.missing() == []
    assert stage.lives == [LIFE]


def test_a_song_that_ended_too_soon_is_played_again_and_lasts_longer(stage: Stage) -> None:
    one = song(stage)
    deliver(one, "ready", "expired")
    assert stage.lives == [LIFE, 2 * LIFE]
    assert set(EVENT_TYPES) <= {line.partition(" ")[0] for line in one.missing()}


def test_a_song_that_is_never_seen_is_missing(stage: Stage) -> None:
    one = song(stage)
    deliver(one, *["expired"] * 9)
    assert stage.lives == [LIFE, 2 * LIFE, MAX_LIFE]
    assert one.missing()


def test_the_sweep_runs_beside_the_song_until_every_notification_has_arrived(stage: Stage) -> None:
    one = song(stage)
    one.swept.result(TIMEOUT)
    one.swept_at -= SWEEP_EVERY
    one.check()
    one.check()
    one.swept.result(TIMEOUT)
    assert stage.invoked == ["Sweep", "Sweep"]
    deliver(one, "ready", "expiring", "expired")
    one.swept_at -= SWEEP_EVERY
    one.check()
    assert stage.invoked == ["Sweep", "Sweep"]
