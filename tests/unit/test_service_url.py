"""The provider's address: one meaning, one form; anything that a client would change on its way is refused."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import Request

from mediarelay.signing.service_url import PATTERN, V2_PATH, V3_PATH, ServiceUrl, read_service_url, read_v3_url
from tests.hypothesis_profiles import patient
from tests.stack import template

HOST = "cdn.api.qcloud.com"
ADDRESS = f"https://{HOST}{V2_PATH}"
PATH_PATTERN = r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
"""The part of `PATTERN` that takes a path."""
SAME = [
    ADDRESS,
    "https://CDN.api.qcloud.com/v2/index.php",
    "HTTPS://cdn.API.qcloud.com/v2/index.php",
    "https://cdn.api.qcloud.com:443/v2/index.php",
    "https://cdn.api.qcloud.com:0443/v2/index.php",
    "https://cdn.api.qcloud.com:/v2/index.php",
    "https://cdn.api.qcloud.com",
    "https://cdn.api.qcloud.com:443",
    "https://cdn.api.qcloud.com/v2/index.php ",
    " https://cdn.api.qcloud.com/v2/index.php\n",
    "https://cdn.api.qcloud.com./v2/index.php",
    "https://cdn.api.qcloud.com.:443/v2/index.php",
]
OTHERS = {
    "https://cdn.api.qcloud.com/": ("cdn.api.qcloud.com", "/"),
    "https://cdn.api.qcloud.com:8443": ("cdn.api.qcloud.com:8443", V2_PATH),
    "https://cdn.api.qcloud.com:80/x": ("cdn.api.qcloud.com:80", "/x"),
    "https://192.0.2.7/v2/": ("192.0.2.7", "/v2/"),
    "https://xn--bcher-kva.example/v2/index.php": ("xn--bcher-kva.example", V2_PATH),
    "http://127.0.0.1:4580/v2/index.php": ("127.0.0.1:4580", V2_PATH),
    "http://127.0.0.1:80": ("127.0.0.1", V2_PATH),
    "http://LocalHost:443/x/y.z": ("localhost:443", "/x/y.z"),
    "http://[::1]:9/x": ("[::1]:9", "/x"),
}
REFUSED = {
    "https://user:canary-pw@cdn.api.qcloud.com/v2/index.php": "user@",
    "https://user@cdn.api.qcloud.com/v2/index.php": "user@",
    "https://cdn.api.qcloud.com/v2/index.php?": "query",
    "https://cdn.api.qcloud.com/v2/index.php?a=b": "query",
    "https://cdn.api.qcloud.com/v2/index.php#": "fragment",
    "https://cdn.api.qcloud.com/v2/index.php#x": "fragment",
    "https://cdn.api.qcloud.com/v2/index%2Ephp": "escape",
    "https://cdn.api.qcloud.com /v2/index.php": "white space",
    "https://cdn.api.qcloud.com/v2 index.php": "white space",
    "http://cdn.api.qcloud.com/v2/index.php": "https only",
    "http://127.0.0.1.example.com/": "https only",
    "http://127.0.0.1@example.com/": "user@",
    "cdn.api.qcloud.com": "https://",
    "": "https://",
    " ": "https://",
    "ftp://cdn.api.qcloud.com/": "https://",
    **dict.fromkeys(
        [
            "https://",
            "https:///v2/index.php",
            "https://cdn..api.qcloud.com/",
            "https://-cdn.api.qcloud.com/",
            "https://cdn_api.qcloud.com/",
            "https://b\u00fccher.example/",
            "https://cdn.api.qcloud.com:0/",
            "https://cdn.api.qcloud.com:65536/",
            "https://cdn.api.qcloud.com:http/",
            "https://cdn.api.qcloud.com:4 43/",
            "https://cdn.api.qcloud.com//v2/index.php",
            "https://cdn.api.qcloud.com/v2/../index.php",
            "https://cdn.api.qcloud.com/./v2",
            "https://cdn.api.qcloud.com/v2\\index.php",
            "https://cdn.api.qcloud.com/caf\u00e9",
            "https://[2001:db8::1]/",
        ],
        "",
    ),
}


@pytest.mark.parametrize("spelling", SAME)
def test_spellings_of_one_address(spelling: str) -> None:
    assert read_service_url(spelling) == ServiceUrl(ADDRESS, HOST, V2_PATH)


@pytest.mark.parametrize("spelling", OTHERS)
def test_other_addresses(spelling: str) -> None:
    host, path = OTHERS[spelling]
    found = read_service_url(spelling)
    assert (found.host, found.path) == (host, path)
    assert found.url == f"{spelling.partition(':')[0].lower()}://{host}{path}"


@pytest.mark.parametrize("spelling", REFUSED)
def test_what_is_refused_says_why_and_how_to_write_it(spelling: str) -> None:
    with pytest.raises(ValueError, match=re.escape(ADDRESS)) as refused:
        read_service_url(spelling)
    assert REFUSED[spelling] in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("spelling", [*SAME, *OTHERS, *REFUSED])
def test_the_template_refuses_exactly_the_same(spelling: str) -> None:
    parameter = template()["Parameters"]["ProviderEndpoint"]
    assert parameter["AllowedPattern"] == PATTERN
    assert bool(re.fullmatch(parameter["AllowedPattern"], spelling)) is (spelling not in REFUSED)


@pytest.mark.parametrize("spelling", [*SAME, *OTHERS, *REFUSED, *(f"{one}/" for one in SAME)])
def test_an_api_without_a_path_has_the_same_rules(spelling: str) -> None:
    """The parameter of MPS takes what its reader takes, and nothing else."""
    parameter = template()["Parameters"]["MpsEndpoint"]
    assert parameter["AllowedPattern"] == PATTERN.replace(PATH_PATTERN, "/?")
    fits = bool(re.fullmatch(parameter["AllowedPattern"], spelling))
    assert fits is (spelling not in REFUSED and urlsplit(spelling.strip()).path in {"", "/"})
    if fits:
        assert read_v3_url(spelling).path == V3_PATH
    else:
        with pytest.raises(ValueError, match=r"write it like https://mps\.tencentcloudapi\.com"):
            read_v3_url(spelling)


@patient
@given(st.from_regex(PATTERN, fullmatch=True) | st.text() | st.text().map(lambda text: f"https://a.b{text}"))
def test_whatever_is_read_is_sent_as_it_is_signed(text: str) -> None:
    """As requests sends it: the URL that it prepares is ours, character for character."""
    try:
        found = read_service_url(text)
    except ValueError:
        assert not re.fullmatch(PATTERN, text)
        return
    prepared = Request("POST", found.url).prepare()
    assert (prepared.url, prepared.path_url) == (found.url, found.path)
    assert found.url.endswith(found.host + found.path)
    assert read_service_url(found.url) == found
