"""Whatever a request to a bucket says, it is understood or refused with an error of COS."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from engine.cos import requests
from engine.cos.answers import ERRORS, CosError, document
from engine.cos.requests import read_copy_source, read_parts, read_query, read_range, read_source_range
from engine.store import StoredObject

LATIN = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=60)
PIECES = st.lists(
    st.sampled_from(
        ["bytes=", "-", "0", "1", "9" * 30, ",", " ", "cts-1.cossh.myqcloud.com", "/", "?", "%2f", "%ff", "%"]
    )
).map("".join)


T = TypeVar("T")


def item(size: int) -> StoredObject:
    return StoredObject(host="h", key="k", blob="b", size=size, etag='"e"', content_type="", modified=5.0)


def understood_or_refused(read: Callable[..., T], *arguments: object) -> T | None:
    try:
        return read(*arguments)
    except CosError as refused:
        status, code = refused.status, refused.code
    assert 400 <= status < 500 or code == "NotImplemented"
    return None


@given(text=LATIN | PIECES, size=st.integers(0, 20))
def test_a_range_stays_within_the_object(text: str, size: int) -> None:
    for headers, read in (({"range": text}, read_range), ({"x-cos-copy-source-range": text}, read_source_range)):
        found = understood_or_refused(read, Headers(headers), item(size))
        if found and size:
            first, last = found
            assert 0 <= first <= last < size


@given(text=LATIN | PIECES)
def test_any_copy_source(text: str) -> None:
    found = understood_or_refused(read_copy_source, Headers({"x-cos-copy-source": text}))
    assert found is None or (found[0].host and found[1])


@given(text=LATIN, names=st.sampled_from(["match", "none-match", "modified-since", "unmodified-since"]))
def test_any_precondition(text: str, names: str) -> None:
    understood_or_refused(requests.is_unchanged, Headers({f"if-{names}": text}), item(1))


@given(st.binary(max_size=80) | PIECES.map(str.encode))
def test_any_query_key_and_digest(text: bytes) -> None:
    for read in (read_query, requests.read_key):
        understood_or_refused(read, text)
    understood_or_refused(requests.read_md5, Headers({"content-md5": text.decode("latin-1").replace("\0", "")}))


XML = st.lists(
    st.sampled_from(
        [
            *(
                "<CompleteMultipartUpload>",
                "</CompleteMultipartUpload>",
                "<Part>",
                "</Part>",
                "<PartNumber>",
                "</PartNumber>",
            ),
            *(
                "1",
                "2",
                "<ETag>",
                "</ETag>",
                '"e"',
                "&amp;",
                "&x;",
                "<!DOCTYPE a>",
                "<!-- -->",
                "<![CDATA[1]]>",
                "<?p?>",
            ),
        ]
    ),
    max_size=20,
).map(lambda pieces: "".join(pieces).encode())


@given(st.binary(max_size=80) | XML)
def test_any_list_of_parts(body: bytes) -> None:
    found = understood_or_refused(read_parts, body)
    assert found is None or all(isinstance(number, int) and etag for number, etag in found)


def test_a_list_of_parts() -> None:
    body = b"""<?xml version="1.0"?><CompleteMultipartUpload xmlns="http://x"><Part><ETag>"aB"</ETag>
        <PartNumber> 3 </PartNumber><Other><Deep>1</Deep></Other></Part>
        <Part><PartNumber>10000</PartNumber><ETag>&quot;cd&quot;</ETag></Part></CompleteMultipartUpload>"""
    assert read_parts(body) == [(3, "ab"), (10_000, "cd")]


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_status_of_its_kind(code: str) -> None:
    assert 400 <= CosError(code).status < 500 or code == "NotImplemented"


@given(st.text())
def test_any_text_fits_into_a_document(text: str) -> None:
    body = bytes(document("A", [("B", text)]).body)
    assert body.startswith(b"<?xml")
    assert body.decode().count("<") == 5
