"""One bot in one meeting: lifecycle, state machine, participants, observer, read rate, outbox."""
