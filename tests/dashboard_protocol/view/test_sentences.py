"""`en.json` is all that pages, terminal and report say: each sentence is said somewhere, with what its places need."""

import ast
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard_protocol import errors
from dashboard_protocol.gateway.static_files import NOT_SAID_HERE
from dashboard_protocol.language import Language
from dashboard_protocol.view.language_files import LANGUAGES, groups
from dashboard_protocol.view.pages import CHOICES, page_in_words
from dashboard_protocol.view.sentences import PLURAL, say, texts

TEXTS = texts(Language.EN)
PACKAGE = LANGUAGES.parents[1]
BOT = PACKAGE.parent / "bot"
SILENT = {"style.py", "plain_text.py"}
"""A stylesheet, and what cleans the texts of others."""
PYTHON = [
    path
    for folder in ("view", "terminal", "report")
    for path in sorted((PACKAGE / folder).glob("*.py"))
    if path.name not in SILENT
]
ELSEWHERE = [
    BOT / name
    for name in (
        "disclosure/policy.py", "privacy/page.py", "privacy/routes.py", "rooms/notice.py", "rooms/notice_picture.py",
        "rooms/local/join_page.py", "formula_page.py",
    )
]  # fmt: skip
ELSEWHERE.append(PACKAGE / "lti" / "routes.py")
"""Pages that are no view of a class, and what people in a room read; their routes also say what programs read."""
ROOM_WEB = BOT / "rooms" / "local" / "web"
SCRIPTS = sorted((PACKAGE / "web").glob("*.js"))
ROOM_SCRIPTS = [ROOM_WEB / "join.js", ROOM_WEB / "share.js"]
PAGES = sorted([*(PACKAGE / "web").glob("*.html"), *ROOM_WEB.glob("*.html")])
SAYS = {"say", "template", "in_markup"}
Use = tuple[str, set[str] | None]
"""A key, or the beginning of several with `*`; and the places that are filled, None where that is not written."""

NOT_SAID = {
    "classpulse", "· classpulse", "classpulse join  ", "classpulse share ", "Content-Security-Policy",
    "NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError", "AbortError",
    "default-src 'none'; style-src 'unsafe-inline'", "<!doctype html>\n",
    "width=device-width, initial-scale=1", "viewBox", "userSpaceOnUse", "bold default", "end strong", "end mark",
    "strong attentive", "middle strong", "time end", "input, textarea, select", "Esc", "ArrowLeft", "ArrowRight",
    "Home", "End", "Escape", "POST", "Bearer ", "#column-words, #index-panel, #attentive-panel, #counts",
}  # fmt: skip
"""What looks like words and is none for people: headers, classes, selectors, keys, formats."""
ERRORS = {name for name in vars(errors) if name[0].isupper()}


def python_uses(path: Path) -> Iterator[Use]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SAYS and path.name != "sentences.py":
            names = {keyword.arg for keyword in node.keywords if keyword.arg}
            is_whole = not any(keyword.arg is None for keyword in node.keywords)
            for key in python_keys(node.args[0], path):
                yield key, names if is_whole and getattr(node.func, "id", "") == "say" else None


def python_keys(node: ast.expr, path: Path) -> list[str]:
    match node:
        case ast.Constant(value=str(key)):
            return [key]
        case ast.IfExp(body=one, orelse=other):
            return [*python_keys(one, path), *python_keys(other, path)]
        case ast.JoinedStr(values=values):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in values)]
        case ast.Name(id=name):
            return [key for key in given(name, path) if key in TEXTS]
    raise AssertionError(f"{path.name}:{node.lineno}: which sentence is said?")


def given(name: str, path: Path) -> Iterator[str]:
    """Yield the strings in whatever a name stands for in a module: by assignment, or one after the other in a loop."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign | ast.For):
            target, source = (node.targets[0], node.value) if isinstance(node, ast.Assign) else (node.target, node.iter)
            if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target)):
                yield from (
                    part.value
                    for part in ast.walk(source)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )


def script_uses(path: Path) -> Iterator[Use]:
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"\bsa(?:y|id)\((?:\"([\w.]+)\"|`([^`]+)`)(, (?:\{|\w+))?", text):
        key = found[1] or re.sub(r"\$\{[^}]*\}", "*", found[2])
        if found[3] and not found[3].endswith("{"):
            yield key, None
        else:
            yield key, set(literal_names(text[found.end() :])) if found[3] else set()


def literal_names(text: str) -> Iterator[str]:
    """Yield the names of an object literal, of whose text the opening brace is just behind."""
    depth, name, is_name = 1, "", True
    for letter in text:
        if is_name and (letter.isalnum() or letter == "_"):
            name += letter
            continue
        if is_name and name and depth == 1:
            yield name
            name, is_name = "", False
        depth += (letter in "{([") - (letter in "})]")
        if depth == 0:
            return
        is_name = is_name if letter == " " else letter == "," and depth == 1


def page_uses(page: Path) -> Iterator[Use]:
    for key, places in re.findall(r"\{\{([\w.]+)(.*?)\}\}", page.read_text(encoding="utf-8")):
        if key in CHOICES:
            continue
        yield key, {place.split(": ")[0] for place in places.split(" || ")[1:]}


def uses() -> dict[str, list[tuple[str, set[str] | None]]]:
    """Return who says each sentence, and with which places filled."""
    found: dict[str, list[tuple[str, set[str] | None]]] = defaultdict(list)
    said = [(path.name, use) for path in (*PYTHON, *ELSEWHERE) for use in python_uses(path)]
    said += [(path.name, use) for path in (*SCRIPTS, *ROOM_SCRIPTS) for use in script_uses(path)]
    said += [(path.name, use) for path in PAGES for use in page_uses(path)]
    for who, (key, places) in said:
        pattern = re.compile(re.escape(key).replace(r"\*", r"\w+"))
        keys = [known for known in TEXTS if pattern.fullmatch(known)]
        assert keys, f"{who} says {key}, which is missing"
        for known in keys:
            found[known].append((who, places))
    return found


def places_of(key: str) -> set[str]:
    text = TEXTS[key]
    return {
        place
        for form in ([text] if isinstance(text, str) else text.values())
        for place in re.findall(r"\{(\w+)\}", form)
    }


def test_every_sentence_is_said_somewhere() -> None:
    # Formats read the language; some of a family of sentences may be the page's or the terminal's alone.
    assert set(TEXTS) - set(uses()) == {"locale", "name_of_language"}


def test_every_place_of_a_sentence_is_filled_by_whoever_says_it() -> None:
    for key, sayings in uses().items():
        for who, places in sayings:
            if places is not None:
                assert places_of(key) <= places | {"language"}, f"{who} says {key}"


def test_nothing_is_said_for_a_place_that_no_sentence_of_the_family_has() -> None:
    filled: dict[tuple[str, frozenset[str]], set[str]] = defaultdict(set)
    for key, sayings in uses().items():
        for who, places in sayings:
            if places:
                filled[who, frozenset(places)] |= places_of(key) | ({"n"} if isinstance(TEXTS[key], dict) else set())
    for (who, given), wanted in filled.items():
        assert given <= wanted, f"{who} fills {sorted(given - wanted)}"


def test_plural_forms_are_categories_of_unicode_with_the_same_places() -> None:
    for key, text in TEXTS.items():
        if not isinstance(text, str):
            assert set(text) <= PLURAL
            assert "other" in text, key
            assert len({frozenset(re.findall(r"\{(\w+)\}", form)) - {"n"} for form in text.values()}) == 1, key


def test_names_are_stable_words_and_no_sentence_is_empty() -> None:
    for key, text in TEXTS.items():
        assert re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)*", key), key
        for form in [text] if isinstance(text, str) else text.values():
            assert form.strip()
            assert not re.search(r"\{(?!\w+\})|(?<!\w)\}", form), key


def test_places_are_filled_and_braces_in_values_stand_as_they_are() -> None:
    assert say("policy.is", profile="{k} %s {0}") == "Policy: {k} %s {0}."
    assert say("unit.person", n=1).replace("\u00a0", " ") == "1 person"
    assert say("unit.s", n=10.0).replace("\u00a0", " ") == "10 s"
    with pytest.raises(KeyError):
        say("policy.is")


def visible(text: str) -> bool:
    """Whether a string could be read as words by somebody."""
    return text not in NOT_SAID and bool(re.search(r"[A-Z][a-z]+|[A-Za-z]{2,}[,.:;]? [a-z]{2,}", text))


def shown_strings(path: Path) -> Iterator[str]:
    """Yield the strings of a module that are no docstring, no error and nothing that is said by its key."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed: set[int] = set()
    for node in ast.walk(tree):
        is_error = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_list_of_names = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        if is_error or is_docstring or is_list_of_names:
            passed |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_sentence_is_left_in_python(path: Path) -> None:
    assert [text for text in shown_strings(path) if visible(text)] == []


@pytest.mark.parametrize("path", [*SCRIPTS, *ROOM_SCRIPTS], ids=lambda path: path.name)
def test_no_sentence_is_left_in_the_pages_script(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"throw new Error\(.*?\);", "", text)
    found = [one or other for one, other in re.findall(r"\"([^\"\n]*)\"|`([^`]*)`", text)]
    assert [said for said in (re.sub(r"\$\{[^}]*\}", "", part) for part in found) if visible(said)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_sentence_is_left_in_the_page(path: Path) -> None:
    page = re.sub(r"\{\{.*?\}\}", "", path.read_text(encoding="utf-8"))
    texts = [*re.findall(r">([^<>]*)<", page), *re.findall(r"(?:aria-label|title|alt)=\"([^\"]*)\"", page)]
    assert [text for text in texts if re.search(r"[A-Za-z]{2}", text) and text.strip() not in NOT_SAID] == []


def test_page_stands_in_words_and_is_escaped() -> None:
    for path in PAGES:
        assert "{{" not in page_in_words(path), path.name
    page = page_in_words(PACKAGE / "web" / "index.html")
    assert "<h1>Connecting to the class</h1>" in page
    assert 'at <time data-text="endedAt|clock"></time>. It has left.</p>' in page


def test_a_page_waits_only_for_what_its_scripts_say() -> None:
    waited_for = {name: text for name, text in groups(Language.EN).items() if name not in NOT_SAID_HERE}
    assert len(json.dumps(waited_for, separators=(",", ":")).encode()) <= 21 * 1024
    for path in SCRIPTS:
        for key, _ in script_uses(path):
            assert key.partition(".")[0] not in NOT_SAID_HERE, f"{path.name} says {key}"


def test_sentences_are_installed_with_the_package() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["package-data"][PACKAGE.name]
    assert all(any(path.relative_to(PACKAGE).match(pattern) for pattern in shipped) for path in LANGUAGES.iterdir())
