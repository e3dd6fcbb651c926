"""Which file a URL names: read in two ways, written in one, compared as files."""

import re
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.file_url import (
    MAX_KEY_BYTES,
    REGIONS,
    CosFile,
    identity,
    key_flaw,
    parse_printed,
    parse_stored,
    parse_url,
    printed_url,
    short_region,
    stored_url,
)
from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.errors import Malformed
from tests.hypothesis_profiles import thorough

HOST = "music-1250000000.cossh.myqcloud.com"
FILE = CosFile(app_id=1250000000, bucket="music", region="sh", key="a.mp3")
LONG = ("k" * 846 + ".mp3", "名" * 282 + ".mp3", "🎤" * 211 + "12.mp3")
ODD = (
    *("a#b.mp3", "a?b.mp3", "100%.mp3", "a%20b.mp3", "%E4%BD%A0.mp3", "%zz", "a%2Fb", "a b.mp3", " a ", "a+b.mp3"),
    *("a&b=c;d,e:f@g!$'()*", "a\\b", "a//b", ".a..b.", "~-._", '"<>^`{|}', "你.mp3", "\u3000", "e\u0301", "\u00e9"),
    *("\U0001f469\u200d\U0001f3a4.mp3", "\u202etxt.mp3", "\x80", "\ufffd", "\u2028", "http://x/y", "a/b/c.mp3"),
    *LONG,
)
KEYS = st.one_of(
    st.text(min_size=1, max_size=MAX_KEY_BYTES),
    st.text(st.sampled_from("%#?+ &=;/\\.~a02F你é🎤\u3000\u200d"), min_size=1, max_size=60),
).filter(lambda key: key_flaw(key) is None and key[0] not in "/\\" and key[-1] != "/")
BUCKETS = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?", re.ASCII), fullmatch=True)
PLACES = st.sampled_from(["sh", "gz", "sgp", *REGIONS, "ap-nanjing"])
FILES = st.builds(CosFile, app_id=st.integers(1, 10**15 - 1), bucket=BUCKETS, region=PLACES, key=KEYS)


def of(key: str) -> CosFile:
    return replace(FILE, key=key)


@given(FILES)
@thorough
def test_what_we_write_is_read_again(file: CosFile) -> None:
    assert parse_url(file.url) == file
    assert parse_url(file.url).url == file.url
    assert parse_printed(f"http://{HOST}/{file.key}") == of(file.key)
    assert file.url.isascii()
    assert len(file.url) <= MAX_URL


@pytest.mark.parametrize("key", ODD)
def test_a_key_is_the_same_whoever_writes_it(key: str) -> None:
    raw, escaped = f"http://{HOST}/{key}", f"http://{HOST}/{quote(key)}"
    assert parse_url(escaped) == parse_printed(raw) == parse_stored(escaped) == of(key)
    assert printed_url(raw) == stored_url(escaped) == of(key).url
    assert parse_url("".join(f"%{byte:02x}" for byte in key.encode()).join((f"http://{HOST}/", ""))) == of(key)


def test_two_keys_are_two_files() -> None:
    keys = [*ODD, "a", "a b", "a%20b", "a%2520b", "a%2Fb", "a/b", "A", "你", "%E4%BD%A0", "a#b", "a?b", "a&b"]
    assert len({of(key).identity for key in keys}) == len(set(keys))
    assert len({identity(printed_url(f"http://{HOST}/{key}")) for key in keys}) == len(set(keys))


@given(KEYS, KEYS)
@thorough
def test_files_are_equal_only_if_their_keys_are(one: str, other: str) -> None:
    assert (of(one).identity == of(other).identity) == (one == other)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/a%20b.mp3",
        f"http://{HOST}/a b.mp3",
        f"http://{HOST}/%61%20%62%2e%6D%70%33",
        f"HTTP://{HOST.upper()}/a b.mp3",
        f"http://{HOST.replace('cossh', 'cos.sh')}/a%20b.mp3",
    ],
)
def test_spellings_of_one_file(url: str) -> None:
    assert parse_url(url) == of("a b.mp3")
    assert parse_url(url).url == f"http://{HOST}/a%20b.mp3"


def test_a_region_with_two_names_is_one_region() -> None:
    old, new = (f"http://{HOST.replace('cossh', place)}/a" for place in ("cossh", "cos.ap-shanghai"))
    assert parse_url(new).url == new, "its host exists"
    assert parse_url(new.replace("cos.", "cos")).url == new
    assert parse_url(new.replace("ap-shanghai", "ap-nanjing")).url == new.replace("ap-shanghai", "ap-nanjing")
    assert parse_url(old).identity == parse_url(new).identity == identity(stored_url(new))
    assert parse_url(old).identity != parse_url(new.replace("ap-shanghai", "ap-guangzhou")).identity
    assert short_region("ap-shanghai") == short_region("sh") == "sh"
    assert short_region("ap-nanjing") == "ap-nanjing"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http://"),
        ("a.mp3", "http://"),
        (f" http://{HOST}/a.mp3", "http://"),
        (f"https://{HOST}/a.mp3", "http://"),
        (f"ftp://{HOST}/a.mp3", "http://"),
        (f"//{HOST}/a.mp3", "http://"),
        (f"http://{HOST}:80/a.mp3", "port"),
        (f"http://{HOST}:/a.mp3", "port"),
        (f"http://me@{HOST}/a.mp3", "user name"),
        (f"http://me:pw@{HOST}/a.mp3", "user name"),
        (f"http://{HOST}/a.mp3?sign=x", "%3F"),
        (f"http://{HOST}/a.mp3?", "%3F"),
        (f"http://{HOST}/a.mp3#x", "%23"),
        (f"http://{HOST}/a.mp3#", "%23"),
        (f"http://{HOST}/a#b?c", "%23"),
        (f"http://{HOST}?a", "%3F"),
        (f"http://{HOST}/100%.mp3", "%25"),
        (f"http://{HOST}/a%2", "%25"),
        (f"http://{HOST}/a%zz%20", "%25"),
        (f"http://{HOST}/g/%C4%E3.mp3", "UTF-8"),
        (f"http://{HOST}/g/%BA%C3.mp3", "UTF-8"),
        (f"http://{HOST}/%C0%AE", "UTF-8"),
        (f"http://{HOST}/%ED%A0%80", "UTF-8"),
        (f"http://{HOST}/\ud800", "UTF-8"),
        ("http://example.com/a.mp3", "myqcloud"),
        ("http://music.cossh.myqcloud.com/a.mp3", "myqcloud"),
        ("http://music-1.cos.myqcloud.com/a.mp3", "myqcloud"),
        ("http://music-1.cos.accelerate.myqcloud.com/a.mp3", "myqcloud"),
        ("http://music-1.file.myqcloud.com/a.mp3", "myqcloud"),
        ("http://tric\u212a-1.cossh.myqcloud.com/a.mp3", "myqcloud"),
        (f"http://{HOST}.evil.example/a.mp3", "myqcloud"),
        (f"http://x.{HOST}/a.mp3", "myqcloud"),
        (f"http://{HOST}\\@example.com/a.mp3", "user name"),
        (f"http://{HOST}", "key"),
        (f"http://{HOST}/", "key"),
        (f"http://{HOST}/folder/", "folder"),
        (f"http://{HOST}/folder%2F", "folder"),
        (f"http://{HOST}//a.mp3", "slash"),
        (f"http://{HOST}/%5Ca.mp3", "backslash"),
        (f"http://{HOST}/a/../b.mp3", "segments"),
        (f"http://{HOST}/%2e%2E/b.mp3", "segments"),
        (f"http://{HOST}/a/.", "segments"),
        (f"http://{HOST}/a\\..\\b", "segments"),
        (f"http://{HOST}/a%00b", "control"),
        (f"http://{HOST}/a\nb", "control"),
        (f"http://{HOST}/a%0D%0Ab", "control"),
        (f"http://{HOST}/a%7F", "control"),
        (f"http://{HOST}/{'x' * 851}", "850 bytes"),
        (f"http://{HOST}/{'%E5%90%8D' * 284}", "850 bytes"),
        (f"http://{HOST}/{'名' * 284}", "850 bytes"),
        (f"http://{HOST}/{'x' * MAX_URL}", "2700 characters"),
    ],
)
def test_what_can_never_be_confirmed_is_refused(url: str, reason: str) -> None:
    with pytest.raises(Malformed, match=re.escape(reason)) as caught:
        parse_url(url)
    assert caught.value.field == "url"


@given(st.text())
@thorough
def test_no_text_breaks_a_parser(text: str) -> None:
    for url in (text, f"http://{HOST}/{text}", f"http://{HOST}/%{text}"):
        for read in (parse_printed, parse_stored):
            file = read(url)
            assert file is None or file.url.isascii()
        with suppress(Malformed):
            assert parse_url(parse_url(url).url) == parse_url(url)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "http://[broken", "http://media.example.com/w.mp4", f"http://{HOST}", f"http://{HOST}/"),
        *("http://cts-7.file.myqcloud.com/w.mp4", f"ftp://{HOST}/a", f"http://{HOST}:8080/a", f"http://{HOST}/\ud800"),
    ],
)
def test_what_is_no_object_stays_itself(text: str) -> None:
    assert parse_printed(text) is None
    assert printed_url(text) == stored_url(text) == identity(text) == text


def test_what_the_provider_prints_may_break_our_rules() -> None:
    for key in ("/a", "a/", "../a", "a\nb", "x" * 900):
        for host in (HOST.upper(), f"{HOST}:443"):
            assert identity(printed_url(f"https://{host}/{key}")) == of(key).identity


@pytest.mark.parametrize(
    ("url", "path", "key"),
    [
        ("a b.mp3", "/a b.mp3", "a b.mp3"),
        ("a%20b.mp3", "/a%20b.mp3", "a%20b.mp3"),
        ("a%20b.mp3", "/a b.mp3", "a b.mp3"),
        ("a%2520b.mp3", "/a%20b.mp3", "a%20b.mp3"),
        ("%e4%bd%a0.mp3", "/你.mp3", "你.mp3"),
        ("a%20b.mp3", "/other.mp3", "a%20b.mp3"),
        ("a%20b.mp3", "", "a%20b.mp3"),
        ("a%20b.mp3", None, "a%20b.mp3"),
    ],
)
def test_the_path_tells_whether_the_provider_repeats_the_submitted_url(url: str, path: str | None, key: str) -> None:
    assert parse_printed(f"http://{HOST}/{url}", path) == of(key)


@pytest.mark.parametrize(
    ("url", "key"),
    [("a#b", "a#b"), ("a?b", "a?b"), ("100%", "100%"), ("a%20b", "a b"), ("a%2520b", "a%20b"), ("\u4f60", "\u4f60")],
)
def test_requests_of_earlier_versions_are_read(url: str, key: str) -> None:
    for start in (f"https://{HOST}", f"http://{HOST}:80", f"https://{HOST}:443"):
        assert parse_stored(f"{start}/{url}") == of(key)
    assert identity(stored_url(f"https://{HOST}/{url}")) == of(key).identity
    assert parse_stored(f"http://{HOST}/%C4%E3") is None
