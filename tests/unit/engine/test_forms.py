"""Form bodies, as the SDKs send them, and malformed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forms import MAX_FIELDS, read_form
from mediarelay.errors import Malformed

TYPE = "multipart/form-data; boundary=b0"


def java_form(params: dict[str, str], boundary: str) -> bytes:
    """Write the body the way the official Java and .NET SDKs do: each line end before its boundary, none left out."""
    fields = "".join(
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in params.items()
    )
    return f"{fields}\r\n--{boundary}--\r\n".encode()


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True), st.text(max_size=40), max_size=8))
def test_what_the_official_sdks_write_is_read_back(params: dict[str, str]) -> None:
    boundary = "---------------------------d41d8cd98f00b20"
    assert dict(read_form(f"multipart/form-data; boundary={boundary}", java_form(params, boundary))) == params


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (TYPE, b'--b0\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b0--'),
        (TYPE, b'preamble\r\n--b0\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b0--\r\nepilogue'),
        (
            'Multipart/Form-Data; charset=utf-8; boundary="b 0"',
            b"--b 0 \r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--b 0--",
        ),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("", b"a=1"),
    ],
)
def test_forms_of_other_clients(content_type: str, body: bytes) -> None:
    assert read_form(content_type, body) == [("a", "1")]


def part(head: bytes, value: bytes = b"1") -> bytes:
    return b"--b0\r\n" + head + b"\r\n\r\n" + value + b"\r\n--b0--\r\n"


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("multipart/form-data", b"", "names no boundary"),
        ("multipart/form-data; boundary=", b"--\r\n", "names no boundary"),
        ("multipart/form-data; boundary=" + "x" * 71, b"", "does not end"),
        (TYPE, b"", "does not end"),
        (TYPE, b"a=1", "does not end"),
        (TYPE, part(b'Content-Disposition: form-data; name="a"')[:-4], "does not end"),
        (TYPE, b'--b0\r\nContent-Disposition: form-data; name="a"\r\n--b0--', "out of form"),
        (TYPE, b"--b0\r\n--b0--", "out of form"),
        (TYPE, b"--b0xyz" + part(b'Content-Disposition: form-data; name="a"')[4:], "out of form"),
        (TYPE, part(b"Content-Type: text/plain"), "without a name"),
        (TYPE, part(b"Content-Disposition: form-data"), "without a name"),
        (TYPE, part(b'Content-Disposition: attachment; name="a"'), "without a name"),
        (TYPE, part(b'Content-Disposition: form-data; name="a"; filename="x"'), "holds a file"),
        (TYPE, part(b"Content-Disposition: form-data; filename*=utf-8''x; name=a"), "holds a file"),
        (
            TYPE,
            part(b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', b"YQ=="),
            "transfer encoding",
        ),
        (TYPE, part(b'Content-Disposition: form-data; name="a"', b"\xff"), "not UTF-8"),
        (TYPE, part(b'Content-Disposition: form-data; name="\xff"'), "not UTF-8"),
        (TYPE, part(b'Content-Disposition: form-data; name="a"').removesuffix(b"--\r\n") * 2000 + b"--", "1000 fields"),
        ("", b"a=\xff", "not UTF-8"),
        ("", b"a=%ff", "form-encoded"),
        ("", b"a=1&" * (MAX_FIELDS + 1), "form-encoded"),
    ],
)
def test_malformed_forms_are_refused(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read_form(content_type, body)


@given(
    st.sampled_from(["", TYPE, "multipart/form-data", "multipart/form-data; boundary=\xff"]), st.binary(max_size=300)
)
def test_any_bytes_are_read_or_refused(content_type: str, body: bytes) -> None:
    for each in (body, b"--b0\r\n" + body + b"\r\n--b0--", part(body), part(b"Content-Disposition: form-data;" + body)):
        try:
            fields = read_form(content_type, each)
        except Malformed:
            continue
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in fields)
