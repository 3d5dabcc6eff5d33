"""A meeting's gallery as a web page: a video element for everybody, as browsers show them, with the truth by tile."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.samples.occupants import STILLS, Occupant, Projector, dressed, still
from bot.samples.segments import SEGMENTS
from bot.samples.window import Style, View, places
from engine.readings import Image

TITLE = "Somebody's gallery"
RATE = 10
BITS, MARK_PX = 6, 16
"""Squares at the lower left, black or white, by which a picture of the page says which of its views it shows."""
PAGE = f"""<!doctype html>
<meta charset="utf-8"><title>{TITLE}</title>
<style>
  body {{ margin: 0; background: rgb(32, 33, 36); overflow: hidden; font: 13px sans-serif; color: rgb(232, 234, 237) }}
  figure {{ position: absolute; margin: 0 }}
  figure video, figure img {{ display: block; width: 100%; object-fit: fill }}
  figcaption {{ padding: 2px 4px }}
  i {{ position: absolute; bottom: 0; width: {MARK_PX}px; height: {MARK_PX}px; background: black }}
  .speaks video {{ outline: 4px solid rgb(90, 200, 120); outline-offset: -4px }}
</style>
<body><script>
  const tiles = new Map();
  const marks = Array.from({{ length: {BITS} }}, (_, bit) => {{
    const mark = document.createElement("i");
    mark.style.left = `${{bit * {MARK_PX}}}px`;
    document.body.append(mark);
    return mark;
  }});
  function tileOf({{ id, name, src }}) {{
    if (tiles.has(id)) return tiles.get(id);
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const shown = document.createElement(src.endsWith(".png") ? "img" : "video");
    shown.src = src;
    if (shown.play) {{ Object.assign(shown, {{ muted: true, loop: true }}); shown.play(); }}
    caption.textContent = name;
    figure.append(shown, caption);
    tiles.set(id, figure);
    return figure;
  }}
  // As meeting pages do: whoever is not shown has no element in the page; places are set at once.
  window.show = (view, number) => {{
    document.title = "{TITLE}";
    for (let bit = 0; bit < {BITS}; bit++) marks[bit].style.background = number >> bit & 1 ? "white" : "black";
    const shown = view.map((each) => {{
      const figure = tileOf(each), [left, top, width, height] = each.place;
      Object.assign(figure.style, {{ left: `${{left}}px`, top: `${{top}}px`, width: `${{width}}px` }});
      figure.firstChild.style.height = `${{height}}px`;
      figure.className = each.speaks ? "speaks" : "";
      return figure;
    }});
    for (const figure of tiles.values()) if (!shown.includes(figure)) figure.remove();
    document.body.append(...shown.filter((figure) => !figure.isConnected));
    for (const figure of shown) figure.firstChild.play?.();
  }};
</script>"""


def draw(folder: Path, people: Sequence[Occupant], width: int, segments: Collection[tuple[str, str]] = ()) -> None:
    """Write what the page plays, so wide: everybody calm, more by id and segment, and the pictures that never move."""
    height = width * 9 // 16 // 2 * 2
    for person in people:
        for segment in ("calm", *(played for id_, played in segments if id_ == person.id)):
            _film(folder / f"{person.id}-{segment}.webm", person, segment, width, height)
    for kind in STILLS:
        cv2.imwrite(str(folder / f"{kind}.png"), still(kind, width, height)[..., ::-1])


def _film(path: Path, person: Occupant, segment: str, width: int, height: int) -> None:
    projector = Projector()
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libvpx", rate=RATE, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 800_000
        for number in range(SEGMENTS[segment].duration_s * RATE):
            picture = projector.picture(person.person, segment, number / RATE)
            shown = dressed(picture, person.variant, width, height)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        file.mux(stream.encode(None))


def app(folder: Path) -> Starlette:
    """Serve the page and what it plays."""

    async def page(_: object) -> HTMLResponse:
        return HTMLResponse(PAGE)

    return Starlette(routes=[Route("/", page), Mount("/shown", StaticFiles(directory=folder))])


def number_in(picture: Image) -> int:
    """Read from a picture of the page, 1080 pixels high, which of its views it shows."""
    row = picture.shape[0] - MARK_PX // 2
    return sum((picture[row, bit * MARK_PX + MARK_PX // 2].mean() > 128) << bit for bit in range(BITS))


def script(view: View, number: int, style: Style, people: Sequence[Occupant], playing: Mapping[str, str]) -> str:
    """Say to the page what it shows from now on, under which number, and what is played by those who are not calm."""
    names = {person.id: person.name for person in people}
    films = {id_: f"{id_}-{playing.get(id_, 'calm')}" for id_ in names}
    tiles = [
        {
            "id": films.get(id_, id_),
            "name": names.get(id_, id_.capitalize()),
            "src": f"shown/{films[id_]}.webm" if id_ in names else f"shown/{id_}.png",
            "place": place,
            "speaks": id_ == view.speaker,
        }
        for id_, place in places(view, style).items()
    ]
    return f"show({json.dumps(tiles)}, {number})"
