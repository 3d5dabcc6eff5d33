"""Texts from outside in every page that is made here: read as they were written, obeyed by nobody."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from bot.privacy.page import privacy_page
from bot.rooms.notice import Notice
from dashboard_protocol.control_api.api_page import api_page
from dashboard_protocol.events import Event, Level
from dashboard_protocol.http.problems import problem_page
from dashboard_protocol.report.files import recorded
from dashboard_protocol.report.page import render_html
from dashboard_protocol.view.markup import element, fill, join
from dashboard_protocol.view.plain_text import shown
from tests.dashboard_protocol.staging import hello, summary
from tests.hostile import LOUD_NAMES, MARKUP, OBEYED, SCRIPTS

HARMLESS = "Biology"


class Structure(HTMLParser):
    """A page's elements with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.text = ""
        self.values: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")


def report(text: str) -> str:
    said = hello()
    policy = said.policy.model_copy(update=dict.fromkeys(("computed", "leaves", "never", "opting_out"), text))
    levels = tuple(Level.model_validate({"name": text or "x", "means": text, "from": one.from_}) for one in said.levels)
    said = said.model_copy(
        update={"title": text, "bot_name": text, "software": text, "formula": text, "policy": policy, "levels": levels}
    )
    bodies = [said, *(summary() for _ in range(40))]
    events = [Event(room=text, epoch=1, seq=n, at=1_790_000_000.0 + n, body=body) for n, body in enumerate(bodies)]
    return render_html(recorded(events), ZoneInfo("UTC"))


def privacy(text: str) -> str:
    notice = Notice(text, text, text, points=((text, text), ("Never", text)), title=text, offers_individual=True)
    return privacy_page("room", notice, done=text, trouble=text)


def api(text: str) -> str:
    field = {"type": text, "description": text}
    call = {
        "description": text,
        "parameters": [{"name": text, "in": text, "schema": field}],
        "responses": {text: {"content": {"x": {"schema": field}}}},
    }
    return api_page({"paths": {text: {"get": call}}, "components": {"schemas": {text: {"properties": {text: field}}}}})


PAGES: dict[str, Callable[[str], str]] = {
    "report": report,
    "privacy page": privacy,
    "page of the API": api,
    "page of a refusal": lambda text: problem_page(404, text),
}
TEXTS = [*SCRIPTS, *MARKUP, *OBEYED, *(name for name in LOUD_NAMES if name)]


@pytest.mark.parametrize("page", PAGES)
def test_no_element_comes_of_a_text_from_outside(page: str) -> None:
    draw = PAGES[page]
    usual = Structure(draw(HARMLESS))
    for text in TEXTS:
        drawn = draw(text)
        found = Structure(drawn)
        assert found.elements == usual.elements, text
        assert shown(text).strip() in found.text, text
        assert not re.search(r"[^\n\t -~\u00a0-\U0010ffff]", drawn), text
        assert shown(drawn) == drawn, text


def test_texts_are_escaped_in_elements_and_in_their_attributes() -> None:
    for text in TEXTS:
        found = Structure(element("p", text, title=text, data_x=text))
        assert found.elements == [("p", "title", "data-x")]
        assert found.values == [shown(text)] * 2
        assert found.text == shown(text)


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert fill("<p>{a}{b}</p>", a="{b}", b=None) == "<p>{b}</p>"
    assert fill("{a}", a=join("<", element("b", "&"))) == "&lt;<b>&amp;</b>"
