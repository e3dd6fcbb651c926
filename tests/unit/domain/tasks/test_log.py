"""Identities: of a line of the log, of a request."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.intent import ClientKey, Intent, default_key, file_identity, intent_of, new_intent
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from tests.unit.domain.strategies import START, VID

Names = tuple[str, str]
REQUEST = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}


@given(st.binary(max_size=50))
def test_an_entry_is_identified_by_its_raw_body(body: bytes) -> None:
    entry = LoggedObservation(vid=VID, kind=Kind.AUDIO, origin=Origin.CLAIM, at=START, body=body)
    assert entry.digest == hashlib.sha256(body).hexdigest()
    assert replace(entry, at=START + timedelta(days=1)).digest == entry.digest
    assert replace(entry, body=body + b" ", digest="").digest != entry.digest
    assert replace(entry, body=None).digest == entry.digest, "it outlives the body"


SPELLINGS = (
    {"url": "http://music-1.cossh.myqcloud.com/a b\u4f60.mp3", "bucketName": "music", "bucketRegion": "sh"},
    {"url": "http://music-1.cossh.myqcloud.com/a%20b%e4%bd%a0.mp3", "bucketName": "music", "bucketRegion": "sh"},
    {"url": "http://MUSIC-1.cos.sh.myqcloud.com/a%20b%E4%BD%A0.mp3", "bucketName": "music", "bucketRegion": "sh"},
)


def test_the_default_key_is_the_request_itself() -> None:
    assert file_identity(REQUEST) == file_identity(dict(reversed(REQUEST.items())))
    assert file_identity(REQUEST) == '{"bucketName":"music","bucketRegion":"gz","url":"http://a/1.mp3"}', (
        "as stored before"
    )
    assert file_identity(REQUEST) != file_identity(REQUEST | {"url": "http://a/2.mp3"})


@given(st.text(), st.sampled_from(Kind))
def test_an_intent_is_identified_by_key_and_kind(key: str, kind: Kind) -> None:
    intent = Intent(key=key, kind=kind, provider="cts", request=REQUEST, at=START)
    assert len(intent.identity) == 40
    assert replace(intent, request={}, vid=VID, at=START + timedelta(1)).identity == intent.identity
    assert replace(intent, key=key + "x").identity != intent.identity
    assert replace(intent, client="game").identity != intent.identity
    assert {replace(intent, kind=other).identity for other in Kind} > {intent.identity}


@given(st.text(), st.sampled_from(Kind))
def test_a_submission_leads_back_to_its_intent(key: str, kind: Kind) -> None:
    intent = Intent(key=key, kind=kind, provider="mps", request=REQUEST, at=START)
    assert re.fullmatch("[0-9a-f]{48}", intent.submission)
    assert intent_of(intent.submission) == intent.identity
    again = replace(intent, vid=VID, assigned_at=START, queued=True, refused="no")
    assert again.submission == intent.submission, "the same at each attempt"
    later = replace(intent, at=START + timedelta(microseconds=1))
    assert (later.identity, later.submission != intent.submission) == (intent.identity, True), "a key that became free"


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_two_keys_are_one_intent_only_if_client_and_key_are_the_same(first: Names, second: Names) -> None:
    intents = [new_intent(Kind.AUDIO, "cts", REQUEST, ClientKey(*names), START) for names in (first, second)]
    assert (intents[0].identity == intents[1].identity) == (first == second)


@pytest.mark.parametrize(("first", "second"), [(("ab", "c"), ("a", "bc")), (("a", "b\nc"), ("a\nb", "c"))])
def test_a_client_cannot_spell_the_key_of_another_one(first: Names, second: Names) -> None:
    intents = [new_intent(Kind.AUDIO, "cts", REQUEST, ClientKey(*names), START) for names in (first, second)]
    assert intents[0].identity != intents[1].identity


def test_a_default_key_belongs_to_no_client() -> None:
    default = new_intent(Kind.AUDIO, "cts", REQUEST, default_key(REQUEST), START)
    assert (default.client, default.key) == (None, file_identity(REQUEST))
    spelled = new_intent(Kind.AUDIO, "cts", REQUEST, ClientKey("game", default.key), START)
    assert spelled.identity != default.identity


def test_the_same_request() -> None:
    intent = Intent(key="k", kind=Kind.AUDIO, provider="cts", request=REQUEST, at=START)
    assert intent.same_request(replace(intent, request=dict(reversed(REQUEST.items())), vid=VID))
    assert not intent.same_request(replace(intent, request=REQUEST | {"bucketRegion": "sh"}))


def test_spellings_of_one_file_are_one_request_and_two_keys_are_two() -> None:
    assert len({file_identity(request) for request in SPELLINGS}) == 1
    intents = [Intent(key="k", kind=Kind.AUDIO, provider="cts", request=request, at=START) for request in SPELLINGS]
    assert all(intents[0].same_request(other) for other in intents)
    literal = REQUEST | {"url": "http://music-1.cossh.myqcloud.com/a%2520b%E4%BD%A0.mp3"}
    assert file_identity(literal) not in {file_identity(request) for request in SPELLINGS}
    assert not intents[0].same_request(replace(intents[0], request=literal))
