"""Unfinished multipart uploads on disk: limits, restarts, what happens at the same time."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import uploads as module
from engine.objects import Destination, Objects
from engine.places import Place
from engine.store import ObjectExists, Store
from engine.uploads import (
    MIN_PART_SIZE,
    NoSuchUpload,
    PartsTooLarge,
    PartTooSmall,
    TooManyUploads,
    UploadBusy,
    Uploads,
    WrongPart,
    joint_etag,
)

PLACE = Place(app_id=1, bucket="a", region="sh")
WHERE = Destination(place=PLACE, key="k")
LIMIT = 10 * MIN_PART_SIZE


class LocalEnvironment:
    """A store with its folders; opened again, it is what a restart finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "s.sqlite3")
        self.objects = Objects(folder / "objects", self.store)
        self.uploads = Uploads(folder / "parts", self.store, self.objects)

    def part(self, upload, number: int, body: bytes, limit: int = LIMIT):
        draft = self.objects.draft()
        draft.write(body)
        try:
            return self.uploads.keep_part(upload, number, draft, limit)
        finally:
            draft.discard()

    def files(self) -> int:
        return sum(len(list((self.folder / name).iterdir())) for name in ("parts", "drafts"))

    def content(self, key: str = "k") -> bytes | None:
        item = self.objects.find(PLACE, key)
        return self.objects.path(item).read_bytes() if item else None


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LocalEnvironment]:
    made = LocalEnvironment(tmp_path)
    yield made
    made.store.close()


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def test_parts_become_the_object_in_their_order(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    bodies = {number: bytes([number % 256]) * MIN_PART_SIZE for number in (7, 2, 10_000)}
    parts = {number: env.part(upload, number, body) for number, body in bodies.items()}
    item = env.uploads.complete(upload, [(n, parts[n].md5) for n in sorted(parts)], WHERE)
    assert env.content() == bodies[2] + bodies[7] + bodies[10_000]
    assert item.etag == joint_etag([md5(bodies[n]) for n in sorted(bodies)])
    assert (item.size, env.files()) == (3 * MIN_PART_SIZE, 0)


def test_the_etag_of_parts() -> None:
    # S3's documented rule: the MD5 of the MD5s (16 bytes each), a hyphen and the number of parts.
    digests = [md5(b"a"), md5(b"b")]
    assert joint_etag(digests) == f'"{md5(bytes.fromhex(digests[0]) + bytes.fromhex(digests[1]))}-2"'


def test_the_same_number_again_replaces(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    env.part(upload, 1, b"old")
    new = env.part(upload, 1, b"new")
    assert (env.files(), env.uploads.parts(upload)) == (1, [new])
    with pytest.raises(WrongPart):
        env.uploads.complete(upload, [(1, md5(b"old"))], WHERE)
    env.uploads.complete(upload, [(1, new.md5)], WHERE)
    assert env.content() == b"new"


def test_a_completion_that_fails_leaves_everything_as_it_was(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    small, last = env.part(upload, 1, b"a"), env.part(upload, 2, b"b")
    one = [(1, small.md5)]
    for wanted, error in (([*one, (2, last.md5)], PartTooSmall), ([(3, small.md5)], WrongPart), ([(1, "")], WrongPart)):
        with pytest.raises(error):
            env.uploads.complete(upload, wanted, WHERE)
    env.objects.keep(draft_of(env, b"there"), WHERE)
    with pytest.raises(ObjectExists):
        env.uploads.complete(upload, one, Destination(place=PLACE, key="k", replace=False))
    assert (env.content(), env.files()) == (b"there", 2)
    env.uploads.complete(upload, one, WHERE)
    assert (env.content(), env.files()) == (b"a", 0)


def draft_of(env: LocalEnvironment, body: bytes):
    draft = env.objects.draft()
    draft.write(body)
    return draft


def test_a_finished_upload_is_gone(env: LocalEnvironment) -> None:
    done, aborted = env.uploads.begin(WHERE), env.uploads.begin(WHERE)
    part = env.part(done, 1, b"x")
    env.part(aborted, 1, b"y")
    env.uploads.complete(done, [(1, part.md5)], WHERE)
    env.uploads.abort(aborted)
    for upload in (done, aborted):
        with pytest.raises(NoSuchUpload):
            env.uploads.find(PLACE, "k", upload.id)
        with pytest.raises(NoSuchUpload):
            env.part(upload, 1, b"z")
        with pytest.raises(NoSuchUpload):
            env.uploads.abort(upload)
        with pytest.raises(NoSuchUpload):
            env.uploads.complete(upload, [(1, part.md5)], WHERE)
    assert (env.content(), env.files()) == (b"x", 0)


def test_an_upload_belongs_to_its_key(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    assert env.uploads.find(PLACE, "k", upload.id) == upload
    other = Place(app_id=1, bucket="b", region="sh")
    for place, key, upload_id in ((PLACE, "K", upload.id), (other, "k", upload.id), (PLACE, "k", upload.id[:-1])):
        with pytest.raises(NoSuchUpload):
            env.uploads.find(place, key, upload_id)


def test_the_room_for_parts_is_bounded(env: LocalEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = env.uploads.begin(WHERE), env.uploads.begin(WHERE)
    env.part(first, 1, b"x" * 60, 100)
    env.part(first, 1, b"x" * 100, 100)
    with pytest.raises(PartsTooLarge):
        env.part(first, 2, b"x", 100)
    monkeypatch.setattr(module, "MAX_OBJECTS_IN_PARTS", 1.5)
    with pytest.raises(TooManyUploads):
        env.part(second, 1, b"x" * 51, 100)
    env.part(second, 1, b"x" * 50, 100)
    assert env.files() == 2
    monkeypatch.setattr(module, "MAX_UPLOADS", 2)
    with pytest.raises(TooManyUploads):
        env.uploads.begin(WHERE)
    monkeypatch.setattr(module, "MAX_UPLOAD_AGE", -1.0)
    env.uploads.begin(WHERE)
    assert env.files() == 0


def test_nothing_happens_to_an_upload_that_is_being_completed(
    env: LocalEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = env.uploads.begin(WHERE)
    part = env.part(upload, 1, b"x")
    seen = []
    attempts: list[Callable[[], object]] = [
        lambda: env.part(upload, 1, b"y"),
        lambda: env.uploads.abort(upload),
        lambda: env.uploads.complete(upload, [(1, part.md5)], WHERE),
    ]

    def join_while_others_try(self, parts, draft) -> None:
        for attempt in attempts:
            with pytest.raises(UploadBusy):
                attempt()
            seen.append(attempt)
        join(self, parts, draft)

    join = Uploads._join
    monkeypatch.setattr(Uploads, "_join", join_while_others_try)
    env.uploads.complete(upload, [(1, part.md5)], WHERE)
    assert (seen, env.content(), env.files()) == (attempts, b"x", 0)


def test_parts_outlive_the_process_and_strays_do_not(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    part = env.part(upload, 1, b"x")
    (env.folder / "parts" / "stray").write_bytes(b"y")
    env.store.close()
    again = LocalEnvironment(env.folder)
    try:
        assert (again.uploads.of_bucket(PLACE, "", ("", ""), 9), again.uploads.parts(upload)) == ([upload], [part])
        assert again.files() == 1
        again.uploads.complete(upload, [(1, part.md5)], WHERE)
        assert again.content() == b"x"
    finally:
        again.store.close()


def test_a_part_whose_file_is_lost_is_no_part(env: LocalEnvironment) -> None:
    upload = env.uploads.begin(WHERE)
    part = env.part(upload, 1, b"x")
    (env.folder / "parts" / part.blob).unlink()
    with pytest.raises(WrongPart):
        env.uploads.complete(upload, [(1, part.md5)], WHERE)
    assert (env.content(), env.files()) == (None, 0)


def test_a_copy_and_an_open_file_survive_the_object(env: LocalEnvironment) -> None:
    source = env.objects.keep(draft_of(env, b"x"), WHERE)
    opened = env.objects.open(PLACE, "k")
    assert opened
    with env.objects.pin(PLACE, "k") as found:
        assert found
        pinned, path = found
        assert env.objects.delete(PLACE, "k") is True
        assert (pinned, path.read_bytes()) == (source, b"x")
        env.objects.publish(path, pinned.etag, Destination(place=PLACE, key="copy"))
    with opened[1] as file:
        assert file.read() == b"x"
    assert (env.content("copy"), env.files()) == (b"x", 0)
    with env.objects.pin(PLACE, "k") as nothing:
        assert nothing is None
    assert env.objects.open(PLACE, "k") is None
    assert env.objects.delete(PLACE, "k") is False
    with env.objects.pin(PLACE, "copy") as copied:
        assert copied
        with pytest.raises(ObjectExists):
            env.objects.publish(copied[1], "e", Destination(place=PLACE, key="copy", replace=False))
    assert (env.content("copy"), env.files()) == (b"x", 0)


def test_a_file_that_is_replaced_at_that_moment_is_looked_for_again(
    env: LocalEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = env.objects.keep(draft_of(env, b"old"), WHERE)
    current = env.objects.keep(draft_of(env, b"new"), WHERE)
    looks = iter([stale, stale, current])
    monkeypatch.setattr(env.objects, "find", lambda *_: next(looks))
    assert env.objects.link(PLACE, "k", tmp_path / "target") == current
    assert (tmp_path / "target").read_bytes() == b"new"
