"""The participants a demo brings along: drawn people who play a story, one by one or in one window, and video files."""

import asyncio
from pathlib import Path

from bot.app import Addresses
from bot.rooms.publishing.camera import open_camera
from bot.rooms.publishing.publisher import play_file, play_story
from bot.rooms.publishing.window_camera import share_window
from bot.samples.story import load_story
from bot.samples.window_story import gallery_of


class Cast:
    """Guests of a demo; call it with the room's addresses to let them join and play."""

    def __init__(
        self, story: str, clips: tuple[Path, ...] = (), *, opts_in: bool = False, in_one_window: bool = False
    ) -> None:
        """Look at everything that will be played.

        Args:
            story: Name of the story.
            clips: Video files, each a participant more.
            opts_in: Whether the drawn people agree to be read individually.
            in_one_window: Whether they are shown as somebody else's gallery, which is shared.

        Raises:
            SettingsRefused: There is no such story.
            ClipUnreadable: A file is no video.
        """
        self._story = load_story(story)
        self._clips = clips
        self._opts_in = opts_in
        self._in_one_window = in_one_window
        for clip in clips:
            open_camera(clip).stop()

    async def __call__(self, addresses: Addresses) -> None:
        """Join and play without end.

        Raises:
            RoomError: A guest could not join.
        """
        async with asyncio.TaskGroup() as guests:
            if self._in_one_window:
                share = f"{addresses.whip}?as=gallery#{addresses.dashboard.partition('#')[2]}"
                guests.create_task(share_window(gallery_of(self._story).picture, share), name="window")
            else:
                playing = play_story(self._story, addresses.whip, token=addresses.token, opts_in=self._opts_in)
                guests.create_task(playing, name="story")
            for clip in self._clips:
                guests.create_task(play_file(clip, 1, addresses.whip, token=addresses.token), name=f"clip {clip.name}")
