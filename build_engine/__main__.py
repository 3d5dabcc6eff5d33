"""The command `build-engine`, from labelled faces to an engine file; one module in `commands/` for each subcommand."""

import sys

import typer

from build_engine.commands.bench import bench
from build_engine.commands.compare import compare, split_study
from build_engine.commands.evaluate import evaluate
from build_engine.commands.explain import explain
from build_engine.commands.export import export
from build_engine.commands.parity import parity
from build_engine.commands.plan import plan
from build_engine.commands.quantize import quantize
from build_engine.commands.train import train
from build_engine.commands.verify import verify
from build_engine.console import console
from build_engine.environment import restart_with_settings
from build_engine.errors import BuildError
from engine.errors import EngineError

app = typer.Typer(
    help="From labelled faces to an engine file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (train, evaluate, compare, split_study, export, quantize, parity, plan, verify, bench, explain):
    app.command()(command)


def main() -> None:
    """Run the command line; an error of the user's ends in one line on stderr and exit code 2."""
    if sys.argv[1:2] in (["train"], ["compare"], ["split-study"], ["export"]):
        restart_with_settings()
    try:
        app()
    except (BuildError, EngineError) as error:
        console.print(f"build-engine: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
