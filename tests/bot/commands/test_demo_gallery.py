"""`classpulse demo --gallery`: the drawn class as somebody else's gallery, in one window."""

import sys

import pytest

from bot.__main__ import main
from bot.app import Addresses
from bot.rooms.publishing import cast
from bot.rooms.publishing.cast import Cast


def test_gallery_under_individual_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["classpulse", "demo", "--gallery", "--policy", "individual"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "classpulse: nobody is known by name in a gallery: choose --policy aggregate or presence\n"
    )


@pytest.mark.asyncio
async def test_drawn_class_in_one_window_is_shared_with_the_instructors_link(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[str] = []

    async def share(picture: object, whip_url: str) -> None:
        shared.append(whip_url)

    monkeypatch.setattr(cast, "share_window", share)
    origin = "http://127.0.0.1:8080"
    await Cast("demo", in_one_window=True)(
        Addresses(f"{origin}/rooms/demo-1#t=LINK", None, f"{origin}/whip/demo", None)
    )
    assert shared == [f"{origin}/whip/demo?as=gallery#t=LINK"]
