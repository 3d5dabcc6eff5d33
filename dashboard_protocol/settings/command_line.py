"""How our command lines speak: an example in every help, one line for a refusal, one exit code for a kind of it.

Both commands, `classpulse` and `build-engine`, are made and run by this; a part that only one of them has is not here.
"""

import re
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup

from dashboard_protocol.settings.refusal import as_given, instead, is_ours

WHOLE = "\u2011"
"""A hyphen at which no line is broken; stands for `-` while a help is wrapped, so that no flag is cut in two."""
VALUES = {
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<int>": "NUMBER",
    "<int range>": "NUMBER",
    "<list[int]>": "NUMBER",
    "<float>": "NUMBER",
    "<float range>": "NUMBER",
    "<path>": "PATH",
    "<file>": "FILE",
    "<list[Path]>": "FILE",
}
"""What the library calls a value → what the help calls it."""


LIST_OF = re.compile(r"<list\[(.*)\]>")


class ExitCode(IntEnum):
    """What a script learns of how a command ended."""

    DONE = 0
    """As it was wanted."""
    FAILED = 1
    """It was begun, and ended otherwise than wanted: the room is taken, the run diverged, the bot was sent out."""
    USAGE = 2
    """What was given cannot be used: a flag, a variable, a file, an address."""
    UNREACHABLE = 3
    """What was named does not answer: a room, a gateway, a bus, an engine. Trying again may help."""
    DENIED = 4
    """It answers, and does not let this caller in: a key, a link, a password, a scope."""


def new_group(about: str, examples: Sequence[str]) -> typer.Typer:
    """Make an empty group of commands, which shows its help where no command is named.

    Args:
        about: what it is for.
        examples: whole command lines, each of at most 76 characters.
    """
    return _made(about, shown_examples(examples), _show_help, add_completion=False)


def new_app(name: str, about: str, examples: Sequence[str]) -> typer.Typer:
    """Make a command line without commands: `-h` beside `--help` everywhere, `--version`, completion for the shell."""
    completion = f"\b\nCommands and flags complete in your shell after:\n  {name} --install-completion"
    epilog = f"{shown_examples(examples)}\n\n{completion}"
    spelled = {"help_option_names": ["-h", "--help"]}
    return _made(about, epilog, _show_help_or_version, add_completion=True, context_settings=spelled)


def add_command(group: typer.Typer, command: Callable[..., None], examples: Sequence[str], name: str = "") -> None:
    """Add a command.

    Args:
        group: where.
        command: its first line of docstring is what a list of commands shows: at most 60 characters.
        examples: whole command lines, each of at most 76 characters.
        name: that of the function if absent.
    """
    group.command(name or None, epilog=shown_examples(examples), cls=_Command)(command)


class _Command(TyperCommand):
    """Whose help cuts no word and speaks of values as people do."""

    def get_help(self, ctx: Any) -> str:
        return _readable(self, ctx, super().get_help)


class _Group(TyperGroup):
    """The same, for what has commands."""

    def get_help(self, ctx: Any) -> str:
        return _readable(self, ctx, super().get_help)


def _readable(command: TyperCommand | TyperGroup, ctx: Any, written: Callable[[Any], str]) -> str:
    command.help = (command.help or "").replace("-", WHOLE)
    for parameter in cast(list[Any], command.params):
        parameter.help = (parameter.help or "").replace("-", WHOLE)
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.name.upper()
            parameter.display_type_rich = lambda ctx: ""  # the name says it
        else:
            shown = parameter.display_type_rich(ctx) or ""
            parameter.metavar = VALUES.get(shown) or parameter.metavar or LIST_OF.sub(r"<\1>", shown) or None
    return written(ctx).replace(WHOLE, "-")


def shown_examples(examples: Sequence[str]) -> str:
    """Return what stands below a command's help, lines as they are."""
    return "\b\n" + "\n".join(["Examples:" if len(examples) > 1 else "Example:", *(f"  {line}" for line in examples)])


def run(
    app: typer.Typer,
    name: str,
    begin: Callable[[], None],
    code_of: Callable[[Exception], ExitCode | None],
    show: Callable[[str], None],
) -> NoReturn:
    """Run a command line and exit.

    Args:
        app: see `new_app`.
        name: as it is called, whoever started it how.
        begin: is called first; what it raises counts as the command's.
        code_of: gives the exit code of an error; None for a bug, which comes out whole.
        show: prints one line of refusal.
    """
    try:
        begin()
        sys.exit(app(prog_name=name, standalone_mode=False) or ExitCode.DONE)
    except typer.TyperException as error:
        show(f"{name}: {_usage_line(error)}")
        sys.exit(ExitCode.USAGE)
    except typer.Abort:
        sys.exit(ExitCode.FAILED)
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        show(f"{name}: {error}")
        sys.exit(code)


def _made(about: str, epilog: str, callback: Callable[..., None], **further: Any) -> typer.Typer:
    return typer.Typer(
        help=about,
        epilog=epilog,
        callback=callback,
        cls=_Group,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # its tables cut what they have no room for, and take half of the time of a help
        **further,
    )


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    refused = _refused_value(error) if isinstance(error, typer.BadParameter) else None
    line = re.sub(r"\s*\n\s*", " ", refused or error.format_message()).rstrip(".")  # choices come a line each
    return line if context is None else f"{line}; see {context.command_path} -h"


def _refused_value(error: typer.BadParameter) -> str | None:
    """Say what was refused: a value of a flag that the library read, or what a command of ours looked at itself."""
    if isinstance(error.param_hint, str):
        return f"{error.param_hint}: {error.message}"
    if error.param is None or error.ctx is None or not error.message:
        return None
    variable = error.param.envvar if isinstance(error.param.envvar, str) else ""
    source = error.ctx.get_parameter_source(error.param.name or "")
    is_from_variable = bool(variable) and source is not None and source.name == "ENVIRONMENT"
    flag = max(error.param.opts, key=len) if error.param.param_type_name == "option" else str(error.param.name).upper()
    name = variable if is_from_variable else flag
    problems: list[Any] = getattr(error.__cause__, "errors", list)()
    if not problems or is_ours(problems[0]):
        return f"{name}: {instead(problems[0]) if problems else error.message}"
    return f"{as_given(name, problems[0]['input'])} cannot be used: give {instead(problems[0])}"


def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)


def _show_help_or_version(
    context: typer.Context, *, is_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if is_version:
        from importlib.metadata import version

        print(version("classpulse"))
        raise typer.Exit
    _show_help(context)
