"""Where a launch leads: a teacher to the page of the course's class, everybody else to where people come in."""

import time
from dataclasses import dataclass

from fastapi import HTTPException

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.auth.teacher_links import Teacher, teacher_url
from dashboard_protocol.control_api.api_keys import ApiKey, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.lti.platforms import Platform
from dashboard_protocol.room_urls import read_room

DAY_S = 12 * 3600.0
"""Whoever launches again gets a new link."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that was verified. Nothing in it says who it is."""

    platform: Platform
    deployment_id: str
    course: str
    """Its id at the platform, unique within the deployment."""
    teaches: bool


class Courses:
    """Finds each course's room.

    Args:
        control: knows bots and keys, and makes links.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def room_url(self, launch: Launch) -> str:
        """Return the address of a course's meeting: the operator's, else a room of this service for it alone.

        Nobody learns from its name which course it is, and it stays when the course's title changes.
        """
        named = launch.platform.rooms.get(launch.course)
        if named is not None:
            return named
        parts = (launch.platform.issuer, launch.platform.client_id, launch.deployment_id, launch.course)
        return f"local://course-{self._control.access.pseudonyms.mark('lti ' + repr(parts))[:16]}"

    async def leads_to(self, launch: Launch, origin: str) -> str:
        """Return the address for who launched; HTTPException where there is none now."""
        by = self._key(launch.platform)
        url = self.room_url(launch)
        room = self._control.access.key_of(url)
        if not launch.teaches:
            return await self._control.entrance(room, by, origin)
        if not by.opens(Scope.WATCH):
            raise HTTPException(403, "This course's teachers see no classes: its API key lacks the scope 'watch'.")
        try:
            return await self._control.link(room, by, origin)
        except HTTPException as error:
            if error.status_code != 404:
                raise
        teacher = Teacher(by.name, by.is_admin, by.opens(Scope.INVITE), {room: read_room(url).bare})
        note(SecurityEvent.LINK_MADE, "teacher", room=room, key=by.fingerprint)
        return teacher_url(self._control.public_url or origin, self._control.access.teachers.make(teacher, DAY_S))

    def _key(self, platform: Platform) -> ApiKey:
        known = (key for key in self._control.keys.known() if key.name == platform.api_key)
        found = next((key for key in known if not key.is_over(time.time())), None)
        if found is None:
            raise HTTPException(403, "This course opens nothing here any more: its API key was removed or has run out.")
        return found
