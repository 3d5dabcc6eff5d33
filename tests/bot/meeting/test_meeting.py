"""One meeting as a whole: who is counted, who is watched, what pages drop, and what is recorded of requests."""

import asyncio
import json
from contextlib import suppress

import pytest

from bot.meeting import observers as observers_module
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Held,
    Joined,
    Left,
    Lost,
    OptedIn,
    OptedOut,
    Participant,
    Renamed,
    Unheard,
)
from dashboard_protocol.auth.consent import Consent
from dashboard_protocol.errors import ConsentRefused
from dashboard_protocol.events import (
    BotState,
    ClassSummary,
    Forget,
    ParticipantUpdate,
    Profile,
    State,
    Unmeasurable,
    Withheld,
)
from tests.bot.meeting.stay import ANNA, BERND, Camera, Stay, end


async def test_opt_out_changes_neither_who_is_present_nor_whose_camera_is_on() -> None:
    """Both are published as the room shows everybody who is in it, and do not know who is read."""
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), Joined(BERND), CameraOn(ANNA, camera))
    await camera.wanted.wait()
    before = stay.summary()
    stay.meeting.opt_out("Anna")
    after = stay.summary()
    assert (before.present, before.camera_on) == (after.present, after.camera_on) == (2, 1)
    await stay.room.happens(CameraOff(ANNA))
    assert stay.summary().camera_on == 0
    await end(stay, following)


async def test_meeting_counts_who_is_there_and_whose_camera_is_on() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), Joined(BERND), CameraOn(ANNA, camera))
    await camera.wanted.wait()
    summary = stay.summary()
    assert (summary.present, summary.camera_on, summary.visible) == (2, 1, None)
    await stay.room.happens(CameraOff(ANNA), Left(BERND, Absence.LEFT))
    summary = stay.summary()
    assert (summary.present, summary.camera_on) == (1, 0)
    assert stay.meeting.present_max == 2
    await end(stay, following)


async def test_person_who_left_is_forgotten_only_where_she_was_shown() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA), Joined(BERND), Left(ANNA, Absence.VANISHED), Left(BERND, Absence.LEFT))
    assert stay.published == [Forget(participant="p2")]
    await end(stay, following)


async def test_person_who_opted_out_by_name_is_counted_and_never_read() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    out = Participant("p3", "Cem #optout")
    camera = Camera(out)
    camera.show(100.0)
    await stay.room.happens(Joined(out), CameraOn(out, camera))
    assert stay.summary().present == 1
    assert not camera.wanted.is_set()
    assert stay.inference.reads == 0
    await end(stay, following)


async def test_name_that_opted_out_is_known_however_it_is_written() -> None:
    stay = Stay(Profile.AGGREGATE)
    stay.meeting.opt_out("  ＡＮＮＡ  ＃optout ")
    assert stay.meeting.opted_out == {"anna"}
    assert not stay.meeting.is_read(ANNA)
    assert stay.meeting.is_read(BERND)


async def test_opting_out_ends_the_reading_at_once() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), CameraOn(ANNA, camera))
    await camera.wanted.wait()
    stay.meeting.opt_out("anna ")
    assert stay.published == [], "nobody learns who opted out where nobody is shown"
    assert stay.summary().present == 1
    await stay.room.happens(Left(ANNA, Absence.LEFT), Joined(Participant("p9", "Anna")))
    again = Camera(Participant("p9", "Anna"))
    await stay.room.happens(CameraOn(again.participant, again))
    assert not again.wanted.is_set(), "it holds across a rejoin"
    await end(stay, following)


async def test_shown_person_who_opts_out_is_forgotten_by_open_pages() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA), Joined(BERND))
    stay.meeting.opt_out("BERND")
    stay.meeting.opt_out("")
    assert stay.published == [Forget(participant="p2")]
    await end(stay, following)


async def test_broken_observer_starts_anew_and_the_others_never_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observers_module, "RESTART_AFTER_S", 0.0)
    stay = Stay(Profile.AGGREGATE)
    stay.inference.breaks = 1
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), CameraOn(ANNA, camera))
    for _ in range(2):
        stay.inference.read_one.clear()
        camera.show(100.0)
        async with asyncio.timeout(30):
            await stay.inference.read_one.wait()
    assert stay.inference.reads == 2
    assert not following.done()
    await end(stay, following)


async def test_cancelled_meeting_leaves_no_observer_behind() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), CameraOn(ANNA, camera))
    await camera.wanted.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert not [task for task in asyncio.all_tasks() if "observer" in task.get_name()]


async def test_what_the_room_says_of_the_bot_is_its_state() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Held("not_open"), Admitted(), Lost("the line broke"), Lost("no answer"), Admitted())
    reported = [(body.state, body.reason, body.attempts) for body in stay.published if isinstance(body, BotState)]
    assert reported == [
        (State.WAITING, "not_open", 0),
        (State.LIVE, None, 0),
        (State.RECONNECTING, "the line broke", 1),
        (State.RECONNECTING, "no answer", 2),
        (State.LIVE, None, 0),
    ]
    await end(stay, following)


async def test_camera_that_cannot_be_received_is_not_measurable_because_of_its_codec() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(BERND), CameraUnreadable(BERND, "codec vp9"))
    seen: list[ParticipantUpdate] = []
    async with asyncio.timeout(30):
        while not seen or seen[-1].unmeasurable is not Unmeasurable.CODEC:
            await asyncio.sleep(0)
            stay.at += 0.1
            seen += [body for body in stay.second() if isinstance(body, ParticipantUpdate)]
    assert stay.summary().camera_on == 1
    assert stay.inference.reads == 0
    await end(stay, following)


async def test_person_is_read_again_only_in_the_stay_in_which_she_says_so() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    camera = Camera(ANNA)
    await stay.room.happens(Joined(ANNA), CameraOn(ANNA, camera))
    stay.opt_out(ANNA)
    assert stay.published == []
    assert not stay.meeting.is_read(ANNA)
    # Else the observer that has just been cancelled might still take the picture below.
    await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "observer of p1"])
    stay.inference.read_one.clear()
    stay.opt_in(ANNA)
    assert stay.meeting.is_read(ANNA)
    camera.show(100.0)
    async with asyncio.timeout(30):
        await stay.inference.read_one.wait()
    again = Camera(Participant("p9", "Anna"))
    await stay.room.happens(Left(ANNA, Absence.LEFT), Joined(again.participant), CameraOn(again.participant, again))
    assert not stay.meeting.is_read(again.participant)
    assert not again.wanted.is_set(), "a rejoin does not opt back in by itself"
    await end(stay, following)


async def test_request_of_somebody_who_has_left_reads_nobody() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA), Left(ANNA, Absence.LEFT))
    stay.opt_in(ANNA)
    stay.opt_out(ANNA)
    assert stay.published == []
    assert stay.summary().present == 0
    await end(stay, following)


CONSENT = Consent("r", "Anna", 0, 5000.0)


async def test_consent_that_ends_takes_the_person_off_open_pages_within_a_second() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    agreed = Participant("p1", "Anna", opted_in=True, consent=CONSENT)
    await stay.room.happens(Joined(agreed))
    assert stay.shown() == ["Anna"]
    stay.consents.ended.append(CONSENT)
    bodies = stay.second()
    assert bodies[0] == Forget(participant="p1")
    assert not [body for body in bodies if isinstance(body, ParticipantUpdate)]
    assert stay.meeting.is_read(agreed), "class values were not what they had agreed to"
    assert Forget(participant="p1") not in stay.second(), "said once"
    await end(stay, following)


async def test_consent_brought_along_reads_a_person_again_who_had_opted_out() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    stay.meeting.opt_out("Anna")
    agreed = Participant("p1", "Anna", opted_in=True, consent=CONSENT)
    await stay.room.happens(OptedIn(agreed), Joined(agreed), Joined(Participant("p2", "Anna", opted_in=True)))
    assert stay.shown() == ["Anna"], "and nobody else of this name"
    stay.opt_out(agreed)
    assert stay.published == [Forget(participant="p1")]
    assert stay.shown() == []
    await end(stay, following)


@pytest.mark.parametrize("way", ["box", "privacy page"])
async def test_opt_out_while_a_consent_is_on_its_way_in_is_newer_than_the_consent(way: str) -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    agreed = Participant("p1", "Anna", opted_in=True, consent=CONSENT)
    await stay.room.happens(OptedIn(agreed))
    assert stay.meeting.is_read(agreed), "what the join page asks before they are connected"
    if way == "box":
        stay.opt_out(agreed)
    else:
        stay.meeting.opt_out("Anna")
    assert not stay.meeting.is_read(agreed)
    await stay.room.happens(Joined(agreed))
    assert stay.meeting.metered == set()
    assert stay.shown() == []
    await end(stay, following)


@pytest.mark.parametrize("consent", [None, CONSENT])
async def test_opt_out_ends_the_leave_to_be_shown_also_for_whoever_is_read_again(consent: Consent | None) -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    agreed = Participant("p1", "Anna", opted_in=True, consent=consent)
    await stay.room.happens(Joined(agreed))
    assert stay.shown() == ["Anna"]
    stay.opt_out(agreed)
    await stay.room.happens(OptedIn(agreed))
    assert stay.meeting.metered == {"p1"}
    assert stay.shown() == [], "to be read again is not yet to be shown again"
    stay.meeting.agree(CONSENT)
    assert stay.shown() == ["Anna"]
    await end(stay, following)


async def test_consent_is_taken_from_somebody_who_is_in_the_room_already() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    with pytest.raises(ConsentRefused):
        stay.meeting.agree(CONSENT)
    await stay.room.happens(Joined(ANNA))
    stay.meeting.agree(CONSENT)
    assert stay.shown() == ["Anna"]
    await stay.room.happens(Left(ANNA, Absence.LEFT))
    assert stay.published[-1] == Forget(participant="p1"), "although the room never knew of it"
    await stay.room.happens(Joined(ANNA), Joined(Participant("p3", " anna")))
    with pytest.raises(ConsentRefused):
        stay.meeting.agree(CONSENT)
    assert stay.shown() == [], "two of one name: whose consent is it?"
    await end(stay, following)


async def test_consent_that_others_may_hold_never_undoes_an_opt_out() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA))
    stay.meeting.opt_out("anna")
    with pytest.raises(ConsentRefused):
        stay.meeting.agree(CONSENT)
    assert not stay.meeting.is_read(ANNA)
    await end(stay, following)


async def test_consent_shows_nobody_under_another_policy() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA))
    with pytest.raises(ConsentRefused):
        stay.meeting.agree(CONSENT)
    await end(stay, following)


@pytest.mark.parametrize("way", ["name", "rename", "chat", "unheard", "box", "privacy page", "another bot"])
async def test_opt_out_of_one_stops_the_meter_of_everybody_of_the_name(way: str) -> None:
    """Everybody without a name is a Guest, and somebody may be there by laptop and phone."""
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    first, second = Participant("p1", "Guest"), Participant("p5", "guest", opted_in=True)
    camera = Camera(second)
    await stay.room.happens(Joined(first), Joined(second), Joined(BERND), CameraOn(second, camera))
    await camera.wanted.wait()
    assert set(stay.shown()) == {"guest", "Bernd"}
    match way:
        case "name":
            await stay.room.happens(Joined(Participant("p3", "Guest #optout")))
        case "rename":
            await stay.room.happens(Renamed(Participant("p1", "Guest #optout")))
        case "chat":
            await stay.room.happens(OptedOut(first))
        case "unheard":
            await stay.room.happens(Unheard(first))
        case "box":
            stay.opt_out(first)
        case "privacy page":
            stay.meeting.opt_out("GUEST")
        case "another bot":
            stay.meeting.opt_out_known({"guest"})
    assert stay.published == [Forget(participant="p5")]
    assert stay.meeting.metered == {BERND.id}
    assert not any(map(stay.meeting.is_read, (first, second))), "and each is answered so"
    assert stay.shown() == ["Bernd"]
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "observer of p5" and not t.cancelling()]
    await end(stay, following)


async def test_opt_in_by_chat_brings_back_its_writer_for_this_stay_and_nobody_else() -> None:
    stay = Stay(Profile.AGGREGATE)
    following = asyncio.create_task(stay.follow())
    first, second = Participant("p1", "Guest"), Participant("p2", "Guest")
    await stay.room.happens(Joined(first), Joined(second), OptedOut(first), OptedIn(first))
    assert stay.meeting.metered == {"p1"}
    await stay.room.happens(Left(first, Absence.LEFT), Joined(Participant("p9", "Guest")))
    assert stay.meeting.metered == set()
    await end(stay, following)


async def test_consent_ends_with_the_name_that_it_was_given_for() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA))
    stay.meeting.agree(CONSENT)
    await stay.room.happens(Renamed(Participant("p1", " anna")))
    assert stay.shown() == [" anna"]
    await stay.room.happens(Renamed(Participant("p1", "Bernd")), Renamed(Participant("unknown", "Anna")))
    assert stay.published == [Forget(participant="p1")]
    assert stay.shown() == []
    assert stay.meeting.metered == {"p1"}
    await end(stay, following)


async def test_consent_is_not_taken_where_another_of_its_name_opted_out() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA), Joined(Participant("p2", "Anna")), OptedOut(ANNA), OptedIn(ANNA))
    with pytest.raises(ConsentRefused):
        stay.meeting.agree(CONSENT)
    assert stay.shown() == []
    await end(stay, following)


async def test_no_picture_is_taken_while_opt_outs_cannot_be_heard_and_counts_go_on() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    camera = Camera(BERND)
    await stay.room.happens(Joined(BERND), CameraOn(BERND, camera))
    await camera.wanted.wait()
    camera.show(stay.at)
    await stay.inference.read_one.wait()
    stay.hears = False
    stay.inference.read_one.clear()
    camera.show(stay.at)  # a read that was begun before takes this one
    with suppress(TimeoutError):
        await asyncio.wait_for(stay.inference.read_one.wait(), 0.5)
    reads = stay.inference.reads
    stay.inference.read_one.clear()
    for _ in range(5):
        stay.at += 1.0
        camera.show(stay.at)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stay.inference.read_one.wait(), 0.05)
    await stay.room.happens(Joined(ANNA))
    reported = stay.second()
    assert stay.inference.reads == reads
    (summary,) = (body for body in reported if isinstance(body, ClassSummary))
    assert (summary.present, summary.camera_on, summary.withheld) == (2, 1, Withheld.WISHES_UNREACHABLE)
    assert (summary.visible, summary.analysed, summary.engagement, summary.expressions) == (None,) * 4
    (person,) = (body for body in reported if isinstance(body, ParticipantUpdate))
    assert (person.unmeasurable, person.since) == (Unmeasurable.WISHES_UNREACHABLE, stay.at)
    stay.hears = True
    camera.show(stay.at)
    await stay.inference.read_one.wait()
    assert stay.summary().withheld is Withheld.BELOW_K
    await end(stay, following)


@pytest.mark.parametrize("profile", Profile)
async def test_opt_outs_of_the_last_minute_are_reported_as_a_number_from_k_up(profile: Profile) -> None:
    stay = Stay(profile)
    following = asyncio.create_task(stay.follow())
    people = [Participant(f"p{number}", f"Guest {number}") for number in range(6)]
    await stay.room.happens(*map(Joined, people))
    for person in people[:4]:
        stay.meeting.opt_out(person.name)
    stay.meeting.opt_out("nobody")
    assert stay.summary().opted_out is None, "four could be one, and three who know of each other"
    stay.opt_out(people[4])
    assert stay.summary().opted_out == 5
    await stay.room.happens(Left(people[5], Absence.LEFT))
    stay.at += 60.0
    assert stay.summary().opted_out is None
    await end(stay, following)


async def test_opt_outs_and_opt_ins_are_recorded_once_carried_out_and_those_a_gateway_noted_are_not() -> None:
    stay = Stay(Profile.INDIVIDUAL)
    following = asyncio.create_task(stay.follow())
    await stay.room.happens(Joined(ANNA), Joined(BERND))
    stay.audit.on_line = lambda: recorded.append(set(stay.meeting.metered))
    recorded: list[set[str]] = []
    stay.opt_out(ANNA)
    await stay.room.happens(OptedIn(ANNA))
    stay.meeting.opt_out("Anna")
    stay.meeting.opt_out_known({"bernd"})
    assert recorded == [{"p2"}, {"p1", "p2"}, {"p2"}]
    assert [json.loads(line)["event"] for line in stay.audit.lines[-3:]] == ["opted_out", "opted_in", "opted_out"]
    await end(stay, following)
