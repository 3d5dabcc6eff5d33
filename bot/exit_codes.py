"""One table: which refusal ends a command of `classpulse` with which exit code, whatever the command."""

from bot.errors import BotError, LabelsRefused, RecordingUnreadable, RoomRefused, RoomUnreachable, SettingsRefused
from dashboard_protocol.errors import (
    AccessDenied,
    BusError,
    BusRefused,
    BusUnknown,
    BusUnreadable,
    ConsentRefused,
    ControlDenied,
    ControlUnreachable,
    DashboardError,
    EpochOver,
    FeedLost,
    LinkMalformed,
    OutboundRefused,
    OutboundUnreachable,
    PlatformsRefused,
    ProxyRefused,
    ReportRefused,
    RequestMalformed,
    RoomNotAllowed,
    SecretRefused,
    ServerRefused,
    WebhookRefused,
)
from dashboard_protocol.settings.command_line import ExitCode
from dashboard_protocol.vocabulary import EndReason

CODES: dict[type[Exception], ExitCode] = {
    SettingsRefused: ExitCode.USAGE,
    RecordingUnreadable: ExitCode.USAGE,
    LabelsRefused: ExitCode.USAGE,
    ServerRefused: ExitCode.USAGE,
    SecretRefused: ExitCode.USAGE,
    ConsentRefused: ExitCode.USAGE,
    ReportRefused: ExitCode.USAGE,
    ProxyRefused: ExitCode.USAGE,
    PlatformsRefused: ExitCode.USAGE,
    RoomNotAllowed: ExitCode.USAGE,
    WebhookRefused: ExitCode.USAGE,
    BusUnknown: ExitCode.USAGE,
    LinkMalformed: ExitCode.USAGE,
    RequestMalformed: ExitCode.USAGE,
    RoomUnreachable: ExitCode.UNREACHABLE,
    BusError: ExitCode.UNREACHABLE,
    ControlUnreachable: ExitCode.UNREACHABLE,
    FeedLost: ExitCode.UNREACHABLE,
    OutboundUnreachable: ExitCode.UNREACHABLE,
    RoomRefused: ExitCode.DENIED,
    BusRefused: ExitCode.DENIED,
    AccessDenied: ExitCode.DENIED,
    ControlDenied: ExitCode.DENIED,
    OutboundRefused: ExitCode.DENIED,
    BusUnreadable: ExitCode.FAILED,
    EpochOver: ExitCode.FAILED,
    BotError: ExitCode.FAILED,
    DashboardError: ExitCode.FAILED,
}
"""Error → code; what is not here has that of the nearest kind above it. `engine.errors` has those of models."""

ENDS: dict[EndReason, ExitCode] = {
    EndReason.ASKED_TO_LEAVE: ExitCode.DONE,
    EndReason.MAX_DURATION: ExitCode.DONE,
    EndReason.ROOM_CLOSED: ExitCode.DONE,
    EndReason.ALONE: ExitCode.DONE,
    EndReason.UNREACHABLE: ExitCode.UNREACHABLE,
    EndReason.REFUSED: ExitCode.DENIED,
    EndReason.KICKED: ExitCode.DENIED,
}
"""How the stay of a bot ended → the code of `join`; FAILED for other ends."""


def exit_code(error: Exception) -> ExitCode | None:
    """Return the code of an error; None for a bug."""
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    from engine.errors import EngineError, InferenceFailed  # with numpy, which most commands do without

    if isinstance(error, EngineError):
        return ExitCode.FAILED if isinstance(error, InferenceFailed) else ExitCode.USAGE
    return None
