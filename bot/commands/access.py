"""`classpulse link`, `consent` and `revoke`: who may watch a room, who agrees to be shown there, and the end of it."""

from typing import Annotated

import typer

from bot.commands.clients import KeyFlag, UrlFlag, open_client
from bot.errors import SettingsRefused
from dashboard_protocol.http.public_url import checked_public_url
from dashboard_protocol.view.plain_text import plain

PUBLIC_URL = "CLASSPULSE_PUBLIC_URL"
DAY_S = 86_400.0
PublicUrlFlag = Annotated[
    str | None,
    typer.Option(envvar=PUBLIC_URL, help="Under which people reach this server through a proxy: https://HOST[:PORT]."),
]
RoomArgument = Annotated[
    str, typer.Argument(help="The meeting: its address, its key, or the readable part of its key, e.g. demo.")
]


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
    standing: Annotated[
        bool, typer.Option("--standing", help="For every class of the room, for 200 days or until `revoke`.")
    ] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
) -> None:
    """Print a link for an instructor: it opens the page of the class that is on or about to come, and of no other."""
    with open_client(url, api_key) as client:
        print(plain(client.link(client.room(room), standing=standing)))


def consent(
    room: RoomArgument,
    name: Annotated[str, typer.Argument(help="The display name with which the person joins.")],
    *,
    days: Annotated[float, typer.Option(help="How long it holds, 200 at most.")] = 0.5,
    join: Annotated[str | None, typer.Option(help="Their join link, to be printed with the consent in it.")] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
) -> None:
    """Print a consent of somebody who agreed to be shown under their name; it counts once they bring it along."""
    from dashboard_protocol.auth.consent import check_terms

    check_terms(name, days * DAY_S)
    with open_client(url, api_key) as client:
        token = client.consent(client.room(room), name, days * DAY_S)
    print(plain(token if join is None else f"{join}{'&' if '#' in join else '#'}c={token}"))


def revoke(
    room: RoomArgument,
    *,
    name: Annotated[str | None, typer.Option(help="End this person's consents, not the room's links.")] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
) -> None:
    """End every link to a room made so far, and what was opened with them; or one person's consents."""
    with open_client(url, api_key) as client:
        key = client.room(room)
        done = client.end_links(key) if name is None else client.end_consents(key, name)
        where = client.url
    said = (
        f"{'links to' if name is None else 'consents of this person in'} {key} made so far open nothing any more: "
        f"revoked at {where}, for {done.reach} (generation {done.generation})"
    )
    print(plain(said))
