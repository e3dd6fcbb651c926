"""One request in several spellings is one request: the client pays for it once, with and without a key."""

from dataclasses import replace
from typing import Any

import pytest

from mediarelay.contracts.notification import refusal_event
from mediarelay.domain.tasks.facts import Place
from mediarelay.domain.tasks.intent import ClientKey
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Conflict
from mediarelay.usecases.tasks.request_form import stated_place
from tests.integration.task_harness import TaskHarness

KEY = ClientKey("game", "k")
COS = {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/a b.mp4"}
FIRST = {"source": COS, "outputs": [10, 20000]}
FORMER = {"url": "http://clips-1250000000.cossh.myqcloud.com/in/a%20b.mp4", "bucketName": "clips", "bucketRegion": "sh"}
SAME: dict[str, dict[str, Any]] = {
    "short region": FIRST | {"source": COS | {"region": "sh"}},
    "no slash, capitals": FIRST | {"source": COS | {"object": "in/a b.mp4", "bucket": "Clips-1250000000"}},
    "other order, once more": FIRST | {"outputs": [20000, 10, {"definition": 10, "type": "transcode"}]},
    "usual part of the animation": FIRST | {"outputs": [10, {"definition": 20000, "type": "gif", "end": 3}]},
    "usual priority, own bucket": FIRST | {"priority": 0, "destination": {"bucket": COS["bucket"], "region": "sh"}},
    "provider stated": FIRST | {"provider": "mps"},
    "form of the other provider": FORMER | {"outputs": [10, 20000]},
}
OTHER: dict[str, dict[str, Any]] = {
    "key": FIRST | {"source": COS | {"object": "/in/a%20b.mp4"}},
    "bucket": FIRST | {"source": COS | {"bucket": "clips-1250000001"}},
    "outputs": FIRST | {"outputs": [10]},
    "part of the animation": FIRST | {"outputs": [10, {"definition": 20000, "type": "gif", "start": 1}]},
    "reference": FIRST | {"reference": "order 7"},
    "priority": FIRST | {"priority": 1},
    "provider": FORMER | {"provider": "cts"},
}


@pytest.fixture
def mps(harness: TaskHarness) -> TaskHarness:
    harness.configure(provider="mps")
    harness.provider.vids = ["1-a", "1-b"]
    harness.submitter.submit(Kind.AUDIO, FIRST, KEY)
    return harness


@pytest.mark.parametrize("spelling", SAME)
def test_a_spelling_is_a_repeat(mps: TaskHarness, spelling: str) -> None:
    for submit in (mps.submitter.submit, mps.registry.enqueue):
        repeated = submit(Kind.AUDIO, SAME[spelling], KEY)
        assert (repeated.vid, repeated.repeated) == ("1-a", True)
    without_key = [mps.submitter.submit(Kind.AUDIO, one, None).vid for one in (FIRST, SAME[spelling])]
    assert without_key == ["1-b", "1-b"]


@pytest.mark.parametrize("part", OTHER)
def test_another_request_is_a_conflict(mps: TaskHarness, part: str) -> None:
    with pytest.raises(Conflict):
        mps.submitter.submit(Kind.AUDIO, OTHER[part], KEY)
    assert mps.submitter.submit(Kind.AUDIO, FIRST, None).vid == "1-b"
    mps.provider.vids = ["c" if part == "provider" else "1-c"]
    assert mps.submitter.submit(Kind.AUDIO, OTHER[part], None).vid in {"c", "1-c"}


def test_a_new_default_provider_takes_no_repeat_for_a_new_request(harness: TaskHarness) -> None:
    harness.configure(provider="cts")
    harness.provider.vids = ["first"]
    harness.submitter.submit(Kind.AUDIO, FORMER | {"reference": "a"}, KEY)
    harness.configure(provider="mps")
    spelled = FORMER | {"url": FORMER["url"].replace("%20", " "), "reference": "a"}
    assert harness.submitter.submit(Kind.AUDIO, spelled, KEY).vid == "first"
    for other in ({"reference": "b"}, {"provider": "mps"}, {"outputs": [10]}):
        with pytest.raises(Conflict):
            harness.submitter.submit(Kind.AUDIO, spelled | other, KEY)


@pytest.mark.parametrize(
    ("request_", "attributes"),
    [
        (FIRST, {"app_id": "1250000000", "bucket": "clips"}),
        (FORMER, {"app_id": "1250000000", "bucket": "clips"}),
        (FORMER | {"provider": "cts"}, {"app_id": "", "bucket": "clips"}),
    ],
)
def test_subscribers_filter_refusals_by_the_bucket_of_the_source(
    mps: TaskHarness, request_: dict[str, Any], attributes: dict[str, str]
) -> None:
    intent = replace(mps.registry.intent(Kind.AUDIO, request_, KEY), refused="provider code 4000")
    found = refusal_event(intent, stated_place(intent), "https://api.example").attributes
    assert found == {"type": "mediarelay.submit.refused", "kind": "audio", **attributes}


def test_a_refused_request_of_an_earlier_version_is_published_too(mps: TaskHarness) -> None:
    intent = mps.registry.intent(Kind.AUDIO, FIRST, KEY)
    assert stated_place(replace(intent, request={"source": {"bucket": "clips"}})) == Place()
