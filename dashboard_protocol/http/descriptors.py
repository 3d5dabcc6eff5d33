"""How many files and sockets this process may hold: as many as the system lets it, not as many as shells are given."""

WANTED_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 256
"""For Redis, media, files and libraries: HTTP never takes these."""
FEWEST_DESCRIPTORS = 512
ELSEWHERE = 2048
"""Where the system has no such limit to ask for."""


def most_descriptors() -> int:
    """Raise the limit as far as this user may, up to `WANTED_DESCRIPTORS`, and return it."""
    try:
        import resource
    except ImportError:  # Windows
        return ELSEWHERE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):  # macOS states more than it grants
            most = soft
    return max(FEWEST_DESCRIPTORS, most)
