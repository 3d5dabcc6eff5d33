"""What holds for every test."""

from hypothesis import settings

# How long an example takes says how busy the machine is: other tests run beside it.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
