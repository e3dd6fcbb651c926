"""Observations as hypothesis draws them: few distinct values, so that ties and repetitions are common."""

import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from mediarelay.domain.tasks.facts import Facts, Fault, Place, Rendition, RenditionKind, Source
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.spec import UnknownSpec
from mediarelay.domain.tasks.task import Observation

VID = "963f1d40dfdfadfdd9b94e922d5696"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

MOMENTS = st.integers(0, 3).map(lambda minutes: START + timedelta(minutes=minutes))
PLACES = st.builds(Place, app_id=st.sampled_from([None, 1, 2]), bucket=st.sampled_from([None, "cts", "other"]))
SOURCES = st.builds(
    Source,
    url=st.sampled_from([None, "http://a/1.mp4", "http://b/2.mp4"]),
    place=PLACES,
    size=st.sampled_from([None, 1, 2]),
)
RENDITIONS = st.sampled_from(["f10", "f20"]).map(
    lambda name: Rendition(
        kind=RenditionKind.VIDEO, name=name, spec=UnknownSpec(name), paths=(f"/{name}.mp4",), dst=Place()
    )
)
FACTS = st.builds(
    Facts,
    vid=st.just(VID),
    kind=st.sampled_from(Kind),
    state=st.sampled_from(State),
    source=SOURCES,
    renditions=st.lists(RENDITIONS, max_size=2).map(tuple),
    faults=st.sampled_from([(), (Fault(code=122),)]),
    created_at=st.none() | MOMENTS,
    partial=st.booleans(),
    progress=st.sampled_from([None, 0, 50]),
    reference=st.sampled_from([None, "order 7", "order 8"]),
    submission=st.sampled_from([None, "1f", "2f"]),
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Draw an observation. Its digest follows from its content, alike in every process, so examples can be replayed."""
    origin, facts, at = draw(st.sampled_from(Origin)), draw(FACTS), draw(MOMENTS)
    digest = hashlib.sha256(repr((origin, facts)).encode()).hexdigest()
    return Observation(origin=origin, digest=digest, at=at, facts=facts)


LOGS = st.lists(observations(), min_size=1, max_size=8)
