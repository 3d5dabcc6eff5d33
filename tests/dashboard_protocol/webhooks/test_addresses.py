"""Where a webhook may lead."""

import asyncio
import socket
from typing import Any

import pytest

from dashboard_protocol.errors import WebhookRefused
from dashboard_protocol.webhooks.addresses import AllowedReceivers, is_public

PRIVATE = """
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 192.0.2.1 192.168.1.1 198.18.0.1
    224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1
    2001:db8::1
    2001:0:7f00:1:: 2002:7f00:1:: fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
"""
PUBLIC = "8.8.8.8 93.184.215.14 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have every name mean these addresses; return the names that were asked for."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", PRIVATE.split())
def test_private_address_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://127.1/", "https://0x7f000001/",
        "https://2130706433/", "https://localhost/", "https://169.254.169.254/latest/meta-data", "https://0/",
    ],
)  # fmt: skip
async def test_receiver_in_a_private_network_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(WebhookRefused, match="private network"):
        await AllowedReceivers().check(url)


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("fe80::1%eth0",)])
async def test_name_that_means_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    resolving_to(monkeypatch, *addresses)
    with pytest.raises(WebhookRefused, match="private network"):
        await AllowedReceivers().check("https://lms.example.org/")


async def test_name_of_the_internet_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving_to(monkeypatch, "8.8.8.8", "8.8.8.8", "9.9.9.9")
    checked = await AllowedReceivers().check("https://LMS.example.org./bots?x=1")
    assert checked == (("https", "lms.example.org", 443), ["8.8.8.8", "9.9.9.9"])
    assert asked == ["lms.example.org"]


async def test_unknown_name_is_no_refusal_but_an_error_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch)
    with pytest.raises(OSError, match="unknown"):
        await AllowedReceivers().check("https://lms.example.org/")


async def test_listed_receiver_may_be_private_and_plain_and_no_other_is() -> None:
    receivers = AllowedReceivers(["http://127.0.0.1:9000", "https://localhost"])
    assert (await receivers.check("http://127.0.0.1:9000/any/path?x")).addresses == ["127.0.0.1"]
    assert set((await receivers.check("https://localhost:443/")).addresses) <= {"127.0.0.1", "::1"}
    for other in ("http://127.0.0.1/", "http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "https://localhost:444/"):
        with pytest.raises(WebhookRefused):
            await receivers.check(other)


@pytest.mark.parametrize(
    "url",
    [
        "http://lms.example.org/", "file:///etc/passwd", "redis://127.0.0.1/", "ftp://example.org/", "https:///path",
        "https://user:word@example.org/", "https://example.org/#part", "https://example.org:99999/", "//example.org/",
        "https://a..b/", f"https://{'a' * 70}.org/", "", "https://[::1/",
    ],
)  # fmt: skip
async def test_what_is_no_address_of_a_receiver_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused):
        await AllowedReceivers().check(url)


def test_impossible_entry_of_the_list_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="https://HOST/PATH"):
        AllowedReceivers(["lms.example.org"])
