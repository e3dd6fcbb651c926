"""Identities: of a line of the log, of a wish."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.entry import Entry
from mediarelay.domain.intent import Intent, file_identity
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from tests.unit.domain.drawn import START, VID

WISH = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}


@given(st.binary(max_size=50))
def test_an_entry_is_identified_by_its_raw_body(body: bytes) -> None:
    entry = Entry(vid=VID, kind=Kind.AUDIO, origin=Origin.CLAIM, at=START, body=body)
    assert entry.digest == hashlib.sha256(body).hexdigest()
    assert replace(entry, at=START + timedelta(days=1)).digest == entry.digest
    assert replace(entry, body=body + b" ", digest="").digest != entry.digest
    assert replace(entry, body=None).digest == entry.digest, "it outlives the body"


def test_the_default_key_is_the_wish_itself() -> None:
    assert file_identity(WISH) == file_identity(dict(reversed(WISH.items())))
    assert file_identity(WISH) != file_identity(WISH | {"url": "http://a/2.mp3"})


@given(st.text(), st.sampled_from(Kind))
def test_an_intent_is_identified_by_key_and_kind(key: str, kind: Kind) -> None:
    intent = Intent(key=key, kind=kind, request=WISH, at=START)
    assert len(intent.identity) == 64
    assert replace(intent, request={}, vid=VID, at=START + timedelta(1)).identity == intent.identity
    assert replace(intent, key=key + "x").identity != intent.identity
    assert {replace(intent, kind=other).identity for other in Kind} > {intent.identity}


def test_the_same_wish() -> None:
    intent = Intent(key="k", kind=Kind.AUDIO, request=WISH, at=START)
    assert intent.same_wish(replace(intent, request=dict(reversed(WISH.items())), vid=VID))
    assert not intent.same_wish(replace(intent, request=WISH | {"bucketRegion": "sh"}))
