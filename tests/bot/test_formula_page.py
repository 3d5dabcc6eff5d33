"""The page that says how the numbers are made: its figures are those that the code computes with."""

import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from bot.engagement import FORMULA, LEVEL_NAMES
from bot.formula_page import OURS, SOURCE, Numbers, examples, formula_page, formula_routes


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")


def changed(part: str, **values: object) -> Numbers:
    return replace(OURS, **{part: replace(getattr(OURS, part), **values)})


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (changed("person", window_s=12.0), "for which share of the last 12 s"),
        (changed("person", yaw_limits_deg=(21.0, 33.0)), "by up to 21° counts fully, from 33° on"),
        (changed("person", down_limits_deg=(16.0, 26.0)), "down 16° and 26°"),
        (changed("person", gaze_limits_deg=(24.0, 41.0)), "up to 24° beside the screen counts fully, from 41° on"),
        (changed("person", min_gaze_px=100.0), "only faces 100 pixels wide"),
        (changed("person", gaze_weight=0.4), "s = f · [1 − 0.4 · (1 − g)] · e"),
        (changed("person", activity_weight=0.2), "I = A · (0.8 + 0.2 · a)"),
        (changed("person", activity_weight=0.2), "adds 20 points of 100 at most"),
        (changed("person", min_coverage=0.6), "only where 60% of that time"),
        (changed("person", baseline_s=90.0), "1 min of looking"),
        (changed("person", cuts=(0.2, 0.5, 0.8)), "mostly away 0 to 20"),
        (changed("person", leave_by=0.04, leave_after_s=5.0), "lain 4 points beyond its limit for 5 s"),
        (changed("person", attentive_from=0.7), "with the screen for 70% of the time"),
        (changed("policy", k=7), "leave the bot from 7 people up"),
        (changed("policy", freeze_s=4.0), "wait 4 s after somebody came or left"),
        (changed("policy", shares_from=12), "are shown from 12 people up"),
        (changed("change", min_people=9, warm_up_s=240.0), "From 9 people analysed, and from 4 min after the start"),
        (changed("change", min_move=0.2), "moved by 20 points or more"),
        (changed("change", min_moved_share=0.25, min_moved_people=4), "25% of the people, 4 people at least"),
        (changed("change", silence_s=120.0), "there is none for 2 min"),
    ],
)  # fmt: skip
def test_another_constant_is_another_sentence(numbers: Numbers, said: str) -> None:
    assert said in text(formula_page(numbers))


def test_examples_are_computed_and_are_those_of_the_specification() -> None:
    assert [round(value, 4) for _, value in examples(OURS.person)] == [0.85, 0.9565, 0.68, 0.51, 0.425, 0.255]
    page = text(formula_page())
    for said in ("listens quietly 85 High", "turns away for 4 s 51 Low", "looks down for 7 s 26 Very low"):
        assert said in page
    for level in LEVEL_NAMES:
        assert f"{level.name.capitalize()} {level.means} " in page
    assert FORMULA in page


async def test_browsers_get_a_page_and_programs_the_whole_text() -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=formula_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        page = await http.get("/formula", headers={"accept": "text/html,*/*;q=0.8"})
        whole = await http.get("/formula")
        linked = await http.get("/formula.md", headers={"accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'href="/formula.md"' in page.text
    for answer in (whole, linked):
        assert (answer.headers["content-type"].split(";")[0], answer.text) == ("text/markdown", SOURCE.read_text())
