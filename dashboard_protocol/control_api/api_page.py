"""`/docs`, `/openapi.json`, `/asyncapi.json`, `/schemas/…`: what this service answers, for people and for programs.

The page is made from the description; no script, nothing from elsewhere.
"""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from markupsafe import Markup
from starlette.responses import HTMLResponse

from dashboard_protocol.control_api.openapi import describe
from dashboard_protocol.http.described import HTML, JSON, TEXT, Described, operation
from dashboard_protocol.http.problems import PAGE_POLICY
from dashboard_protocol.schema import ASYNCAPI_FILE, SCHEMA_FILE, TYPES_FILE
from dashboard_protocol.view.markup import Child, element, join

_ANYTHING = {"type": "object"}
FILES = {"/asyncapi.json": (ASYNCAPI_FILE, JSON)} | {
    f"/schemas/{path.name}": (path, JSON if path.suffix == ".json" else TEXT) for path in (SCHEMA_FILE, TYPES_FILE)
}
"""Address → file that is made from the types, and its media type."""


def add_descriptions(app: FastAPI) -> None:
    """Add them to an app that has all its routes."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app.routes)
        return app.openapi_schema

    async def docs(_: Request) -> Response:
        return HTMLResponse(api_page(described()), headers={"content-security-policy": PAGE_POLICY})

    async def openapi(_: Request) -> Response:
        return Response(json.dumps(described(), ensure_ascii=False), media_type=JSON)

    async def file(asked: Request) -> Response:
        path, media_type = FILES[asked.url.path]
        return Response(path.read_text(encoding="utf-8"), media_type=media_type)

    app.openapi = described  # type: ignore[method-assign]
    page = operation("docs", "This description for people to read.", "service", answers={200: HTML})
    document = operation("openapi", "This description.", "service", answers={200: (JSON, _ANYTHING)})
    app.router.routes += [
        Described("/docs", docs, {"get": page}),
        Described("/openapi.json", openapi, {"get": document}),
    ]
    for address, (path, media_type) in FILES.items():
        held = (media_type, _ANYTHING) if media_type == JSON else media_type
        name = address.strip("/").replace("/", "_").replace(".", "_").replace("-", "_")
        said = operation(name, f"The live feed for programs: {path.name}.", "feed", answers={200: held})
        app.router.routes.append(Described(address, file, {"get": said}))


def api_page(described: dict[str, Any]) -> str:
    """Return the page of an OpenAPI 3 description."""
    by_tag: dict[str, list[Markup]] = {tag["name"]: [] for tag in described.get("tags", [])}
    for path, methods in described.get("paths", {}).items():
        for method, call in methods.items():
            tag = next(iter(call.get("tags", [])), "")
            by_tag.setdefault(tag, []).append(_call(method.upper(), path, call))
    for kind, methods in described.get("webhooks", {}).items():
        for method, call in methods.items():
            by_tag.setdefault(call["tags"][0], []).append(_call(method.upper(), f"your webhook: {kind}", call))
    said = {tag["name"]: tag.get("description", "") for tag in described.get("tags", [])}
    sections = [_section(tag, said.get(tag, ""), found) for tag, found in by_tag.items() if found]
    schemas = described.get("components", {}).get("schemas", {}).items()
    intro = described.get("info", {}).get("description", "").split("\n\n")
    body = element(
        "main",
        element("h1", "classpulse: control API"),
        *(element("p", _coded(part)) for part in intro),
        element("p", "The same for machines: ", _link("/openapi.json"), ", ", _link("/asyncapi.json"), ", ",
                _link(f"/schemas/{SCHEMA_FILE.name}"), ", ", _link(f"/schemas/{TYPES_FILE.name}"), "."),
        *sections,
        element("h2", "What goes in and comes out"),
        *(_schema(name, schema) for name, schema in schemas),
        class_="api",
    )  # fmt: skip
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", "classpulse API"),
        element("link", rel="stylesheet", href="/static/plain.css"),
    )
    return f"<!doctype html>{element('html', head, element('body', body), lang='en')}"


def _section(tag: str, said: str, found: list[Markup]) -> Markup:
    return element("section", element("h2", tag), element("p", said) if said else None, *found)


def _link(address: str) -> Markup:
    return element("a", address.rpartition("/")[2], href=address)


def _coded(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return join(*(element("code", part) if at % 2 else part for at, part in enumerate(text.split("`"))))


def _call(method: str, path: str, call: dict[str, Any]) -> Markup:
    taken = [_named(parameter["name"], parameter.get("schema", {}), parameter["in"], parameter.get("description"))
             for parameter in call.get("parameters", [])]  # fmt: skip
    body = call.get("requestBody", {}).get("content", {})
    taken += [
        element("li", "body: ", element("code", _kind(content.get("schema", {}))), f" as {media_type}")
        for media_type, content in body.items()
    ]
    answers = [_answer(status, answer) for status, answer in call.get("responses", {}).items()]
    paragraphs = (call.get("description") or call.get("summary", "")).split("\n\n")
    return element(
        "article",
        element("h3", element("code", f"{method} {path}")),
        *(element("p", paragraph) for paragraph in paragraphs),
        element("ul", *taken) if taken else None,
        element("p", *answers, class_="answers"),
    )


def _answer(status: str, answer: dict[str, Any]) -> Markup:
    held = answer.get("content", {})
    kinds = [_kind(content.get("schema", {})) or media_type for media_type, content in held.items()]
    named = [media_type if kind == "string" else kind for kind, media_type in zip(kinds, held, strict=True)]
    return element("span", f"{status} ", element("code", ", ".join(named)) if named else None, " ")


def _schema(name: str, schema: dict[str, Any]) -> Markup:
    needed = schema.get("required", [])
    fields = [
        _named(field, described, "required" if field in needed else "optional", None)
        for field, described in schema.get("properties", {}).items()
    ]
    values: list[Child] = [element("code", str(value)) for value in schema.get("enum", [])]
    example = next(iter(schema.get("examples", [])), None)
    return element(
        "article",
        element("h3", element("code", name), id=name),
        element("p", schema.get("description", "")),
        element("ul", *fields) if fields else join(*values),
        None if example is None else element("pre", json.dumps(example, indent=2, ensure_ascii=False), tabindex=0),
    )


def _named(name: str, schema: dict[str, Any], note: str, said: str | None) -> Markup:
    said = said or schema.get("description")
    kind = element("code", _kind(schema))
    return element("li", element("code", name), f" ({note}) ", kind, " ", said or None)


def _kind(schema: dict[str, Any]) -> str:
    """Write a type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(map(_kind, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return str(schema.get("format") or schema.get("type") or "")
