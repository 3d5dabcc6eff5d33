"""What a report opens with: a sentence to read aloud, and three that say what stood out."""

from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

from dashboard_protocol.events import Alert, ClassSummary, Event, Hello, Profile, Withheld
from dashboard_protocol.report import recorded, render_html
from dashboard_protocol.report.findings import Found, found
from dashboard_protocol.view.record import Record

Class = Callable[..., Iterator[Event]]
Feed = Callable[..., Event]
BERLIN = ZoneInfo("Europe/Berlin")
START = 1_789_999_200


def said(record: Record) -> tuple[str, list[str]]:
    opening: Found = found(record, zone=BERLIN)
    return opening.headline.replace("\u00a0", " "), [line.replace("\u00a0", " ") for line in opening.findings]


def test_report_opens_with_one_sentence_and_three_findings_before_its_figures(a_class: Class) -> None:
    record = recorded(a_class())
    headline, findings = said(record)
    assert headline == "The class was with the screen, but for a fall of 8 min from 16:27 on."
    assert findings == [
        "The index fell by 25 points, from 80 to 55, between 16:27 and 16:31, and was back at 85 at 16:36. "
        "Largest part: looking away from the screen.",
        "Happiness was displayed by 45% of the people analysed at 16:15; its median was 10%.",
        "As the median, 85% of the people analysed were attentive (facing the screen, gaze on it): "
        "60% at the lowest, 85% at the highest.",
    ]
    html = render_html(record, BERLIN).replace("\u00a0", " ")
    assert html.index(headline) < html.index(findings[0]) < html.index("In numbers") < html.index("In more words")


def test_fall_that_is_published_a_little_after_its_alert_is_said_with_its_largest_part(
    feed: Feed,
    a_hello: Callable[..., Hello],
    a_summary: Callable[..., ClassSummary],
    an_alert: Callable[..., Alert],
) -> None:
    def first_finding(alert_s: int) -> str:
        record = Record()
        record.apply(feed(START, a_hello()))
        for second in range(900):
            if second == alert_s:
                record.apply(feed(START + second, an_alert(START + second)))
            record.apply(feed(START + second, a_summary(0.8 if second < 450 else 0.5)))
        return said(record)[1][0]

    assert first_finding(440).endswith("Largest part: looking away from the screen.")
    assert "Largest part" not in first_finding(300)


def test_headline_fits_what_the_class_did(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    def of(values: Sequence[float | None], profile: Profile = Profile.AGGREGATE) -> str:
        record = Record()
        record.apply(feed(START, a_hello(profile)))
        for second, value in enumerate(values):
            withheld = Withheld.BELOW_K if value is None else None
            facing = 18 if profile is Profile.PRESENCE else None
            record.apply(feed(START + second, a_summary(value, withheld=withheld, facing=facing)))
        return said(record)[0]

    assert of([0.8] * 900) == "For 15 min the class was with the screen, and nothing changed by 15 points or more."
    assert of([0.8] * 450 + [0.5] * 450).startswith("The engagement index fell by 30 points at 16:07, and stayed at")
    assert of([0.4] * 450 + [0.8] * 450).startswith("The engagement index rose by 40 points at 16:07, and stayed at")
    assert of([0.4] * 450 + [0.8] * 200 + [0.4] * 450).startswith("The class was in and out, but for a rise of 3 min")
    assert of(([0.8] * 120 + [0.4] * 120) * 4).startswith("The class was in and out for the longest time, and")
    assert of([None] * 900) == "In 15 min there were no class values: fewer than 5 people were analysed."
    assert of([None] * 900, Profile.PRESENCE) == "For 15 min 18 of 28 people faced the camera, as the median."


def test_class_that_was_mostly_not_measured_says_so_among_the_first(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    for second in range(900):
        few = second > 300
        reason = Withheld.BELOW_K if few else None
        record.apply(feed(START + second, a_summary(None if few else 0.8, withheld=reason)))
    assert said(record)[1][0].startswith("Class values were withheld for 9 min, while fewer than 5 people were")


def test_bot_that_never_read_a_face_has_a_headline_and_no_findings(feed: Feed, a_hello: Callable[..., Hello]) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    assert said(record) == ("The bot was invited to Biology 101, section B and never read a face there.", [])


def test_names_of_days_and_months_are_ours_and_not_the_machines(a_class: Class) -> None:
    assert "Monday, 21 September 2026" in render_html(recorded(a_class(60)), BERLIN)
