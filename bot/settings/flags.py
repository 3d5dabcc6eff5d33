"""Flags and variables of a command, made from the settings of the models that it is written with."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from bot.errors import SettingsRefused
from dashboard_protocol.auth.secrets_store import secret_setting
from dashboard_protocol.settings.refusal import as_given, instead, is_ours
from dashboard_protocol.settings.setting import Setting, allowed, is_list, is_switch, settings_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Checked = TypeVar("Checked", bound=BaseModel)
Command = Callable[..., None]
EMPTY: Mapping[str, Any] = {}


@dataclass
class Given:
    """What somebody gave for the fields of one model."""

    values: dict[str, Any] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    """Field → how it was given, for a refusal to quote: `--port 70000`, `CLASSPULSE_PORT=70000`."""
    variables: dict[str, str] = field(default_factory=dict)
    """Flag → the variable that stood in for it."""


def takes_settings(name: str, **preset: Any) -> Callable[[Command], Command]:
    """Give a command a flag for each setting of the models among its parameters; it gets the models, checked.

    Args:
        name: the command's name, as settings name it.
        preset: values of fields, for this command, where nobody gives others.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters
        models = {each.name: each.annotation for each in own.values() if _is_model(each.annotation)}
        flags = [parameter for model in models.values() for parameter in _parameters(model, name, preset)]
        rest = [each.replace(kind=each.KEYWORD_ONLY) for each in own.values() if each.name not in models]

        @wraps(command)
        def run(**words: Any) -> None:
            given = {each: read_given(model, name, words, preset) for each, model in models.items()}
            variables = {flag: variable for each in given.values() for flag, variable in each.variables.items()}
            passed = {each.name: words[each.name] for each in rest}
            try:
                built = {
                    each: checked(model, given[each].values, given[each].spelled) for each, model in models.items()
                }
                command(**built, **passed)
            except SettingsRefused as error:
                raise _naming_variables(error, variables) from error

        run.__signature__ = inspect.Signature([*flags, *rest])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*flags, *rest)}
        return run

    return decorate


def checked(model: type[Checked], values: Mapping[str, Any], spelled: Mapping[str, str] | None = None) -> Checked:
    """Make settings of what was given.

    Args:
        model: which settings.
        values: by the names of the fields.
        spelled: how each was given; those that are missing are named by their field.

    Raises:
        SettingsRefused: One of them is not known, or cannot be used; the text is one line that names it, says what was
            given, and what to give.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise SettingsRefused(_refusal(model, error.errors()[0], spelled or {})) from error


def from_environment(model: type[Checked]) -> Checked:
    """Read settings that come in variables only.

    Raises:
        SettingsRefused: One of them cannot be used.
    """
    given = Given()
    for name, (setting, _) in settings_of(model).items():
        _take_variable(given, name, setting)
    return checked(model, given.values, given.spelled)


def _refusal(model: type[BaseModel], problem: Any, spelled: Mapping[str, str]) -> str:
    name = str(problem["loc"][0])
    setting, described = settings_of(model).get(name, (None, None))
    if setting is None or described is None:
        known = ", ".join(sorted(model.model_fields))
        is_unknown = problem["type"] == "extra_forbidden"
        return f"{name}: there is no such setting; known are {known}" if is_unknown else f"{name}: {instead(problem)}"
    if problem["type"] == "missing":
        return setting.missing or f"give {setting.spelled(name) or setting.variable}"
    given = spelled.get(name) or (name if setting.is_secret else as_given(name, problem["input"]))
    if is_ours(problem):
        return f"{given.replace('=', ' ').partition(' ')[0]}: {instead(problem)}"
    return f"{given} cannot be used: give {allowed(setting, described) or instead(problem)}"


def _naming_variables(error: SettingsRefused, variables: Mapping[str, str]) -> SettingsRefused:
    """Say of each flag that a refusal names where its value came from, where that is a variable."""
    named = [
        f"{flag} is {variable} here"
        for flag, variable in variables.items()
        if re.search(rf"{flag}(?![a-z-])", str(error))
    ]
    return SettingsRefused(f"{error} ({', '.join(named)})") if named else error


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _parameters(model: type[BaseModel], command: str, preset: Mapping[str, Any]) -> list[inspect.Parameter]:
    """Make the parameters of a function from which the command line makes flags."""
    made = []
    for name, (setting, described) in settings_of(model, command).items():
        spelled = setting.spelled(name)
        if not spelled:
            continue
        kind: Any = bool if is_switch(described) else list[str] if is_list(described) else str
        help_text = _help(setting, described, preset.get(name))
        note: Any = typer.Option(spelled, help=help_text, metavar=setting.value or None, show_default=False)
        absent: Any = None
        if setting.is_argument:
            note = typer.Argument(help=help_text, show_default=False)
            if described.is_required() and not setting.variable:
                absent = inspect.Parameter.empty
        made.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=absent, annotation=Annotated[kind | None, note]
            )
        )
    return made


def _help(setting: Setting, described: "FieldInfo", preset: Any) -> str:
    """Return what the help says: the sentence, what may be given, what holds else, and the variable."""
    facts = []
    if (bounds := allowed(setting, described)).startswith("a ") and not setting.help.endswith("(RFC 3339)."):
        facts.append(bounds)
    if default := shown_default(setting, described, preset):
        facts.append(f"default: {default}")
    if setting.variable:
        facts.append(f"env: {setting.variable}" + (f" or {setting.variable}_FILE" if setting.is_secret else ""))
    return setting.help + (f" [{'; '.join(facts)}]" if facts else "")


def shown_default(setting: Setting, described: "FieldInfo", preset: Any = None) -> str:
    """Say what holds where nobody gives the setting; empty where that is nothing."""
    value = described.get_default() if preset is None and not described.is_required() else preset
    if setting.default and preset is None:
        return setting.default
    if value is None or value is False or value == () or value == "":
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value / setting.per_unit:g}" if isinstance(value, float) else str(value)


def read_given(
    model: type[BaseModel], command: str, words: Mapping[str, Any], preset: Mapping[str, Any] = EMPTY
) -> Given:
    """Return what was given for a model's fields, by flags or else by variables.

    Args:
        model: which settings.
        command: whose.
        words: what stood on the command line, by field; None where nothing did.
        preset: values where nobody gives any.
    """
    given = Given({name: value for name, value in preset.items() if name in model.model_fields})
    for name, (setting, _) in settings_of(model, command).items():
        value = words.get(name)
        if value is None:
            _take_variable(given, name, setting)
            continue
        given.values[name] = _in_units(value, setting)
        flag = setting.spelled(name).partition("/")[0]
        shown = " ".join(value) if isinstance(value, list) else value
        given.spelled[name] = flag if setting.is_secret or isinstance(value, bool) else as_given(flag, shown)
    return given


def _take_variable(given: Given, name: str, setting: Setting) -> None:
    if not setting.variable:
        return
    text = secret_setting(setting.variable) if setting.is_secret else os.environ.get(setting.variable)
    if not text:
        return
    given.values[name] = _in_units(text, setting)
    given.spelled[name] = setting.variable if setting.is_secret else as_given(setting.variable, text)
    if flag := setting.spelled(name).partition("/")[0]:
        given.variables[flag] = setting.variable


def _in_units(value: Any, setting: Setting) -> Any:
    """Turn people's units into the field's; what is no number is left for the model to refuse."""
    if setting.per_unit == 1.0:
        return value
    try:
        return float(value) * setting.per_unit
    except ValueError:
        return value
