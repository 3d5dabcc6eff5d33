"""The command `classpulse` for measurements: everybody in a Janus room, or on a page, counts as somebody who opted in.

Janus has no word for opting in, and only of people who did are single reads published.
"""

from functools import partial

from bot.__main__ import main
from bot.rooms import roster
from bot.rooms.base import Participant
from tests.benchmarks.staged_bot import name_threads

if __name__ == "__main__":
    name_threads()
    vars(roster)["Participant"] = partial(Participant, opted_in=True)
    main()
