"""Decoding, bounds, partial changes, secrets."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import CallbackPolicy, Config, Credentials, Faults, Mps, Settings, load_settings
from engine.decode import SECRET, decode, encode, merge
from engine.mps.odd import OddForm
from mediarelay.errors import Malformed

KEYS = {"secret_id": "a", "secret_key": "b"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"x": 1}, "x"),
        ({"credentials": {"secret_id": "a"}}, "credentials.secret_key"),
        ({"workers": 0}, "workers"),
        ({"workers": True}, "workers"),
        ({"workers": 1.5}, "workers"),
        ({"stage_delay": float("nan")}, "stage_delay"),
        ({"buckets": {}}, "buckets"),
        ({"buckets": [{"name": "a"}]}, "buckets.0.region"),
        ({"buckets": [{"name": "A", "region": "sh"}]}, "buckets.0"),
        ({"buckets": [{"name": "a", "region": "b", "covers": [{"spec": "", "count": 0}]}]}, "buckets.0.covers.0.count"),
        ({"audio_specs": [1]}, "audio_specs.0"),
        ({"transcoder": "magic"}, "transcoder"),
        ({"video_callback_url": "ftp://x"}, "video_callback_url"),
        ({"trans_basic": 1}, "trans_basic"),
        ({"callbacks": {"tries": 99}}, "callbacks.tries"),
        ({"mps": {"query_seconds": -1}}, "mps.query_seconds"),
        ({"mps": {"schedules": [{"id": 1, "bucket": "a", "region": "sh"}]}}, "mps.schedules.0.outputs"),
    ],
)
def test_wrong_settings_name_their_field(change: dict, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(Config, {"credentials": KEYS, **change}).check()
    assert caught.value.field == field


def test_a_configuration_survives_its_own_json() -> None:
    config = decode(Config, {"credentials": KEYS, "buckets": [{"name": "a", "region": "sh", "gifs": ["0_0"]}]})
    assert decode(Config, json.loads(json.dumps(encode(config)))) == config


def test_secrets_are_shown_as_stars_and_stars_change_nothing(tmp_path) -> None:
    settings = Settings(Config(credentials=Credentials(secret_id="a", secret_key="b")), tmp_path / "c.json")
    shown = encode(settings.config, reveal=False)
    assert shown["credentials"] == {"secret_id": "a", "secret_key": SECRET, "token": None}
    settings.update(shown)
    assert settings.config.credentials.secret_key == "b"


def test_secrets_in_lists_keep_their_place(tmp_path) -> None:
    settings = Settings(Config(credentials=Credentials(secret_id="a", secret_key="b")), tmp_path / "c.json")
    outputs = {"TranscodeTaskSet": [{"Definition": 10}]}
    one, two = (
        {"id": i, "bucket": "a", "region": "sh", "outputs": outputs, "notify": {"NotifyKey": f"k{i}"}} for i in (1, 2)
    )
    settings.update({"mps": {"schedules": [one, two]}})
    shown = encode(settings.config, reveal=False)["mps"]["schedules"]
    assert [each["notify"]["NotifyKey"] for each in shown] == [SECRET] * 2
    settings.update({"mps": {"schedules": [shown[0], two | {"notify": {"NotifyKey": "new"}}]}})
    assert [each.notify.notify_key for each in settings.config.mps.schedules] == ["k1", "new"]


def test_a_change_is_partial_and_kept(tmp_path) -> None:
    settings = load_settings(tmp_path)
    settings.update({"workers": 3, "credentials": {"token": "t"}})
    again = load_settings(tmp_path)
    assert again.config == settings.config
    assert again.config.credentials.token == "t"
    assert (tmp_path / "config.json").stat().st_mode & 0o077 == 0


def test_a_wrong_change_changes_nothing(tmp_path) -> None:
    settings = load_settings(tmp_path)
    before = settings.config
    bodies: tuple[Any, ...] = ({"workers": -1}, [], None, "x", {"buckets": [{"name": "-", "region": "x"}]})
    for body in bodies:
        with pytest.raises(Malformed):
            settings.update(body)
    assert settings.config is before


def test_a_file_without_credentials_gets_fresh_ones(tmp_path) -> None:
    file = tmp_path / "given.json"
    file.write_text('{"app_id": 5}')
    config = load_settings(tmp_path, file).config
    assert config.app_id == 5
    assert len(config.credentials.secret_key) == 32


def test_a_file_that_is_not_json_is_refused(tmp_path) -> None:
    file = tmp_path / "given.json"
    file.write_text("{,}")
    with pytest.raises(Malformed, match=r"given.json: is not JSON"):
        load_settings(tmp_path, file)


@pytest.mark.parametrize("kind", [Faults, Config, Mps, CallbackPolicy])
def test_the_documents_name_every_setting_and_fault(kind: type) -> None:
    text = (Path(__file__).parents[3] / "docs/engine.md").read_text(encoding="utf-8")
    quote = "`" if kind is Faults else '"'
    assert [field.name for field in fields(kind) if f"{quote}{field.name}{quote}" not in text] == []


def test_faults_of_a_share_hit_some() -> None:
    faults = Faults(share=0.5, drop_callbacks=True)
    assert {faults.roll().drop_callbacks for _ in range(200)} == {True, False}
    assert Faults(share=0, api_error=4000).roll() == Faults()


def test_the_documents_name_every_odd_form() -> None:
    text = (Path(__file__).parents[3] / "docs/engine.md").read_text(encoding="utf-8")
    assert [form for form in get_args(OddForm) if f"`{form}`" not in text] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(JSON)
def test_any_json_is_a_configuration_or_malformed(value: object) -> None:
    try:
        decode(Config, merge({"credentials": KEYS}, value)).check()
    except Malformed:
        return
