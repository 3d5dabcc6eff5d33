"""One bot in one meeting: lifecycle, state machine, participants, observers, class events, read rate, outbox."""
