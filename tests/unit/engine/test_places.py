"""Hosts, URLs and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.places import Place, checked_key, key_of, parse_host, parse_url
from mediarelay.errors import Malformed

PLACE = Place(app_id=1253125191, bucket="onlinemusic", region="gz")


def test_the_documented_url_is_taken_apart() -> None:
    url = "http://onlinemusic-1253125191.cosgz.myqcloud.com/20170717/Maid.mp3"
    assert parse_url(url) == (PLACE, "/20170717/Maid.mp3")
    assert PLACE.url("/20170717/Maid.mp3") == url
    assert PLACE.name("/20170717/Maid.mp3") == "/1253125191/onlinemusic/20170717/Maid.mp3"


@pytest.mark.parametrize("host", ["a-b-7.cosap-gz.myqcloud.com", "cts-1.cossh.myqcloud.com:4580"])
def test_hosts_of_buckets(host: str) -> None:
    place = parse_host(host)
    assert place
    assert host.startswith(place.host)


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


@pytest.mark.parametrize(
    "path", ["/", "", "/../x", "/a/../b", "/a/./b", "/..", "/%2e%2e/x", "/a\\..\\b", "/a%00b", "/a\nb", "/" + "x" * 851]
)
def test_impossible_keys_are_refused(path: str) -> None:
    with pytest.raises(Malformed, match="key"):
        key_of(path)


def test_a_path_is_decoded_once() -> None:
    assert key_of("/a%20b%2520.mp3") == "a b%20.mp3"
    assert key_of("/音乐/a..b.mp3") == "音乐/a..b.mp3"


@given(st.text())
def test_a_checked_key_stays_below_its_bucket(text: str) -> None:
    try:
        key = checked_key(text)
    except Malformed:
        return
    assert key == text
    assert not {"..", "."} & set(key.split("/"))
