"""The compact view and the overlay: whose pages may frame them, and to whom the figures of a class are shown."""

import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.events import Hello, Profile
from dashboard_protocol.gateway.compact_routes import BURST
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.public_url import checked_frame_origins
from dashboard_protocol.vocabulary import SHARES_CLASS
from tests.dashboard_protocol.staging import ROOM, Stage, a_stage, hello, participant, summary
from tests.hostile import ORIGINS_THAT_ARE_NONE

LINKS = f"/rooms/{ROOM}/overlay-links"
CLASS = "c1"


def of(profile: Profile = Profile.AGGREGATE, *capabilities: str) -> Hello:
    policy = hello().policy.model_copy(update={"profile": profile})
    return hello().model_copy(update={"meeting": CLASS, "policy": policy, "capabilities": capabilities})


async def begin(stage: Stage, said: Hello) -> EventWriter:
    writer = await EventWriter.open(stage.bus, ROOM, CLASS)
    await writer.publish(said, at=1.0)
    await writer.publish(summary(), at=2.0)
    return writer


def session(access: Access, link: str) -> dict[str, str]:
    return {"authorization": f"Bearer {access.exchange(ROOM, link)[0]}"}


async def test_compact_view_is_framed_by_listed_origins_alone_and_the_page_by_nobody() -> None:
    listed = checked_frame_origins(["https://LMS.example.org", "http://127.0.0.1:8081"])
    async with a_stage(limits=Limits(frame_origins=listed)) as stage:
        said = (await stage.http("GET", f"/compact/{ROOM}")).headers
        assert said["content-security-policy"].endswith(
            "form-action 'none'; frame-ancestors https://lms.example.org http://127.0.0.1:8081"
        )
        assert (said["referrer-policy"], said["cache-control"]) == ("no-referrer", "no-store")
        for path in (f"/overlay/{ROOM}", f"/rooms/{ROOM}", f"/rooms/{ROOM}/report", "/static/small.js"):
            headers = (await stage.http("GET", path)).headers
            assert headers["content-security-policy"].endswith("frame-ancestors 'none'"), path
    async with a_stage() as stage:
        said = (await stage.http("GET", f"/compact/{ROOM}")).headers
        assert said["content-security-policy"].endswith("frame-ancestors 'none'")


@pytest.mark.parametrize("origin", ORIGINS_THAT_ARE_NONE)
def test_what_is_no_origin_is_framed_by_nobody_and_adds_no_rule_to_the_policy(origin: str) -> None:
    with pytest.raises(ValueError, match="https://HOST"):
        checked_frame_origins([origin])


async def test_overlay_link_watches_one_class_and_opens_nothing_else(stage: Stage) -> None:
    access = stage.access
    await begin(stage, of(Profile.AGGREGATE, SHARES_CLASS))
    answer = await stage.http("POST", LINKS, headers=session(access, access.link(ROOM, CLASS)))
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    path, _, link = answer.json()["page"].partition("#t=")
    assert path == "/overlay/Biology%20101"
    granted = (await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": link})).json()
    assert (granted["may"], granted["report"]) == ([], None)
    assert access.read_viewers_link(ROOM, link).meeting == CLASS
    again = await stage.http("POST", LINKS, headers={"authorization": f"Bearer {granted['token']}"})
    assert again.status_code == 401, "who only watches hands the class to nobody"


@pytest.mark.parametrize(
    "said",
    [of(), of(Profile.PRESENCE), of(Profile.INDIVIDUAL, SHARES_CLASS)],
    ids=["aggregate, not shared", "presence, not shared", "individual"],
)
async def test_overlay_is_refused_where_figures_may_not_be_shown_to_others(stage: Stage, said: Hello) -> None:
    await begin(stage, said)
    answer = await stage.http("POST", LINKS, headers=session(stage.access, stage.access.link(ROOM, CLASS)))
    assert answer.status_code == 409
    assert "not shown to others" in answer.json()["detail"]


async def test_overlay_authorisation_is_an_instructors_session_of_that_class(stage: Stage) -> None:
    access = stage.access
    for_nobody = await stage.http("POST", LINKS, headers=session(access, access.standing_link(ROOM)))
    assert for_nobody.status_code == 409
    await begin(stage, of(Profile.PRESENCE, SHARES_CLASS))
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {access.link(ROOM, CLASS)}"}):
        assert (await stage.http("POST", LINKS, headers=headers)).status_code == 401
    assert (await stage.http("POST", LINKS, headers=session(access, access.class_link(ROOM, CLASS)))).status_code == 401
    another = await stage.http("POST", LINKS, headers=session(access, access.link(ROOM, "another")))
    assert another.status_code == 409
    assert (await stage.http("POST", LINKS, headers=session(access, access.standing_link(ROOM)))).status_code == 201
    statuses = [
        (await stage.http("POST", LINKS, headers=session(access, access.link(ROOM, CLASS)))).status_code
        for _ in range(BURST)
    ]
    assert statuses[-1] == 429


async def test_reader_who_only_watches_hears_of_no_single_person_whatever_the_policy_becomes(stage: Stage) -> None:
    writer = await begin(stage, of(Profile.AGGREGATE, SHARES_CLASS))
    token, _ = stage.access.exchange(ROOM, stage.access.class_link(ROOM, CLASS))
    async with stage.connect() as reader, stage.watch() as instructor:
        await reader.send({"type": "authenticate", "v": 1, "token": token})
        await reader.until("snapshot")
        await writer.publish(of(Profile.INDIVIDUAL), at=3.0)
        await writer.publish(participant("ada"), at=4.0)
        assert (await instructor.until("participant"))["name"] == "Ada"
        heard: list[dict[str, object]] = []
        assert await reader.close_code(30, heard) == 4403
        assert not {"participant", "hello"} & {event["type"] for event in heard}
    async with stage.connect() as late:
        await late.send({"type": "authenticate", "v": 1, "token": token})
        heard = []
        assert await late.close_code(30, heard) == 4403
        assert heard == []
