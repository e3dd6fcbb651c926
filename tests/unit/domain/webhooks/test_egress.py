"""Egress rules: which URLs can be configured, and to which addresses events may go."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.webhooks.egress import (
    WebhookUrl,
    is_global,
    literal_address,
    read_webhook_url,
    refusal,
    shown_url,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Example.COM", WebhookUrl("https", "example.com", 443, "/")),
        ("HTTPS://example.com:8443/a/b?c=d&e=%20", WebhookUrl("https", "example.com", 8443, "/a/b?c=d&e=%20")),
        ("https://example.com?a=1", WebhookUrl("https", "example.com", 443, "/?a=1")),
        ("https://xn--fiq228c.example/", WebhookUrl("https", "xn--fiq228c.example", 443, "/")),
        ("https://[2001:DB8::1]:443/", WebhookUrl("https", "2001:db8::1", 443, "/")),
        ("http://127.0.0.1:8080/hook", WebhookUrl("http", "127.0.0.1", 8080, "/hook")),
    ],
)
def test_urls(text: str, url: WebhookUrl) -> None:
    assert read_webhook_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "https:///hook",
        "https://",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com@169.254.169.254/",
        "https://example.com#@169.254.169.254/",
        "https://example.com/#part",
        "https://example.com\\@169.254.169.254/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://10.0.0.256/",
        "https://example.0x1/",
        "https://localhost./",
        "https://example.com./",
        "https://example..com/",
        "https://-example.com/",
        "https://ex%61mple.com/",
        "https://b\u00fccher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://example\u3002com/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::ffff:7f00:1]:0/",
        "https://[1::2::3]/",
        "https://example.com:65536/",
        "https://example.com:/",
        "https://example.com/a b",
        "https://example.com/\r\nhost: other",
        "https://example.com/%zz",
        " https://example.com/",
        "https://example.com/\n",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a.a." * 70 + "example/",
        "https://example.com/" + "a" * 2048,
    ],
)
def test_hostile_urls_are_refused_with_a_reason_that_does_not_quote_them(text: str) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        read_webhook_url(text)
    assert "password" not in str(refused.value)


@given(st.text(max_size=60))
def test_whatever_is_accepted_is_sent_as_it_was_written(text: str) -> None:
    try:
        url = read_webhook_url(f"https://{text}")
    except ValueError:
        return
    assert f"https://{text}".lower().startswith(f"https://{url.host_header}"[:10].lower())
    assert all("!" <= letter <= "~" for letter in url.host + url.target)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("0.0.0.1", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.88.99.1", False),
        ("192.168.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("2606:4700:4700::1111", True),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:1.1.1.1", False),
        ("64:ff9b::1.1.1.1", True),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::1.1.1.1", False),
        ("2001:0:1::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("2002:101:101::", False),
        ("3fff::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_addresses(address: str, public: bool) -> None:
    assert is_global(ip_address(address)) is public


@given(IPV4)
def test_an_ipv6_address_never_reaches_an_ipv4_address_that_is_not_public(inner: IPv4Address) -> None:
    wrapped = [0xFFFF << 32, 0, 0x64FF9B << 96, 0x2002 << 112, 0x64FF9B0001 << 80]
    low = [IPv6Address(prefix | int(inner)) for prefix in wrapped]
    low.append(IPv6Address((0x2002 << 112) | (int(inner) << 80)))
    assert is_global(inner) or not any(is_global(one) for one in low)


@pytest.mark.parametrize(
    ("text", "address", "why"),
    [
        ("https://example.com/", "1.1.1.1", ""),
        ("https://example.com:8443/", "1.1.1.1", ""),
        ("https://example.com:22/", "1.1.1.1", "the port must be one of 443, 8443"),
        ("http://example.com/", "1.1.1.1", "https was expected"),
        ("https://example.com/", "10.0.0.1", "the address is not public"),
        ("http://localhost:9000/", "127.0.0.1", ""),
        ("https://localhost:9000/", "127.0.0.1", ""),
        ("https://localhost/", "::1", "the address is not public"),
    ],
)
def test_refusals(text: str, address: str, why: str) -> None:
    assert refusal(read_webhook_url(text), ip_address(address), LOOPBACK) == why


def test_http_stays_on_loopback_even_if_other_networks_are_allowed() -> None:
    networks = (ip_network("10.0.0.0/8"),)
    plain, secure = read_webhook_url("http://a.example/"), read_webhook_url("https://a.example:9/")
    assert refusal(plain, ip_address("10.0.0.1"), networks) == "http is for loopback addresses only"
    assert refusal(secure, ip_address("10.0.0.1"), networks) == ""


def test_literal_addresses() -> None:
    assert literal_address(read_webhook_url("https://[::1]/")) == IPv6Address("::1")
    assert literal_address(read_webhook_url("https://example.com/")) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://Hooks.example.com/services/T0/B0/canary", "https://hooks.example.com/..."),
        ("https://hooks.example.com:8443?token=canary", "https://hooks.example.com:8443/..."),
        ("https://[2001:DB8::1]/canary", "https://[2001:db8::1]/..."),
    ],
)
def test_no_client_sees_the_path_of_a_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown
