"""Markup that cannot be forgotten to be escaped: every text that is not `Markup` already is cleaned and escaped."""

from markupsafe import Markup, escape

from dashboard_protocol.view.plain_text import shown

_EMPTY = frozenset({"link", "meta", "path", "rect", "circle"})
Child = str | None
"""A piece of content: Markup as it is, other text escaped, None nothing."""


def piece(child: object) -> Markup:
    """Return what may stand in a page: Markup as it is, the text of anything else escaped, nothing for None."""
    if child is None:
        return Markup()
    return child if isinstance(child, Markup) else escape(shown(str(child)))


def join(*children: Child) -> Markup:
    """Set pieces behind each other."""
    return Markup().join(map(piece, children))


def fill(template: str, **pieces: object) -> Markup:
    """Put pieces into the places, `{name}`, of markup."""
    return Markup(template).format_map({name: piece(child) for name, child in pieces.items()})


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Build an element.

    Args:
        name: its tag.
        children: its content.
        attributes: None leaves one out; a trailing underscore is dropped (`class_`), others become dashes.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(shown(str(_number(value))))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY and not children:
        return Markup(f"<{name}{said}/>" if name not in ("meta", "link") else f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(*children)}</{name}>")


def table(head: list[str], rows: list[list[str]], *, caption: str, class_: str | None = None) -> Markup:
    """Build a table whose first column names the row.

    Args:
        head: names of the columns.
        rows: their cells.
        caption: what the table holds, for those who do not see its place.
        class_: its class.
    """
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    inner = element(
        "table",
        element("caption", caption, class_="spoken"),
        element("thead", element("tr", *(element("th", name, scope="col") for name in head))),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", inner, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _number(value: object) -> object:
    return f"{round(value, 1):g}" if isinstance(value, float) else value
