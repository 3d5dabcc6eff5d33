"""What can go wrong in the bot.

BotError
├── SettingsRefused      a flag or setting that cannot be used; exit code 2
├── RecordingUnreadable  a file that cannot be read as video; exit code 2
├── LabelsRefused        a folder of labelled clips, or the place of its report, that cannot be used; exit code 2
├── JoinCalledOff        somebody asked the bot to leave before it was in; no failure
├── PictureLost          a frame came of which no picture can be made; raised by rooms
└── RoomError
    ├── RoomUnreachable  no answer; retried
    ├── RoomRefused      the room said no; not retried
    │   └── RoomKicked   the room let the bot in, and then sent it away
    ├── RoomNotUnderstood  what the room says means nothing to this bot; not retried, and the end is `failed`
    ├── RoomClosed       the room has ended
    └── RoomDeserted     nobody but the bot has been there for too long
"""


class BotError(Exception):
    """Base of every error the bot raises; its text is one line that says what to do."""


class SettingsRefused(BotError):
    """A flag, environment variable or their combination cannot be used."""


class RecordingUnreadable(BotError):
    """A file is missing, empty, encrypted, or no video that can be decoded."""


class LabelsRefused(BotError):
    """A folder of labelled clips is not as its layout says, or nothing can be written where its report should be."""


class JoinCalledOff(BotError):
    """Somebody asked the bot to leave before it was in the room."""


class RoomError(BotError):
    """Base of what a room can do to a bot."""


class RoomUnreachable(RoomError):
    """The room did not answer; trying again may help."""


class RoomRefused(RoomError):
    """The room refused the bot; trying again will not help."""


class RoomKicked(RoomRefused):
    """Somebody sent the bot out of the room; it does not come back."""


class RoomNotUnderstood(RoomError):
    """The room says what this bot does not understand; trying again will not help."""


class RoomClosed(RoomError):
    """The room has ended, or ended the bot's stay."""


class RoomDeserted(RoomError):
    """Nobody but the bot has been in the room for as long as it was to wait."""
