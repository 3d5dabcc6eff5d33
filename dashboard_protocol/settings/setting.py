"""Pure: what people may set. A setting is one field of one model; all that is said of it stands beside its type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import get_annotations
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel, GetJsonSchemaHandler
    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Setting:
    """How people give a setting; stands in the annotation of its field, which has name, type, bounds and default.

    Flags, variables, help, the descriptions in the API's schema and `deploy/SETTINGS.md` are made from it.
    """

    help: str
    """One sentence."""
    commands: str = ""
    """The commands that take it, separated by spaces; empty for one that comes in a variable, for every command."""
    flag: str | None = None
    """None for the field's name; empty for a setting that comes in a variable only."""
    variable: str = ""
    """Of the environment; a flag overrides it."""
    value: str = ""
    """What the help calls the value, e.g. SECONDS."""
    is_argument: bool = False
    """Whether it is given by its place and not by a flag."""
    is_secret: bool = False
    """Whether VARIABLE_FILE may name a file that holds it, and no refusal quotes it."""
    per_unit: float = 1.0
    """What one of the flag's units is in the field's: 86 400 where people give days and the field holds seconds."""
    default: str = ""
    """What holds where nobody says, in words; empty for the field's default."""
    missing: str = ""
    """What is said where it must be given and is not."""

    def spelled(self, field: str) -> str:
        """Return the flag of a field, or its place's name; empty for a variable only."""
        if self.is_argument:
            return field.upper()
        return f"--{field.replace('_', '-')}" if self.flag is None else self.flag

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        """Add its sentence to the field's schema."""
        return {**handler(core_schema), "description": self.help}


def settings_of(model: "type[BaseModel]", command: str | None = None) -> "dict[str, tuple[Setting, FieldInfo]]":
    """Return the settings of a model, those that only it has first.

    Args:
        model: its fields that carry no `Setting` are no setting: nobody but our own code gives them.
        command: return only what this command takes.
    """
    own_first = dict.fromkeys(name for each in model.__mro__ for name in get_annotations(each))
    found = {}
    for name in own_first:
        field = model.model_fields.get(name)
        setting = None if field is None else next((s for s in _notes(field) if isinstance(s, Setting)), None)
        if field is not None and setting is not None and (command is None or command in setting.commands.split()):
            found[name] = (setting, field)
    return found


def allowed(setting: Setting, field: "FieldInfo") -> str:
    """Say which values a setting takes, in people's units; empty where any text will do."""
    kind, within = _kind(field.annotation)
    low, above, high, shortest, longest = (
        next((getattr(note, name) for note in _notes(field) if getattr(note, name, None) is not None), None)
        for name in ("ge", "gt", "le", "min_length", "max_length")
    )
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        names = list(kind)
        return f"{', '.join(names[:-1])} or {names[-1]}" + (", several between commas" if within else "")
    if kind is bool:
        return "yes or no"
    if kind in (int, float):
        noun = "a whole number" if kind is int else "a number"
        least, most, over = (None if bound is None else f"{bound / setting.per_unit:g}" for bound in (low, high, above))
        if least is not None:
            return f"{noun}, {least} or more" if most is None else f"{noun} from {least} to {most}"
        if over is not None:
            return f"{noun} above {over}" + ("" if most is None else f", {most} at most")
        return noun
    if longest is not None:
        return f"text of {shortest} to {longest} characters" if shortest else f"text of at most {longest} characters"
    if shortest is not None:
        return f"text of at least {shortest} characters"
    return ""


def _kind(annotation: Any) -> tuple[Any, bool]:
    """Return what a value is without None and notes, and whether there may be several."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    within: Sequence[Any] = [each for each in get_args(annotation) if each not in (type(None), Ellipsis)]
    if get_origin(annotation) in (tuple, frozenset):
        return _kind(within[0])[0], True
    return _kind(within[0]) if within else (annotation, False)


def is_list(field: "FieldInfo") -> bool:
    """Whether the flag of a field may be repeated."""
    return _kind(field.annotation)[1]


def is_switch(field: "FieldInfo") -> bool:
    """Whether the flag of a field stands for itself, without a value."""
    return _kind(field.annotation)[0] is bool


def _notes(field: "FieldInfo") -> Iterator[Any]:
    """Yield what the annotation of a field says beside its type, also within `… | None`."""
    waiting: list[Any] = [*field.metadata, field.annotation]
    while waiting:
        note = waiting.pop(0)
        if get_origin(note) is Annotated:
            waiting += note.__metadata__
        yield note
        waiting += getattr(note, "metadata", ()) or (get_args(note) if get_origin(note) is not Annotated else ())
