"""The command `build-engine`, from labelled faces to an engine file; one module in `commands/` for each subcommand."""

import sys
from collections.abc import Callable

from build_engine.commands.bench import bench
from build_engine.commands.compare import compare, split_study
from build_engine.commands.evaluate import evaluate
from build_engine.commands.explain import explain
from build_engine.commands.export import export
from build_engine.commands.fairness import fairness
from build_engine.commands.parity import parity
from build_engine.commands.plan import plan
from build_engine.commands.quantize import quantize
from build_engine.commands.train import train
from build_engine.commands.verify import verify
from build_engine.console import console
from build_engine.environment import restart_with_settings
from build_engine.errors import BuildError, ParityBroken, TrainingDiverged
from dashboard_protocol.settings.command_line import ExitCode, add_command, new_app, run
from dashboard_protocol.view.plain_text import plain_lines
from engine.errors import EngineError, InferenceFailed

EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    train: (
        "build-engine train --data fer2013.npz --recipe steady",
        "build-engine train --data drawn:140 --recipe smoke",
    ),
    evaluate: (
        "build-engine evaluate --data fer2013.npz --split PublicTest",
        "build-engine evaluate --data fer2013.npz --through-video --json",
    ),
    compare: ("build-engine compare --data fer2013.npz --variant resnet18 --seeds 3",),
    split_study: ("build-engine split-study --data fer2013.npz",),
    export: ("build-engine export runs/steady --data fer2013.npz --to my.onnx",),
    quantize: ("build-engine quantize my.onnx --data fer2013.npz",),
    parity: ("build-engine parity --data fer2013.npz --model my.onnx",),
    plan: ("build-engine plan my.onnx -o my.plan --precision fp16", "build-engine plan my.plan --check"),
    verify: ("build-engine verify", "build-engine verify my.onnx -o verify.json"),
    bench: ("build-engine bench", "build-engine bench my.onnx my.plan --batch 8 --threads 1"),
    fairness: ("build-engine fairness --data portraits --to fairness.md",),
    explain: ("build-engine explain face.jpg --to seen.png",),
}
FOUND_WANTING = (ParityBroken, TrainingDiverged, InferenceFailed)
"""What was given could be used, and the result is not good."""

app = new_app(
    "build-engine",
    "From labelled faces to an engine file.",
    (
        "build-engine train --data fer2013.npz",
        "build-engine export runs/static --data fer2013.npz --to my.onnx",
        "build-engine plan my.onnx -o my.plan",
    ),
)
for command, examples in EXAMPLES.items():
    add_command(app, command, examples)


def exit_code(error: Exception) -> ExitCode | None:
    """Return the code of an error; None for a bug."""
    if isinstance(error, BuildError | EngineError):
        return ExitCode.FAILED if isinstance(error, FOUND_WANTING) else ExitCode.USAGE
    return None


def main() -> None:
    """Run the command line; every error that is not a bug ends in one line on stderr and the exit code of its kind."""
    if sys.argv[1:2] in (["train"], ["compare"], ["split-study"], ["export"]):
        restart_with_settings()
    run(app, "build-engine", lambda: None, exit_code, _show)


def _show(text: str) -> None:
    console.print(plain_lines(text), style="red", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
