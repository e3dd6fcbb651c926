"""Hosts, URLs and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.places import Place, checked_key, parse_host, parse_url
from mediarelay.errors import Malformed

PLACE = Place(app_id=1253125191, bucket="onlinemusic", region="gz")


def test_the_documented_url_is_taken_apart() -> None:
    url = "http://onlinemusic-1253125191.cosgz.myqcloud.com/20170717/Maid.mp3"
    assert parse_url(url) == (PLACE, "20170717/Maid.mp3")
    assert PLACE.url("/20170717/Maid.mp3") == url
    assert PLACE.name("/20170717/Maid.mp3") == "/1253125191/onlinemusic/20170717/Maid.mp3"


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("a-b-7.cosap-gz.myqcloud.com", Place(app_id=7, bucket="a-b", region="ap-gz")),
        ("cts-1.cossh.myqcloud.com:4580", Place(app_id=1, bucket="cts", region="sh")),
        ("CTS-1.COSsh.myqcloud.com", Place(app_id=1, bucket="cts", region="sh")),
        ("cts-1.cos.sh.myqcloud.com", Place(app_id=1, bucket="cts", region="sh")),
        ("cts-1.cos.ap-shanghai.myqcloud.com", Place(app_id=1, bucket="cts", region="sh")),
    ],
)
def test_hosts_of_buckets(host: str, place: Place) -> None:
    assert parse_host(host) == place
    assert parse_host(place.host) == place


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1:4580",
        "localhost",
        "cts.cossh.myqcloud.com",
        "cts-1.cos.myqcloud.com",
        "cts-0.cossh.myqcloud.com",
        "-1.cossh.myqcloud.com",
        "cts-1.cossh.myqcloud.com.evil.example",
        "x.cts-1.cossh.myqcloud.com",
        "cts-1.cossh.myqcloud.com\n",
        "cts-1.cossh.myqcloud.com:",
        "cts-1.cossh.myqcloud.com:x",
    ],
)
def test_other_hosts(host: str) -> None:
    assert parse_host(host) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/x.mp3",
        "https://cts-1.cossh.myqcloud.com/x",
        "http://cts-1.cossh.myqcloud.com",
        "http://cts-1.cossh.myqcloud.com/",
        "http://cts-1.cossh.myqcloud.com/x?y",
        "http://cts-1.cossh.myqcloud.com:80/x",
        "http://u@cts-1.cossh.myqcloud.com/x",
        "http://example.com/x",
        "ftp://cts-1.cossh.myqcloud.com/x",
    ],
)
def test_wrong_urls_are_refused(url: str) -> None:
    with pytest.raises(Malformed, match="url"):
        parse_url(url)


@pytest.mark.parametrize("key", ["", "../x", "a/../b", "a/./b", "..", "a\\..\\b", "a\0b", "a\nb", "x" * 851, "a\udcff"])
def test_impossible_keys_are_refused(key: str) -> None:
    with pytest.raises(Malformed, match="key"):
        checked_key(key)


def test_a_url_is_decoded_once() -> None:
    host = PLACE.host
    assert parse_url(f"http://{host}/a%20b%2520.mp3") == (PLACE, "a b%20.mp3")
    assert parse_url(f"http://{host}/音乐/a..b.mp3") == (PLACE, "音乐/a..b.mp3")


@given(st.text())
def test_a_checked_key_stays_below_its_bucket(text: str) -> None:
    try:
        key = checked_key(text)
    except Malformed:
        return
    assert key == text
    assert not {"..", "."} & set(key.split("/"))
