"""What every meter has in common, and the meter of profile `presence`, which knows no attention at all."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Protocol

from bot.engagement.parameters import EngagementParameters
from bot.engagement.values import PersonValues
from dashboard_protocol.events import Unmeasurable
from engine.readings import FaceReading


class ReadSink(Protocol):
    """Takes every due read of one person. `at` is seconds on the room's clock."""

    def camera_on(self, at: float) -> None:
        """Start counting due reads."""

    def camera_off(self, at: float) -> None:
        """Drop all windows; nothing is measurable until the camera is on again."""

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        """Take a due read; ignored while the camera is off.

        Args:
            at: when its picture was decoded; a time before the last one counts as the last one.
            reading: the face in it, None when there was none.
            aspect: width over height of the picture; another shape starts a new baseline.
        """

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        """Note a due read that could not be made, because no picture was decoded or the engine was away."""


class Meter(ReadSink, Protocol):
    """Says what all due reads of one person come to."""

    def values(self, at: float) -> PersonValues:
        """Say what holds now; once a second."""


@dataclass(frozen=True, slots=True)
class Due:
    """One scheduled read."""

    at: float
    decoded: bool
    missing: Unmeasurable | None
    """Why it has no head pose."""
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0


class PresenceMeter:
    """Whether a face is in view and faces the camera: head direction, nothing more."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self._due: deque[Due] = deque()
        self._on_at: float | None = None
        self._off_at: float | None = None
        self._latest_at = 0.0
        self._decoded_at: float | None = None
        self._face_at: float | None = None
        self._reason: Unmeasurable | None = None
        self._since: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether the camera is on."""
        return self._on_at is not None

    def camera_on(self, at: float) -> None:
        """Start counting due reads."""
        if self._on_at is None:
            self._on_at = self._latest_at = at

    def camera_off(self, at: float) -> None:
        """Drop the window."""
        self._on_at, self._off_at = None, at
        self._decoded_at = self._face_at = None
        self._due.clear()

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        """Take a due read; see `Meter`. The picture's shape does not matter here."""
        if self._on_at is None:
            return
        self._decoded_at = at = self._forward(at)
        if reading is None:
            self._due.append(Due(at, True, Unmeasurable.NOT_IN_VIEW))
            return
        self._face_at = at
        face = reading.face
        too_small = face.box_width_px < self._parameters.min_pose_px
        missing = Unmeasurable.TOO_SMALL if too_small else None
        self._due.append(Due(at, True, missing, face.yaw_deg, face.pitch_deg))

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        """Note a due read that could not be made."""
        if self._on_at is not None:
            self._due.append(Due(self._forward(at), False, why))

    def values(self, at: float) -> PersonValues:
        """Say what holds now, without any value of attention."""
        obstacle = self.obstacle(at)
        visible = self._face_at is not None and at - self._face_at <= self._parameters.stale_s
        return self.standing(at, obstacle or (None if visible else self.missing()))

    def standing(self, at: float, reason: Unmeasurable | None) -> PersonValues:
        """Give the values that need no attention, with the reason why others are missing, or None."""
        if reason is not self._reason or self._since is None:
            self._reason, self._since = reason, self._start_of(reason, at)
        parameters = self._parameters
        self._drop_before(at - parameters.window_s)
        decoded = sum(due.decoded for due in self._due)
        measured_s = min(parameters.window_s, max(at - self._on_at, 1.0)) if self._on_at is not None else 1.0
        return PersonValues(
            at=at,
            camera_on=self.is_on,
            visible=self._face_at is not None and at - self._face_at <= parameters.stale_s,
            facing_camera=self._facing_camera(at),
            unmeasurable=reason,
            since=self._since,
            reads_per_s=decoded / measured_s,
            as_of=self._decoded_at,
        )

    def obstacle(self, at: float) -> Unmeasurable | None:
        """Say what forbids any value, before a single read is looked at."""
        if self._on_at is None:
            return Unmeasurable.CAMERA_OFF
        parameters = self._parameters
        if self._decoded_at is None or at - self._decoded_at > parameters.stale_s:
            newest = self._due[-1] if self._due else None
            if newest is not None and not newest.decoded:
                return newest.missing
            return Unmeasurable.STARTING if self._decoded_at is None else Unmeasurable.ENGINE_AWAY
        # Half a window of time, as half a window of reads: what is unseen must not outweigh what is seen.
        return Unmeasurable.STARTING if at - self._on_at < parameters.window_s * parameters.min_coverage else None

    def missing(self) -> Unmeasurable:
        """Name the most frequent cause of reads without a head pose in the window; the newest wins a tie."""
        causes = Counter(due.missing for due in reversed(self._due) if due.missing is not None)
        return causes.most_common(1)[0][0] if causes else Unmeasurable.NOT_IN_VIEW

    def _start_of(self, reason: Unmeasurable | None, at: float) -> float:
        if reason is Unmeasurable.CAMERA_OFF:
            return self._off_at if self._off_at is not None else at
        starts = {
            Unmeasurable.STARTING: self._on_at,
            Unmeasurable.NOT_IN_VIEW: self._face_at if self._face_at is not None else self._on_at,
            Unmeasurable.ENGINE_AWAY: self._decoded_at if self._decoded_at is not None else self._on_at,
        }
        start = starts.get(reason) if reason is not None else None
        return at if start is None else start

    def _facing_camera(self, at: float) -> bool | None:
        parameters = self._parameters
        oldest = at - parameters.camera_window_s
        poses = [(due.yaw_deg, due.pitch_deg) for due in self._due if due.missing is None and due.at > oldest]
        if not poses:
            return None
        yaw = sum(pose[0] for pose in poses) / len(poses)
        pitch = sum(pose[1] for pose in poses) / len(poses)
        return (
            abs(yaw) <= parameters.camera_yaw_deg and -parameters.camera_down_deg <= pitch <= parameters.camera_up_deg
        )

    def _forward(self, at: float) -> float:
        self._latest_at = max(self._latest_at, at)
        self._drop_before(self._latest_at - self._parameters.window_s)
        return self._latest_at

    def _drop_before(self, oldest: float) -> None:
        while self._due and self._due[0].at <= oldest:
            self._due.popleft()
