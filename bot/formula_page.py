"""`/formula`: how every number is made, for whoever reads one; its figures are those that the code computes with."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from bot.classroom.change_detection import AlertParameters
from bot.disclosure.policy import Policy
from bot.engagement import FORMULA, LEVEL_NAMES, EngagementParameters
from bot.engagement.formula import Scored, attention, expressiveness, index
from bot.engagement.levels import raw_level
from dashboard_protocol.http.described import HTML, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY, page_response
from dashboard_protocol.http.problems import PAGE_POLICY, wants_page
from dashboard_protocol.language import spoken
from dashboard_protocol.view import text as words
from dashboard_protocol.view.markup import element, join, table
from dashboard_protocol.view.pages import language_links
from dashboard_protocol.view.sentences import say
from dashboard_protocol.vocabulary import Profile

SOURCE = Path(__file__).with_name("ENGAGEMENT.md")
"""The specification: the same with sources, tests and what was rejected."""
_MARKDOWN = "text/markdown"
_TURNED: Scored = (0.0, None, 1.0)
_BESIDE: Scored = (1.0, 0.0, 1.0)
_SHUT: Scored = (1.0, None, 0.0)
_WITH_IT: Scored = (1.0, 1.0, 1.0)
_SMILE, _AT_REST = 0.86, 0.05
"""Distances of a face from its own resting point: of one full smile, and of a face that does nothing."""


def formula_routes() -> list[BaseRoute]:
    """Build the routes: a page for people, and the whole text for programs and for whoever wants it."""

    async def formula(asked: Request) -> Response:
        if wants_page(asked):
            return page_response(asked, formula_page, {"content-security-policy": PAGE_POLICY, "vary": "accept"})
        return await whole(asked)

    async def whole(_: Request) -> Response:
        text = SOURCE.read_text(encoding="utf-8")
        return PlainTextResponse(text, media_type=_MARKDOWN, headers={"vary": "accept"})

    page = operation("formula", "How every number is made.", "pages", answers={200: _MARKDOWN}, query=LANG_QUERY)
    page["responses"]["200"]["content"][HTML] = {"schema": {"type": "string"}}
    text = operation(
        "formula_text", "The same with its sources and its test vectors.", "pages", answers={200: _MARKDOWN}
    )
    return [Described("/formula", formula, {"get": page}), Described("/formula.md", whole, {"get": text})]


@dataclass(frozen=True)
class Numbers:
    """Every number that the page names comes from these."""

    person: EngagementParameters
    change: AlertParameters
    policy: Policy


OURS = Numbers(EngagementParameters(), AlertParameters(), Policy(Profile.AGGREGATE))
"""Those with which a bot computes whose settings say nothing else."""


def formula_page(numbers: Numbers = OURS) -> str:
    """Return the page."""
    title = say("formula.title")
    body = element(
        "main",
        element("h1", title),
        element("p", say("formula.lead", window=words.span(numbers.person.window_s), formula=FORMULA)),
        element("p", say("formula.tested")),
        _seen(numbers.person),
        _together(numbers.person),
        _levels(numbers.person),
        _of_a_class(numbers),
        _section("limits", *_limits(numbers.person)),
        element("p", element("a", say("formula.whole"), href="/formula.md")),
        element("nav", language_links(), class_="languages", aria_label=say("choose_language")),
        class_="formula",
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="/static/icon.svg"),
        element("link", rel="stylesheet", href="/static/plain.css"),
    )
    page = element("html", head, element("body", body), lang=spoken().value, dir=say("direction"))
    return f"<!doctype html>\n{page}\n"


def _section(name: str, *parts: str) -> str:
    return element("section", element("h2", say(f"formula.heading.{name}")), *parts)


def _seen(person: EngagementParameters) -> str:
    yaw, down, up = person.yaw_limits_deg, person.down_limits_deg, person.up_limits_deg
    facing = say(
        "formula.facing",
        yaw=yaw[0], yaw_end=yaw[1], down=down[0], down_end=down[1], up=up[0], up_end=up[1],
    )  # fmt: skip
    gaze = say(
        "formula.gaze",
        full=person.gaze_limits_deg[0],
        end=person.gaze_limits_deg[1],
        share=_percent(person.gaze_weight),
        px=person.min_gaze_px,
    )
    rows = [
        (say("name.facing_screen"), facing),
        (say("name.gaze"), gaze),
        (say("name.eyes"), say("formula.eyes")),
        (say("name.activity"), say("formula.activity", points=words.points(_hundredths(person.activity_weight)))),
    ]
    listed = element("dl", *(join(element("dt", name), element("dd", said)) for name, said in rows))
    own = say(
        "formula.own",
        learnt=words.span(person.baseline_s),
        wider=_percent(person.unlearnt_limits - 1),
        second=words.span(person.second_s),
    )
    return _section("seen", listed, element("p", own))


def _together(person: EngagementParameters) -> str:
    quiet = 1 - person.activity_weight
    lines = (
        f"s = f · [1 − {person.gaze_weight:g} · (1 − g)] · e",
        f"I = A · ({quiet:g} + {person.activity_weight:g} · a)",
    )
    symbols = say("formula.symbols", window=words.span(person.window_s))
    known = say("formula.known", share=_percent(person.min_coverage))
    rows = [[said, f"{_hundredths(value)}", _level(value, person)] for said, value in examples(person)]
    head = [say("formula.example"), say("page.column_index"), say("report.level")]
    return _section(
        "together",
        element("pre", "\n".join(lines)),
        element("p", symbols),
        element("p", say("formula.product")),
        element("p", known),
        table(head, rows, caption=say("formula.examples", window=words.span(person.window_s))),
    )


def examples(person: EngagementParameters) -> list[tuple[str, float]]:
    """What somebody does for ten seconds, and the index that it comes to."""

    def after(s: float, read: Scored) -> float:
        due = round(person.window_s * person.reads_per_s)
        few = round(s * person.reads_per_s)
        return index(attention([read] * few + [_WITH_IT] * (due - few), person), 0.0, person)

    def smiling(s: float) -> float:
        due, few = round(person.window_s * person.reads_per_s), round(s * person.reads_per_s)
        return index(1.0, expressiveness([_SMILE] * few + [_AT_REST] * (due - few), person), person)

    return [
        (say("formula.doing.quiet"), after(0, _WITH_IT)),
        (say("formula.doing.smile", span=words.span(3)), smiling(3)),
        (say("formula.doing.beside", span=words.span(4)), after(4, _BESIDE)),
        (say("formula.doing.away", span=words.span(4)), after(4, _TURNED)),
        (say("formula.doing.shut", span=words.span(5)), after(5, _SHUT)),
        (say("formula.doing.down", span=words.span(7)), after(7, _TURNED)),
    ]


def _levels(person: EngagementParameters) -> str:
    edges = (0.0, *person.cuts, 1.0)
    rows = [
        [
            words.level_title(level.name),
            words.level_meaning(level.name, level.means),
            say("page.range", low=words.index(low), high=words.index(high)),
        ]
        for level, (low, high) in zip(LEVEL_NAMES, pairwise(edges), strict=True)
    ]
    head = [say("report.level"), say("formula.means"), say("page.column_index")]
    held = say("formula.held", points=words.points(_hundredths(person.leave_by)), span=words.span(person.leave_after_s))
    return _section("levels", table(head, rows[::-1], caption=held))


def _of_a_class(numbers: Numbers) -> str:
    person, change, policy = numbers.person, numbers.change, numbers.policy
    mean = say(
        "formula.mean",
        attentive=say("name.attentive"), share=_percent(person.attentive_from), people=words.people(policy.shares_from),
    )  # fmt: skip
    leaves = say(
        "formula.leaves",
        people=words.people(policy.k),
        points=words.points(policy.rounding_points),
        wait=words.span(policy.freeze_s),
    )
    alerts = say(
        "formula.alert",
        people=words.people(change.min_people),
        begin=words.span(change.warm_up_s),
        block=words.span(change.block_s),
        before=words.span(change.reference_s),
        points=words.points(_hundredths(change.min_move)),
        share=_percent(change.min_moved_share),
        few=words.people(change.min_moved_people),
        silence=words.span(change.silence_s),
    )
    coverage = element("p", element("b", say("name.coverage")), ": ", say("page.meaning_coverage"), ".")
    return join(
        _section("class", element("p", mean), coverage, element("p", leaves)),
        _section("alerts", element("p", alerts)),
    )


def _limits(person: EngagementParameters) -> list[str]:
    points = words.points(_hundredths(person.activity_weight))
    said = [say("formula.limit.faces"), say("formula.limit.people"), say("formula.limit.bias", points=points)]
    said.append(say("formula.limit.use"))
    return [element("ul", *(element("li", sentence) for sentence in said))]


def _level(value: float, person: EngagementParameters) -> str:
    return words.level_title(LEVEL_NAMES[raw_level(value, person)].name)


def _hundredths(share: float) -> int:
    return int(share * 100 + 0.5 + 1e-9)


def _percent(share: float) -> str:
    return say("share.exact", n=_hundredths(share))
