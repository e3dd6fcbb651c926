"""The secret with the endpoints: each entry counts by itself, and no fault quotes a value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.webhooks.endpoint import Endpoint
from mediarelay.usecases.webhooks.endpoints import endpoint_lists, subscribed_types, webhook_endpoints

KEY = "whsec_ZXhhbXBsZS13ZWJob29rLXNlY3JldC1rZXk="
GOOD = {"name": "shop", "url": "https://shop.example/", "secrets": KEY}
CANARY = "canary5f0c7d"


@pytest.mark.parametrize(
    ("entry", "endpoint"),
    [
        (GOOD, Endpoint("shop", "https://shop.example/", (KEY,))),
        (
            GOOD | {"secrets": f"{KEY} v1,{KEY}", "types": "mediarelay.task.* mediarelay.test", "description": "x"},
            Endpoint("shop", "https://shop.example/", (KEY, f"v1,{KEY}"), ("mediarelay.task.*", "mediarelay.test")),
        ),
        (GOOD | {"secrets": [KEY]}, Endpoint("shop", "https://shop.example/", (KEY,))),
    ],
)
def test_usable_entries(entry: dict[str, Any], endpoint: Endpoint) -> None:
    assert webhook_endpoints({"endpoints": [entry]}).usable == (endpoint,)
    assert webhook_endpoints({"endpoints": json.dumps([entry])}).usable == (endpoint,)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (CANARY, "an object was expected"),
        ({}, "name: 1 to 64 letters"),
        (GOOD | {"name": f"{CANARY}/x"}, "name: 1 to 64 letters"),
        (GOOD | {"url": None}, "url: must begin with https://"),
        (GOOD | {"url": f"https://{CANARY}@shop.example/"}, "url: must not name a user"),
        (GOOD | {"secrets": ""}, "secrets: at least one was expected"),
        (GOOD | {"secrets": [KEY, f"!{CANARY}!"]}, "secrets.1: not base64"),
        (GOOD | {"types": []}, "types: at least one was expected"),
        (GOOD | {"types": [f"{CANARY}*"]}, "types.0: a type such as"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named_and_affects_no_other(entry: Any, fault: str) -> None:
    read = webhook_endpoints({"endpoints": [entry, GOOD | {"name": "other"}]})
    assert [one.name for one in read.usable] == ["other"]
    assert read.faults[0].startswith(f"endpoints.0: {fault}")
    assert CANARY not in str(read.faults)


def test_the_first_of_two_entries_with_one_name_counts() -> None:
    read = webhook_endpoints({"endpoints": [GOOD, GOOD | {"url": "https://other.example/"}]})
    assert [one.url for one in read.usable] == ["https://shop.example/"]
    assert read.faults == ("endpoints.1: name: the same as that of an entry before it",)


@pytest.mark.parametrize(
    ("entry", "types"),
    [
        (GOOD, {"shop": ()}),
        (GOOD | {"url": "x", "types": "mediarelay.song.*"}, {"shop": ("mediarelay.song.*",)}),
        (GOOD | {"secrets": "", "types": ["Song"]}, {"shop": ()}),
        (GOOD | {"name": "a/b"}, {}),
        (CANARY, {}),
    ],
)
def test_an_unusable_entry_with_a_name_keeps_its_types(entry: Any, types: dict[str, tuple[str, ...]]) -> None:
    assert subscribed_types({"endpoints": [entry]}) == types
    other = GOOD | {"types": "mediarelay.test"}
    assert subscribed_types({"endpoints": [entry, other]}).get("shop") == (
        () if types and entry is GOOD else ("mediarelay.test",)
    )


def test_an_empty_list_is_usable_and_no_list_is_not() -> None:
    assert endpoint_lists({"endpoints": []}).usable == ((),)
    assert endpoint_lists({"unused": "x"}).usable == ()


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["name", "url", "secrets", "types"]) | st.text(), inner)
        ),
    )
)
def test_no_content_raises_an_error(content: Any) -> None:
    for secret in ({"endpoints": content}, {"endpoints": [content]}):
        assert isinstance(webhook_endpoints(secret).usable, tuple)
        assert isinstance(subscribed_types(secret), dict)
