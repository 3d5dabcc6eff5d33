"""What can go wrong between bot and dashboard.

DashboardError
├── ProtocolError            a message that is not protocol v1
│   └── UnknownVersion       a message of another protocol version
├── AccessDenied             a link or token that does not open this room
│   └── LinkMalformed        it is no link at all
├── ConsentRefused           a person's consent that does not hold, or cannot be given so
├── BusError                 the bus cannot be used
│   ├── BusUnknown           its address is of no known kind, or cannot be read
│   ├── BusRefused           it answers, and refuses what this process needs
│   │   └── BusGivenUp       it has done so for ten minutes
│   ├── BusUnreadable        it holds what this version cannot read
│   └── EpochOver            a newer bot serves the room
├── SealBroken               what was kept sealed was changed, or is no such thing
├── SealForeign              it was sealed under another secret
├── ProxyRefused             the environment names a proxy that cannot be used
├── OutboundUnreachable      a server that somebody named does not answer
├── OutboundRefused          it answers what is not taken: a redirect, too much, another server's address
├── ControlRefused           the control API refused a request
│   ├── ControlUnreachable   no gateway answers, or it cannot do its work now
│   ├── ControlDenied        it does not let this caller in
│   └── RequestMalformed     it cannot use what was asked
├── PlatformsRefused         the operator's list of learning platforms cannot be used
├── LaunchRefused            what a learning platform sent launches nothing
├── FeedLost                 the client gave up on its gateway
└── ReportRefused            the report after class cannot be written
"""


class DashboardError(Exception):
    """Base of every error of this package; its text is one line that says what to do."""


class ProtocolError(DashboardError):
    """A message is not valid protocol v1."""


class UnknownVersion(ProtocolError):
    """A message carries a protocol version this software does not speak."""


class UnknownEvent(ProtocolError):
    """An event of v1 has a type this software does not know; a reader may skip it and go on.

    Attributes:
        seq: the event's seq, so that a reader that skips it keeps its place.
    """

    def __init__(self, message: str, seq: int) -> None:
        super().__init__(message)
        self.seq = seq


class AccessDenied(DashboardError):
    """A link or token is expired, revoked, foreign or forged; the text never says which."""


class LinkMalformed(AccessDenied):
    """What should be an instructor's link is none."""


class ConsentRefused(DashboardError):
    """A consent token is forged, expired, revoked, or another room's or person's; or none can be made as asked."""


class SecretRefused(DashboardError):
    """The secret that signs links is too short, readable by others, or cannot be stored."""


class ServerRefused(DashboardError):
    """The address cannot be served: the port is taken or forbidden, or the host or certificate is unusable."""


class SealBroken(DashboardError):
    """What was kept sealed was changed or moved since, or was never sealed."""


class SealForeign(DashboardError):
    """It was sealed under another secret than this process has."""


class ProxyRefused(DashboardError):
    """The environment names a proxy that cannot be used."""


class OutboundUnreachable(DashboardError):
    """A server that somebody named gave no whole answer in time."""


class OutboundRefused(DashboardError):
    """A server that somebody named leads elsewhere, or says more than anybody needs."""


class BusError(DashboardError):
    """The bus URL is unknown or the bus cannot be reached."""


class BusUnknown(BusError):
    """The bus URL is of no known kind, or cannot be read."""


class BusRefused(BusError):
    """The bus answers and refuses: it is full, or this process may not do there what it must; waiting mends nothing."""


class BusGivenUp(BusRefused):
    """The bus has refused for so long that a bot, which nobody hears, has left its room."""


class BusUnreadable(BusError):
    """The bus holds, in one place, what this version cannot read; other places are none the worse."""


class EpochOver(BusError):
    """A newer bot serves the room: what this one says is refused, and it must leave."""


class RoomNotAllowed(DashboardError):
    """A room URL is none, or is not on the operator's list."""


class RoomTaken(DashboardError):
    """A bot serves the room, or is about to."""


class PolicyNotChosen(DashboardError):
    """An invitation names no policy, or one that the operator does not allow."""


class TooManyBots(DashboardError):
    """An API key has as many bots as it may have at once."""


class WebhookRefused(DashboardError):
    """A webhook's address or secret is unusable, or a message does not come from this service; the text says which."""


class ControlRefused(DashboardError):
    """The control API refused a request, or cannot be reached; the text is the API's own."""


class ControlUnreachable(ControlRefused):
    """No gateway answers, or it cannot do its work now."""


class ControlDenied(ControlRefused):
    """The gateway does not let this caller in, or not to this."""


class RequestMalformed(ControlRefused):
    """The gateway cannot use what was asked: there is no such thing, or a value that it does not take."""


class PlatformsRefused(DashboardError):
    """The operator's list of learning platforms cannot be read or used; the text says where."""


class LaunchRefused(DashboardError):
    """What came from a learning platform is no launch, not verified, or used before; the text is for operators."""


class FeedLost(DashboardError):
    """The gateway refused the client or stayed away for longer than the client was to wait."""


class ReportRefused(DashboardError):
    """The report cannot be written to the path that was chosen, or there is nothing to report."""
