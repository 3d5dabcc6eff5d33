"""What stands below a field in the source, by the field's name: for descriptions that programs read."""

import ast
import inspect
import re
import textwrap
from functools import cache
from typing import Any

from pydantic import BaseModel

_PYTHONS_NOTHING = re.compile(r"\bNone\b")


@cache
def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's fields, those of its bases too; of names as the wire has them."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _below_fields(base)
    alias = {name: field.serialization_alias or field.alias or name for name, field in model.model_fields.items()}
    return {alias[name]: text for name, text in found.items() if name in alias}


def described(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Put the docstrings of a model's fields into its JSON schema, where a field has no description yet."""
    for name, text in field_docs(model).items():
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", _PYTHONS_NOTHING.sub("null", text))
    return schema


def _below_fields(model: type[BaseModel]) -> dict[str, str]:
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found[field.target.id] = inspect.cleandoc(str(below.value.value))  # type: ignore[attr-defined]
    return found
