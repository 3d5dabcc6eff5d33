"""`/docs`: the control API for people to read, made from its OpenAPI description; no script, nothing from elsewhere."""

from typing import Any

from fastapi import FastAPI, Response
from markupsafe import Markup
from starlette.responses import HTMLResponse

from dashboard_protocol.view.markup import Child, element, join

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_api_page(app: FastAPI) -> None:
    """Add the page to an app that serves an OpenAPI description."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(api_page(app.openapi()), headers={"content-security-policy": CONTENT_SECURITY_POLICY})


def api_page(described: dict[str, Any]) -> str:
    """Return the page of an OpenAPI 3 description."""
    calls = [
        _call(method.upper(), path, call)
        for path, methods in described.get("paths", {}).items()
        for method, call in methods.items()
    ]
    schemas = described.get("components", {}).get("schemas", {}).items()
    body = element(
        "main",
        element("h1", "classpulse: control API"),
        element("p", "A program sends its key as ", element("code", "Authorization: Bearer KEY"), ". The same for "
                "machines: ", element("a", "openapi.json", href="/openapi.json"), "."),
        *calls,
        element("h2", "What goes in and comes out"),
        *(_schema(name, schema) for name, schema in schemas),
    )  # fmt: skip
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", "classpulse API"),
        element("link", rel="stylesheet", href="/static/page.css"),
    )
    return f"<!doctype html>{element('html', head, element('body', body), lang='en')}"


def _call(method: str, path: str, call: dict[str, Any]) -> Markup:
    taken = [_named(parameter["name"], parameter.get("schema", {}), parameter["in"])
             for parameter in call.get("parameters", [])]  # fmt: skip
    body = call.get("requestBody", {}).get("content", {})
    taken += [element("li", "body: ", element("code", _kind(content.get("schema", {})))) for content in body.values()]
    answers = [_answer(status, answer) for status, answer in call.get("responses", {}).items()]
    return element(
        "section",
        element("h2", element("code", f"{method} {path}")),
        element("p", call.get("description") or call.get("summary", "")),
        element("ul", *taken) if taken else None,
        element("p", *answers),
    )


def _answer(status: str, answer: dict[str, Any]) -> Markup:
    kinds = [_kind(content.get("schema", {})) for content in answer.get("content", {}).values()]
    return element("span", f"{status} ", element("code", ", ".join(filter(None, kinds))), " ")


def _schema(name: str, schema: dict[str, Any]) -> Markup:
    needed = schema.get("required", [])
    fields = [
        _named(field, described, "required" if field in needed else "optional")
        for field, described in schema.get("properties", {}).items()
    ]
    values: list[Child] = [element("code", str(value)) for value in schema.get("enum", [])]
    return element(
        "section",
        element("h3", element("code", name), id=name),
        element("p", schema.get("description", "")),
        element("ul", *fields) if fields else join(*values),
    )


def _named(name: str, schema: dict[str, Any], note: str) -> Markup:
    said = schema.get("description")
    return element(
        "li", element("code", name), f" ({note}) ", element("code", _kind(schema)), f" {said}" if said else ""
    )


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
