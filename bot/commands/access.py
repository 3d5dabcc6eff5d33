"""`classpulse link`, `consent` and `revoke`: who may watch a room, who agrees to be shown there, and the end of it."""

import asyncio
from typing import Annotated

import typer

from bot.errors import SettingsRefused
from bot.settings import Settings
from dashboard_protocol.public_url import checked_public_url
from dashboard_protocol.secret import load_secret, state_directory

PUBLIC_URL = "CLASSPULSE_PUBLIC_URL"
DAY_S = 86_400.0
PublicUrlFlag = Annotated[
    str | None,
    typer.Option(envvar=PUBLIC_URL, help="Under which people reach this server through a proxy: https://HOST[:PORT]."),
]
RoomArgument = Annotated[str, typer.Argument(help="The room's name, e.g. demo.")]
BusFlag = Annotated[str, typer.Option(envvar="CLASSPULSE_BUS", help="Where the room's gateways share what is revoked.")]


def add_access(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (link, consent, revoke):
        app.command()(command)


def read_public_url(text: str | None) -> str | None:
    """Check the flag.

    Raises:
        SettingsRefused: It is not the beginning of a link.
    """
    try:
        return None if text is None else checked_public_url(text)
    except ValueError as error:
        raise SettingsRefused(f"--public-url: {error}") from error


def link(
    room: RoomArgument,
    *,
    origin: Annotated[
        str, typer.Option(envvar=["CLASSPULSE_ORIGIN", PUBLIC_URL], help="Where its page is served.")
    ] = f"http://{Settings.model_fields['host'].default}:{Settings.model_fields['port'].default}",
) -> None:
    """Print a link for an instructor: it opens the room's page for 12 hours."""
    from dashboard_protocol.access import Access, instructor_url

    print(instructor_url(origin, room, Access(load_secret()).link(room)))


def consent(
    room: RoomArgument,
    name: Annotated[str, typer.Argument(help="The display name with which the person joins.")],
    *,
    days: Annotated[float, typer.Option(help="How long it holds, 200 at most.")] = 0.5,
    join: Annotated[str | None, typer.Option(help="Her join link, to be printed with the consent in it.")] = None,
) -> None:
    """Print a consent of somebody who agreed to be shown under her name; it counts once she brings it along."""
    from dashboard_protocol.access import Access

    token = Access(load_secret()).consents.grant(room, name, days * DAY_S)
    print(token if join is None else f"{join}{'&' if '#' in join else '#'}c={token}")


def revoke(
    room: RoomArgument,
    *,
    name: Annotated[str | None, typer.Option(help="End this person's consents, not the room's links.")] = None,
    bus: BusFlag = "memory://",
) -> None:
    """End every link to a room made so far, and what was opened with them; or one person's consents."""
    from dashboard_protocol.access import Access
    from dashboard_protocol.revocations import open_revocations

    access = Access(load_secret(), revocations=open_revocations(bus, state_directory()))
    if name is None:
        access.revoke(room)
    else:
        access.consents.revoke(room, name)

    async def tell() -> None:
        try:
            await access.revocations.exchange()
        finally:
            await access.revocations.close()

    asyncio.run(tell())
    print(f"{'links to' if name is None else 'consents of this person in'} {room} made so far open nothing any more")
