"""Whatever arrives from MPS: `Facts`, or `Malformed` with a field; nothing else escapes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed, NotATask
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from tests.contract.mps_bodies import sample, task
from tests.contract.odd import ODD, places
from tests.contract.test_cts_fuzz import KINDS, attempt, refused_or_sound
from tests.contract.test_mps_payloads import CALLBACKS, DETAILS, VID, body
from tests.hypothesis_profiles import patient, thorough

NAMES = sorted(
    {part for name in (*CALLBACKS, *DETAILS) for path in places(sample(name)) for part in path if isinstance(part, str)}
)
WORDS = ["FINISH", "PROCESSING", "WAITING", "SUCCESS", "FAIL", "Transcode", "clips-1250000000", "ap-shanghai", VID]
SCALARS = st.sampled_from(ODD) | st.sampled_from(WORDS) | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@given(KINDS, OBJECTS, OBJECTS)
@thorough
def test_any_answer(kind: Kind, outer: dict[str, Any], inner: dict[str, Any]) -> None:
    content = {"TaskType": "WorkflowTask", "Status": "FINISH", "WorkflowTask": task() | inner} | outer
    refused_or_sound(lambda: MPS.answer_facts(VID, kind, content))
    refused_or_sound(lambda: MPS.answer_facts(VID, kind, outer))


@given(KINDS, OBJECTS, OBJECTS)
@thorough
def test_any_callback(kind: Kind, outer: dict[str, Any], inner: dict[str, Any]) -> None:
    content = json.dumps({"EventType": "WorkflowTask", "WorkflowTaskEvent": task() | inner} | outer).encode()
    facts, refusal = attempt(lambda: claimed(kind, content))
    if refusal is None and facts is not None:
        head = MpsCallbacks().read_head(content)
        place = facts.source.place
        assert (head.vid, head.claim_summary.state, head.kind or kind) == (facts.vid, facts.state, facts.kind)
        assert (head.claim_summary.app_id, head.claim_summary.bucket) == (place.app_id, place.bucket)
    refused_or_sound(lambda: claimed(kind, content) or MPS.answer_facts(VID, kind, {"Status": "WAITING"}))


def claimed(kind: Kind, content: bytes) -> Any:
    """Read a callback; None if it is about something else than a task."""
    try:
        return MPS.claim_facts(VID, kind, content)
    except NotATask:
        return None


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@patient
def test_any_bytes(content: bytes) -> None:
    refused_or_sound(lambda: MPS.claim_facts(VID, Kind.VIDEO, content))
    _, refusal = attempt(lambda: MpsCallbacks().read_head(content))
    assert isinstance(refusal, Malformed)


@given(st.sampled_from([*CALLBACKS]), st.integers(min_value=0))
@patient
def test_cut_samples(name: str, size: int) -> None:
    content = body(name)
    _, refusal = attempt(lambda: MpsCallbacks().read_head(content[: size % (len(content) - 1)]))
    assert isinstance(refusal, Malformed)
