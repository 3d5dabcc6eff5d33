"""Which engine files ship with the package."""

from pathlib import Path


def shipped_fp32() -> Path:
    """Name the fp32 form of the default model."""
    from engine.runtimes import DEFAULT_MODEL

    return DEFAULT_MODEL.with_name(f"{DEFAULT_MODEL.stem.removesuffix('-int8')}.onnx")


def int8_of(fp32: Path) -> Path:
    """Name the int8 form of an fp32 engine file."""
    return fp32.with_name(f"{fp32.stem}-int8.onnx")


def shipped_models() -> list[Path]:
    """List the forms of the default model that are there, fp32 first."""
    fp32 = shipped_fp32()
    return [path for path in (fp32, int8_of(fp32)) if path.exists()]
