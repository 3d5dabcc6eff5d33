"""`classpulse link`, `home`, `consent`, `revoke`: who may watch a room, who agrees to be shown, and the end of it."""

from typing import Annotated

import typer

from bot.commands.clients import open_client
from bot.settings.client import ClientSettings
from bot.settings.flags import takes_settings
from dashboard_protocol.settings.command_line import add_command
from dashboard_protocol.view.plain_text import plain

DAY_S = 86_400.0
RoomArgument = Annotated[
    str, typer.Argument(help="The meeting: its address, its key, or the readable part of its key, e.g. demo.")
]
LINK = ("classpulse link demo", "classpulse link janus+ws://127.0.0.1:8188/1234 --standing")
HOME = ("classpulse home local://seminar local://lab", "classpulse home seminar --may-start")
CONSENT = ("classpulse consent seminar 'Anna Lindt' --days 7",)
REVOKE = ("classpulse revoke seminar", "classpulse revoke seminar --name 'Anna Lindt'")


def add_access(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command, examples in ((link, LINK), (home, HOME), (consent, CONSENT), (revoke, REVOKE)):
        add_command(app, command, examples)


@takes_settings("link")
def link(
    gateway: ClientSettings,
    room: RoomArgument,
    *,
    standing: Annotated[
        bool, typer.Option("--standing", help="For every class of the room, for 200 days or until `revoke`.")
    ] = False,
) -> None:
    """Print a link for an instructor to one class.

    It opens the page of the class that is on or about to come, and of no other.
    """
    with open_client(gateway) as client:
        print(plain(client.link(client.room(room), standing=standing)))


@takes_settings("home")
def home(
    gateway: ClientSettings,
    rooms: Annotated[list[str], typer.Argument(help="The meetings: addresses, keys, or readable parts of keys.")],
    *,
    may_start: Annotated[
        bool, typer.Option("--may-start", help="Let classes be started with it; takes a key of the scope invite.")
    ] = False,
) -> None:
    """Print a teacher's link to the classes of some rooms.

    It opens the gateway's home for 200 days, or until `revoke` of its rooms: classes to come, on and past.
    """
    with open_client(gateway) as client:
        named = [room if "://" in room else client.room(room) for room in rooms]
        print(plain(client.teacher_link(named, may_start=may_start)))


@takes_settings("consent")
def consent(
    gateway: ClientSettings,
    room: RoomArgument,
    name: Annotated[str, typer.Argument(help="The display name with which the person joins.")],
    *,
    days: Annotated[float, typer.Option(help="How long it holds, 200 at most.")] = 0.5,
    join: Annotated[str | None, typer.Option(help="Their join link, to be printed with the consent in it.")] = None,
) -> None:
    """Print a consent of somebody to be shown by name.

    It counts once they bring it along.
    """
    from dashboard_protocol.auth.consent import check_terms

    check_terms(name, days * DAY_S)
    with open_client(gateway) as client:
        token = client.consent(client.room(room), name, days * DAY_S)
    print(plain(token if join is None else f"{join}{'&' if '#' in join else '#'}c={token}"))


@takes_settings("revoke")
def revoke(
    gateway: ClientSettings,
    room: RoomArgument,
    *,
    name: Annotated[str | None, typer.Option(help="End this person's consents, not the room's links.")] = None,
) -> None:
    """End every link to a room, or one person's consents.

    What was opened with them ends too.
    """
    with open_client(gateway) as client:
        key = client.room(room)
        done = client.end_links(key) if name is None else client.end_consents(key, name)
        where = client.url
    said = (
        f"{'links to' if name is None else 'consents of this person in'} {key} made so far open nothing any more: "
        f"revoked at {where}, for {done.reach} (generation {done.generation})"
    )
    print(plain(said))
