"""The participants a demo brings along: drawn people who play a story, and anybody's video files."""

import asyncio
from pathlib import Path

from bot.app import Addresses
from bot.rooms.publishing.camera import open_camera
from bot.rooms.publishing.publisher import play_file, play_story
from bot.samples.story import load_story


class Cast:
    """Guests of a demo; call it with the room's addresses to let them join and play."""

    def __init__(self, story: str, clips: tuple[Path, ...] = (), *, opts_in: bool = False) -> None:
        """Look at everything that will be played.

        Args:
            story: Name of the story.
            clips: Video files, each a participant more.
            opts_in: Whether the drawn people agree to be read individually.

        Raises:
            SettingsRefused: There is no such story.
            ClipUnreadable: A file is no video.
        """
        self._story = load_story(story)
        self._clips = clips
        self._opts_in = opts_in
        for clip in clips:
            open_camera(clip).stop()

    async def __call__(self, addresses: Addresses) -> None:
        """Join and play without end.

        Raises:
            RoomError: A guest could not join.
        """
        async with asyncio.TaskGroup() as guests:
            guests.create_task(
                play_story(self._story, addresses.whip, token=addresses.token, opts_in=self._opts_in), name="story"
            )
            for clip in self._clips:
                guests.create_task(play_file(clip, 1, addresses.whip, token=addresses.token), name=f"clip {clip.name}")
