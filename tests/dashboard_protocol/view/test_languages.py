"""Every language says what the English file says: each sentence, with its places and its plural forms."""

import json
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from starlette.requests import Request

from dashboard_protocol.http.languages import COOKIE, asked_language, page_response, texts_response
from dashboard_protocol.language import Language, named, preferred, speaking, spoken
from dashboard_protocol.view import formats
from dashboard_protocol.view.language_files import LANGUAGES, groups
from dashboard_protocol.view.sentences import say, texts
from tests.hostile import LANGUAGES_ASKED_FOR

OTHERS = [language for language in Language if language is not Language.EN]
WORDS = Path(__file__).parents[3] / "dashboard_protocol" / "web" / "words.js"
SAME = {
    "report.named", "home.named", "marked", "report.formula_of", "unit.two", "policy.title", "policy.is",
    "privacy.page_title", "unit.point",
}  # fmt: skip
"""May read as in English: places, and words that a language took over."""

FEELS = {
    "de": r"fühl|Stimmung|Emotion|gelangweilt",
    "fr": r"ressent|humeur|émotion|ennuy",
    "es": r"\bsienten?\b|ánimo|emoci|aburrid",
    "pt": r"\bsente\b|humor|emoç|entediad",
    "it": r"umore|emozion|annoiat",
    "zh": r"感受|情绪|心情|无聊",
    "ar": r"يشعر|مزاج|مشاعر|ملل",
}


def forms(text: object) -> dict[str, str]:
    return text if isinstance(text, dict) else {"": str(text)}


def places(form: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", form))


def needed(language: Language) -> set[str]:
    """Return the plural categories of whole numbers up to a thousand; a class is no larger."""
    return {formats.locale(language).plural_form(n) for n in range(1001)} | {"other"}


def test_each_language_is_a_file_and_each_file_a_language() -> None:
    assert {path.name for path in LANGUAGES.iterdir()} == {f"{language}.json" for language in Language}
    for language in Language:
        assert texts(language)["language"] == language.value


@pytest.mark.parametrize("language", OTHERS)
def test_every_english_sentence_is_translated(language: Language) -> None:
    file, translated = f"languages/{language}.json", texts(language)
    wrong = [f"{file}: {key} is missing" for key in texts(Language.EN).keys() - translated]
    wrong += [f"{file}: {key} is no English one" for key in translated.keys() - texts(Language.EN)]
    for key, english in texts(Language.EN).items():
        is_left = re.search(r"[a-z]{3,}.* .*[a-z]{3,}", re.sub(r"\{\w+\}", "", str(english)))
        if translated.get(key) == english and is_left and key not in SAME:
            wrong.append(f"{file}: {key} is English")
    assert sorted(wrong) == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_translation_has_the_places_and_plural_forms_that_it_needs(language: Language) -> None:
    wrong = []
    for key, said in texts(language).items():
        english, where = texts(Language.EN).get(key), f"languages/{language}.json: {key}"
        if english is None:
            continue
        if isinstance(said, dict) != isinstance(english, dict):
            wrong.append(f"{where} has plural forms in one language alone")
        if isinstance(said, dict) and (lacking := needed(language) - set(said)):
            wrong.append(f"{where} lacks {', '.join(sorted(lacking))}")
        wanted = set[str]().union(*map(places, forms(english).values()))
        for category, form in forms(said).items():
            # A plural form may say one or two in a word.
            free = {"n"} if category else set()
            if places(form) | free != wanted | free:
                wrong.append(f"{where} {category} has {sorted(places(form))} for {sorted(wanted)}")
            if re.search(r"\{(?!\w+\})|(?<!\w)\}", form) or not form.strip():
                wrong.append(f"{where} {category} has a broken place, or nothing")
    assert wrong == []


def test_no_group_of_sentences_stands_twice_in_a_file() -> None:
    for language in Language:
        text = (LANGUAGES / f"{language}.json").read_text(encoding="utf-8")
        json.loads(text, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else 1 / 0)


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_typed_or_named_stays_as_it_is(language: Language) -> None:
    for key, english in texts(Language.EN).items():
        for word in ("#optout", "#optin", "CSV", "Zoom", "--notice-given", "(CSV)"):
            if word in str(english):
                assert word in str(texts(language)[key]), f"languages/{language}.json: {key} lacks {word}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_language_says_what_a_face_cannot_show(language: Language) -> None:
    assert not re.search(FEELS[language], (LANGUAGES / f"{language}.json").read_text(encoding="utf-8"))


def test_a_language_is_found_by_its_name_and_by_what_a_browser_prefers() -> None:
    assert named("de") is named("DE-at") is named("de_CH") is Language.DE
    assert named("tlh") is named("") is named("../de") is None
    assert preferred("de-AT,de;q=0.9,en;q=0.5") is Language.DE
    assert preferred("tlh, en;q=0.4, de;q=0.7") is Language.DE
    assert preferred("en;q=0,de;q=0.1") is Language.DE
    assert preferred("tlh") is preferred("") is None


def test_what_no_browser_sends_is_answered_in_english() -> None:
    for header in LANGUAGES_ASKED_FOR:
        assert asked_language(asked(accept=header)) is Language.EN


def asked(query: str = "", accept: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", accept.encode("latin-1", "replace")), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "scheme": "https", "path": "/", "query_string": query.encode(),
                    "headers": headers,
                    "server": ("h", 443)})  # fmt: skip


def test_an_address_overrides_what_was_chosen_before_and_that_overrides_the_browser() -> None:
    chosen = f"{COOKIE}=de"
    assert asked_language(asked(accept="de")) is Language.DE
    assert asked_language(asked(accept="en", cookie=chosen)) is Language.DE
    assert asked_language(asked("lang=en", "de", chosen)) is Language.EN
    assert asked_language(asked("lang=tlh", "en", chosen)) is Language.DE
    with speaking(Language.DE):
        assert asked_language(asked(accept="tlh")) is Language.DE, "what is spoken there"


def test_a_page_says_its_language_and_remembers_the_one_that_was_chosen() -> None:
    answer = page_response(asked("lang=de"), lambda: say("page.skip"), {"vary": "accept"})
    assert bytes(answer.body).decode() == texts(Language.DE)["page.skip"]
    assert answer.headers["content-language"] == "de"
    assert answer.headers["vary"] == "accept, accept-language, cookie"
    assert answer.headers["set-cookie"].lower().startswith(f"{COOKIE}=de; httponly; max-age=")
    assert "set-cookie" not in page_response(asked(accept="de"), lambda: "", {}).headers
    assert spoken() is Language.EN, "one request changes nothing for another"


def test_sentences_for_a_page_come_once_and_in_one_language_only() -> None:
    first = texts_response(asked(), "text.de.json", frozenset({"state"}), {})
    assert json.loads(bytes(first.body)) == {"language": "de", "locale": "de", "state": groups(Language.DE)["state"]}
    again = asked()
    again.scope["headers"].append((b"if-none-match", first.headers["etag"].encode()))
    assert texts_response(again, "text.de.json", frozenset({"state"}), {}).status_code == 304


def test_numbers_and_days_are_written_as_the_language_has_them() -> None:
    at = datetime(2026, 11, 30)
    assert (formats.date(at), formats.weekday(at), formats.signed(-0.25)) == ("30 November 2026", "Monday", "−0.25")
    with speaking(Language.DE):
        assert (formats.date(at), formats.weekday(at)) == ("30. November 2026", "Montag")
        assert (formats.signed(0.25), formats.number(1234.5)) == ("+0,25", "1.234,5")
        assert say("share.exact", n=65) == "65\u00a0%"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node for the page's words")
def test_page_and_python_choose_the_same_plural_forms_and_write_the_same_numbers() -> None:
    numbers = [0, 1, 2, 3, 10, 11, 21, 99, 100, 102, 999]
    for_page = json.dumps({language.value: groups(language) for language in Language})
    script = (
        f'import {{ load, say, signed }} from "{WORDS.as_uri()}";\n'
        f"const said = {{}}, numbers = {numbers};\nfor (const [name, texts] of Object.entries({for_page})) {{\n"
        "  load(texts);\n"
        '  said[name] = [...numbers.map((n) => say("unit.person", { n })), signed(0.25), signed(-0.5)];\n'
        "}\nconsole.log(JSON.stringify(said));"
    )
    node = [str(shutil.which("node")), "--input-type=module", "-"]
    done = subprocess.run(node, input=script, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    for name, said in json.loads(done.stdout).items():
        with speaking(Language(name)):
            signs = [formats.signed(value).removeprefix("+") for value in (0.25, -0.5)]
            assert said == [*(say("unit.person", n=n) for n in numbers), *signs], name
