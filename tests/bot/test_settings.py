"""Settings refuse what would open a door or make no sense."""

from pathlib import Path

import pytest

from bot.errors import SettingsRefused
from bot.settings import Settings
from dashboard_protocol.events import Profile


def settings(**values: object) -> Settings:
    return Settings.model_validate({"room_url": "local://r", "policy": Profile.PRESENCE, **values})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert settings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_other_hosts_need_tls_or_a_proxy(host: str) -> None:
    with pytest.raises(SettingsRefused, match="--behind-proxy"):
        settings(host=host)
    assert not settings(host=host, behind_proxy=True, trusted_proxies=["192.0.2.9"]).is_loopback
    settings(host=host, tls_cert=Path("c.pem"), tls_key=Path("k.pem"))


def test_certificate_without_key_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="belong together"):
        settings(tls_cert=Path("c.pem"))


def test_whoever_stands_behind_a_proxy_says_which_one_it_is() -> None:
    with pytest.raises(SettingsRefused, match="--trusted-proxy"):
        settings(behind_proxy=True)


@pytest.mark.parametrize("relay", [{"trusted_proxies": ["127.0.0.1"]}, {"public_url": "https://class.example.org"}])
def test_room_that_a_proxy_leads_to_is_not_open_though_it_listens_on_loopback(
    relay: dict[str, object],
) -> None:
    assert not settings(**relay).is_loopback
