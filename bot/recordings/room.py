"""Recordings as a room: every file is one person's camera, from its first picture to its last."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from bot.errors import RoomClosed
from bot.recordings.video_file import VideoFile
from bot.rooms.base import Absence, Admitted, CameraOff, CameraOn, Frame, Joined, Left, Participant, RoomEvent
from bot.rooms.latest_frame import Mailbox
from bot.rooms.notice import clean_name
from bot.rooms.remote_session import RemoteSession
from bot.rooms.tracks import MailboxTrack

T = TypeVar("T")
CAMERA_PATIENCE_S = 1.25
"""No picture for so long means that the camera is off, as in a meeting."""
PICTURES_AHEAD = 4
"""Decoded at once, while those before them are read."""


class RecordingRoom:
    """Files that begin together. Runs on the time of `FileTimeLoop`; ends with the last file."""

    def __init__(
        self,
        name: str,
        files: Sequence[VideoFile],
        *,
        began_at: float,
        standing: Callable[[], AbstractContextManager[None]],
        opted_in: bool = False,
    ) -> None:
        """Take over open files, one a person, who bears its name; leaving the room closes them.

        Args:
            name: Of the room.
            files: One at least.
            began_at: What the room's clock shows at 0 s of the loop.
            standing: Lets no time pass while inside: decoding takes none of the recording's.
            opted_in: Whether everybody agreed to be read individually.
        """
        self.name = name
        self._files = {
            Participant(f"p{number}", clean_name(file.name), opted_in): file for number, file in enumerate(files, 1)
        }
        self._began_at = began_at
        self._standing = standing
        self._session = RemoteSession(name)
        self._decoders = ThreadPoolExecutor(min(len(files), 4), thread_name_prefix="recording")

    async def __aenter__(self) -> Self:
        await self._session.begin(self._attend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.leave()
        self._decoders.shutdown(cancel_futures=True)
        for file in self._files.values():
            file.close()

    def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens; raises RoomClosed after the last picture. One reader."""
        return self._session.events()

    async def _attend(self) -> None:
        self._session.publish(Admitted())
        for participant in self._files:
            self._session.publish(Joined(participant))
        async with asyncio.TaskGroup() as playing:
            for participant, file in self._files.items():
                playing.create_task(self._play(participant, file), name=f"recording {participant.id}")
        raise RoomClosed(f"{self.name} is over")

    async def _play(self, participant: Participant, file: VideoFile) -> None:
        """Show each picture when it is due."""
        mailbox: Mailbox[Frame] | None = None
        last_s = 0.0
        async with aclosing(self._ahead(file.read)) as pictures:
            async for frame in pictures:
                if mailbox is not None and frame.at - last_s > CAMERA_PATIENCE_S:
                    await until(last_s + CAMERA_PATIENCE_S)
                    mailbox.close()
                    mailbox = None
                    self._session.publish(CameraOff(participant))
                await until(frame.at)
                if mailbox is None:
                    mailbox = Mailbox[Frame]()
                    self._session.publish(CameraOn(participant, MailboxTrack(participant, mailbox)))
                mailbox.put(replace(frame, at=self._began_at + frame.at))
                last_s = frame.at
        await until(last_s + file.step_s)
        if mailbox is not None:
            mailbox.close()
        self._session.publish(Left(participant, Absence.LEFT))

    async def _ahead(self, read: Callable[[int], list[T]]) -> AsyncGenerator[T, None]:
        """Yield at once what `read` gives, at most so much a call, while the next is read in a thread."""
        coming = self._decoders.submit(read, PICTURES_AHEAD)
        while True:
            with self._standing():
                come = await asyncio.wrap_future(coming)
            if not come:
                return
            coming = self._decoders.submit(read, PICTURES_AHEAD)
            for each in come:
                yield each


async def until(at_s: float) -> None:
    """Wait for a moment on the loop's clock."""
    await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))
