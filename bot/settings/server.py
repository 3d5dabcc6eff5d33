"""Settings of every process that serves something: how it is reached, and where its figures stand."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.errors import SettingsRefused
from dashboard_protocol.http import request_rules
from dashboard_protocol.http.public_url import PublicUrl, checked_frame_origins
from dashboard_protocol.http.request_rules import LOOPBACK_NAMES, RequestRules
from dashboard_protocol.settings.setting import Setting

FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
Port = Annotated[int, Field(ge=0, le=65535)]


def listed(check: Callable[[list[str]], Any]) -> BeforeValidator:
    """Read what people write between commas, and see that it can be used."""

    def read(value: Any) -> Any:
        given = [value] if isinstance(value, str) else value
        return check([part.strip() for each in given for part in str(each).split(",") if part.strip()])

    return BeforeValidator(read)


class Figures(BaseModel):
    """Where a process serves its figures, and under which names it is reached."""

    model_config = FROZEN

    metrics_port: Annotated[
        Port | None,
        Setting(
            "TCP port of /metrics; 0 for a free one.",
            commands="join serve worker",
            variable="CLASSPULSE_METRICS_PORT",
            value="PORT",
            default="nothing is served",
        ),
    ] = None
    metrics_host: Annotated[
        str,
        Setting(
            "Address that /metrics listens on.",
            commands="join serve worker",
            variable="CLASSPULSE_METRICS_HOST",
            value="ADDRESS",
        ),
    ] = "127.0.0.1"
    allowed_hosts: Annotated[
        frozenset[str],
        listed(request_rules.allowed_hosts),
        Setting(
            "Further names and addresses under which this server is reached: HOST, … Others are answered 421.",
            commands="join serve worker",
            flag="--allowed-host",
            variable="CLASSPULSE_ALLOWED_HOSTS",
            value="HOSTS",
            default="its own",
        ),
    ] = frozenset()


class Reach(Figures):
    """How people reach a server, and what stands in front of it."""

    host: Annotated[
        str, Setting("Address to listen on.", commands="join serve", variable="CLASSPULSE_HOST", value="ADDRESS")
    ] = "127.0.0.1"
    port: Annotated[
        Port,
        Setting(
            "TCP port of page and feed; 0 for a free one.",
            commands="demo join serve",
            variable="CLASSPULSE_PORT",
            value="PORT",
        ),
    ] = 8080
    tls_cert: Annotated[
        Path | None, Setting("Certificate chain (PEM), for another host.", commands="join serve", value="FILE")
    ] = None
    tls_key: Annotated[Path | None, Setting("Its key (PEM).", commands="join serve", value="FILE")] = None
    behind_proxy: Annotated[
        bool,
        Setting("A proxy in front ends TLS.", commands="join serve", flag="--behind-proxy/--no-behind-proxy"),
    ] = False
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        listed(request_rules.trusted_proxies),
        Setting(
            "Proxies whose X-Forwarded-For and -Proto are believed: ADDRESS or NETWORK, …",
            commands="join serve",
            flag="--trusted-proxy",
            variable="CLASSPULSE_TRUSTED_PROXIES",
            value="NETWORKS",
            default="nobody's",
        ),
    ] = ()
    public_url: Annotated[
        PublicUrl | None,
        Setting(
            "Under which people reach this server through a proxy, what every link begins with: https://HOST[:PORT].",
            commands="join serve",
            variable="CLASSPULSE_PUBLIC_URL",
            value="URL",
            default="its own address",
        ),
    ] = None

    frame_origins: Annotated[
        tuple[str, ...],
        listed(checked_frame_origins),
        Setting(
            "Sites whose pages may show the compact view of a class in a frame: https://HOST[:PORT], …",
            commands="join serve",
            flag="--frame-origin",
            variable="CLASSPULSE_FRAME_ORIGINS",
            value="ORIGINS",
            default="none",
        ),
    ] = ()

    @model_validator(mode="after")
    def _refuse_open_doors(self) -> Self:
        """Refuse to speak openly to other machines, and to take everybody behind a proxy for one asker."""
        has_tls = bool(self.tls_cert and self.tls_key)
        if self.host not in LOOPBACK_NAMES and not (self.behind_proxy or has_tls):
            raise SettingsRefused(
                f"--host {self.host} is reachable from other machines: give --tls-cert and --tls-key, "
                "or --behind-proxy when a proxy in front of it ends TLS"
            )
        if self.behind_proxy and not self.trusted_proxies:
            raise SettingsRefused(
                "--behind-proxy: say by --trusted-proxy ADDRESS which proxy it is, "
                "else everybody behind it shares the limits of one"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsRefused("--tls-cert and --tls-key belong together: give both or none")
        return self

    @property
    def rules(self) -> RequestRules:
        """Which requests are taken."""
        return RequestRules.reached_under(self.public_url, hosts=self.allowed_hosts, proxies=self.trusted_proxies)
