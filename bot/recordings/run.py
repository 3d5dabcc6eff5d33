"""Wires recordings into the path of a live class: what differs is the room, and whose time it is."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.app import Surroundings, hello_of, inference_of
from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement_parameters import parameters_of
from bot.errors import RecordingUnreadable
from bot.meeting.class_events import ClassEvents
from bot.meeting.left_out import LeftOut
from bot.meeting.lifecycle import Lifecycle, joined
from bot.meeting.meeting import Meeting
from bot.meeting.observers import Observers
from bot.meeting.outbox import Outbox
from bot.meeting.participants import Participants
from bot.meeting.read_rate import ReadRate
from bot.metrics import Counted
from bot.privacy.audit_log import Audit
from bot.privacy.opt_outs import OptOuts
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.recordings.file_time import FileTimeLoop
from bot.recordings.recorded_gallery import RecordedGallery
from bot.recordings.room import RecordingRoom
from bot.recordings.timeless import Timeless
from bot.recordings.video_file import VideoFile
from bot.settings import Settings
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.secrets_store import load_secret, state_directory
from dashboard_protocol.bus.memory import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.events import EndReason

NAME: Final = "recording"
"""What the class is called where nobody calls it anything: files may bear people's names."""


@dataclass(slots=True)
class Recording:
    """Files that are one class, each of one person; or one file that shows all of it."""

    files: Sequence[VideoFile]
    """Open; running the recording closes them."""
    unreadable: list[str]
    """Files that could not be opened, a line each."""
    all_agreed: bool = False
    """The operator's word that everybody in them agreed to be read individually."""
    is_gallery: bool = False
    """Whether the file, which is the only one, shows many people."""

    @classmethod
    def of(cls, paths: Sequence[Path], *, all_agreed: bool = False, is_gallery: bool = False) -> "Recording":
        """Open what can be opened.

        Raises:
            RecordingUnreadable: Nothing can.
        """
        files, unreadable = [], []
        for path in paths:
            try:
                files.append(VideoFile(path))
            except RecordingUnreadable as error:
                unreadable.append(str(error))
        if not files:
            raise RecordingUnreadable("\n".join(unreadable))
        return cls(files, unreadable, all_agreed, is_gallery)

    @property
    def began_at(self) -> float:
        """When the recording began, Unix seconds; 0 where no file says it: what is published counts from there.

        Only what stands in the files counts: a copy gives the same as the original.
        """
        return min((file.began_at for file in self.files if file.began_at is not None), default=0.0)

    @property
    def duration_s(self) -> float | None:
        """How long it is, as far as the files say."""
        return max((file.duration_s for file in self.files if file.duration_s is not None), default=None)

    @property
    def damage(self) -> list[str]:
        """What could not be read, a line each."""
        return [*self.unreadable, *(file.damage for file in self.files if file.damage is not None)]

    async def run(self, settings: Settings, surroundings: Surroundings) -> EndReason:
        """Read the files from beginning to end, on a `FileTimeLoop`; see `bot.app.run`."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FileTimeLoop)

        def clock() -> float:
            return self.began_at + loop.time()

        room = self._room(loop)
        policy = Policy(settings.policy, k=settings.k)
        parameters = parameters_of(settings, policy)
        audit = Audit(state_directory(), NAME)
        requests = PrivacyRequestHandler(None, NAME, access := Access(load_secret()))
        outbox, inference = Outbox(clock, surroundings.show), inference_of(settings, policy)
        listening = Listening(lambda: True)
        people = Meeting(
            clock,
            Participants(OptOuts(), names_people=policy.names_people),
            Observers(
                Counted(Timeless(inference, loop)), policy, clock, parameters, listening,
                ReadRate(parameters.reads_per_s, is_spread=False),
            ),
            ClassEvents(policy, parameters, settings.alerts, listening),
            outbox,
            audit=audit,
            requests=requests,
            consents=access.consents,
            left_out=LeftOut(settings.leave_out),
        )  # fmt: skip
        lifecycle = Lifecycle(clock, people, outbox, audit, requests)
        async with AsyncExitStack() as stack:
            bus = MemoryBus()
            stack.push_async_callback(bus.close)
            writer = await EventWriter.open(bus, NAME)
            await stack.enter_async_context(outbox.publishing(writer))
            audit.reads_recording(len(self.files), all_agreed=self.all_agreed)
            hello = hello_of(settings, policy, parameters, "Recording", NAME)
            lifecycle.begin(hello, policy, notice_given=settings.notice_given)
            with lifecycle.farewell():
                async with inference, joined(room, surroundings.stop):
                    await lifecycle.live(room, surroundings.stop, settings.max_duration_s, None)
        return lifecycle.end_reason

    def _room(self, loop: FileTimeLoop) -> RecordingRoom:
        if self.is_gallery:
            return RecordedGallery(NAME, self.files, began_at=self.began_at, standing=loop.standing)
        return RecordingRoom(NAME, self.files, began_at=self.began_at, standing=loop.standing, opted_in=self.all_agreed)
