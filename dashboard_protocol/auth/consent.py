"""Signed leave of one person to be read under their own name in one room: given by whoever asked them, used by them.

A token does nothing until the person brings it along when they join; it speaks for their name in its room and for
nobody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard_protocol.auth.consent_bounds import CONSENT_S, LONGEST_CONSENT_S, MAX_NAME
from dashboard_protocol.auth.pseudonyms import Pseudonyms, bare_name
from dashboard_protocol.auth.revocations import Revocations
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.errors import AccessDenied, ConsentRefused

REFUSAL = "This consent does not hold here: join without it, or ask for one for this name and this room."
ABSENT = "No consent can be used here now: join under its name first, and as the only one."

_USE = "consent"
_SEALED = "sealed consent"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a token says."""

    room: str
    name: str
    """The display name under which the person joins."""
    generation: int
    """Of the person's consents in the room, as of `Revocations`."""
    expires_at: float
    """Unix seconds."""


class Consents:
    """Makes, checks and revokes consent tokens.

    Args:
        signer: signs them.
        revocations: what was revoked, shared with the other processes.
        pseudonyms: under which revocations are kept.
    """

    def __init__(self, signer: Signer, revocations: Revocations, pseudonyms: Pseudonyms) -> None:
        self._signer = signer
        self._revocations = revocations
        self._pseudonyms = pseudonyms

    def grant(self, room: str, name: str, valid_s: float = CONSENT_S) -> str:
        """Return a token by which `name` may agree in `room`.

        Args:
            room: the room's name.
            name: the display name with which the person joins; capitals and spaces do not matter.
            valid_s: seconds, at most 200 days.

        Raises:
            ConsentRefused: There is no such name or no such time.
        """
        bare = check_terms(name, valid_s)
        generation = self._revocations.generation(self._key(room, bare))
        return self._signer.sign(_USE, room, generation, self._signer.clock() + valid_s, name=bare)

    def check(self, room: str, name: str, token: str) -> Consent:
        """Return the consent of somebody who joins `room` as `name`.

        Raises:
            ConsentRefused: It does not hold, whatever the cause: forged, expired, revoked, another room's or name's.
        """
        consent = self.read(room, token)
        if not is_same_name(consent.name, name):
            raise ConsentRefused(REFUSAL)
        return consent

    def read(self, room: str, token: str) -> Consent:
        """Return what a token says of whoever brings it to `room`; whose name it is for is then to be compared.

        Raises:
            ConsentRefused: It does not hold, whatever the cause: forged, expired, revoked, another room's.
        """
        try:
            claims = self._signer.read(_USE, room, token, "name")
        except AccessDenied:
            raise ConsentRefused(REFUSAL) from None
        consent = Consent(room, claims["name"], claims["gen"], claims["exp"])
        if not self.holds(consent):
            raise ConsentRefused(REFUSAL)
        return consent

    def seal(self, consent: Consent) -> str:
        """Return a token that says the same and names nobody, for the way from a gateway to a bot."""
        who = self._pseudonyms.of(consent.room, consent.name)
        return self._signer.sign(_SEALED, consent.room, consent.generation, consent.expires_at, who=who)

    def unseal(self, room: str, sealed: str, names: Iterable[str]) -> Consent:
        """Return the consent behind `seal`.

        Args:
            room: the room's name.
            sealed: the token.
            names: of whom it may be.

        Raises:
            ConsentRefused: It is none of theirs, or does not hold.
        """
        try:
            claims = self._signer.read(_SEALED, room, sealed, "who")
        except AccessDenied:
            raise ConsentRefused(REFUSAL) from None
        for name in names:
            if self._pseudonyms.of(room, name) == claims["who"]:
                consent = Consent(room, name, claims["gen"], claims["exp"])
                if not self.holds(consent):
                    raise ConsentRefused(REFUSAL)
                return consent
        raise ConsentRefused(ABSENT)

    def holds(self, consent: Consent) -> bool:
        """Whether a consent that was checked is neither over nor revoked meanwhile."""
        is_kept = self._revocations.holds(self._key(consent.room, consent.name), consent.generation)
        return is_kept and consent.expires_at > self._signer.clock()

    async def revoke(self, room: str, name: str) -> int:
        """End every consent of this name in this room that was given so far; return the new generation.

        Raises:
            BusError, SecretRefused: They end here; at others once the store can be reached.
        """
        return await self._revocations.revoke(self._key(room, name))

    def _key(self, room: str, name: str) -> str:
        return f"consent {self._pseudonyms.of(room, name)}"


def check_terms(name: str, valid_s: float) -> str:
    """Return the display name for which a consent can be given.

    Raises:
        ConsentRefused: There is no such name or no such time.
    """
    bare = " ".join(name.split())
    if not 1 <= len(bare) <= MAX_NAME or not bare.isprintable():
        raise ConsentRefused(f"A consent is for one display name of 1 to {MAX_NAME} characters.")
    if not 0 < valid_s <= LONGEST_CONSENT_S:
        raise ConsentRefused(f"A consent holds for at most {LONGEST_CONSENT_S / 86_400:.0f} days.")
    return bare


def is_same_name(one: str, other: str) -> bool:
    """Whether two display names are one: capitals, spaces and forms of the same letter do not matter."""
    return bare_name(one) == bare_name(other)
