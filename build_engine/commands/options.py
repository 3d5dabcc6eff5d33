"""Options that several subcommands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    str, typer.Option(help="fer2013.npz, fer2013.csv, icml_face_data.csv, a folder of images, or drawn:N.")
]
Cache = Annotated[Path, typer.Option(help="Folder in which the landmarks of a data set are kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line on stdout.")]
