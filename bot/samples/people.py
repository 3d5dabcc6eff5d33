"""The drawn people: eight who play everything there is, and four who join them in the demo's class."""

from dataclasses import dataclass

from bot.samples.look import BOB, BUN, CROPPED, CURLS, FRINGE, LONG, SCARF, SHORT, Look


@dataclass(frozen=True, slots=True)
class DrawnPerson:
    """A person who exists only as a drawing."""

    id: str
    name: str
    look: Look


PEOPLE: tuple[DrawnPerson, ...] = (
    DrawnPerson("amara", "Amara", Look(
        skin=(132, 86, 62), hair=CURLS, hair_colour=(42, 30, 28), iris=(74, 46, 30), lips=(150, 72, 72),
        clothes=(226, 178, 74), wall=((214, 222, 214), (190, 206, 200)), furniture="plant", scale_px=66,
        place=(0.48, 0.52), light=(-0.5, -0.6, 0.8), brow_colour=(34, 24, 22), brow_weight=0.9, nose=1.12,
    )),
    DrawnPerson("mateo", "Mateo", Look(
        skin=(214, 164, 128), hair=SHORT, hair_colour=(58, 40, 30), iris=(98, 66, 38), lips=(176, 104, 94),
        clothes=(70, 104, 140), wall=((226, 216, 200), (206, 192, 176)), furniture="shelf", scale_px=72,
        place=(0.46, 0.53), light=(0.5, -0.6, 0.8), brow_colour=(48, 34, 26), brow_weight=1.2, beard=0.5, jaw=1.05,
    )),
    DrawnPerson("yuki", "Yuki", Look(
        skin=(240, 208, 180), hair=BOB, hair_colour=(34, 30, 36), iris=(62, 42, 34), lips=(206, 112, 112),
        clothes=(176, 84, 98), wall=((224, 228, 236), (204, 212, 226)), furniture="window", scale_px=62,
        place=(0.53, 0.54), light=(-0.7, -0.4, 0.8), brow_colour=(52, 42, 42), brow_weight=0.85, eye_height=0.94,
        jaw=0.95,
    )),
    DrawnPerson("noor", "Noor", Look(
        skin=(206, 156, 118), hair=SCARF, hair_colour=(64, 122, 128), iris=(84, 58, 36), lips=(184, 96, 92),
        clothes=(52, 92, 100), wall=((236, 228, 214), (220, 208, 190)), furniture="picture", scale_px=64,
        place=(0.52, 0.52), light=(0.3, -0.7, 0.8), brow_colour=(54, 38, 30), cloth=True,
    )),
    DrawnPerson("liam", "Liam", Look(
        skin=(244, 204, 182), hair=SHORT, hair_colour=(172, 92, 46), iris=(84, 122, 146), lips=(206, 122, 112),
        clothes=(92, 124, 84), wall=((206, 216, 224), (186, 196, 208)), furniture="shelf", scale_px=69,
        place=(0.45, 0.53), light=(-0.4, -0.7, 0.7), brow_colour=(150, 84, 46), freckles=True, glasses=(52, 56, 66),
    )),
    DrawnPerson("priya", "Priya", Look(
        skin=(178, 124, 88), hair=LONG, hair_colour=(36, 26, 26), iris=(66, 42, 28), lips=(172, 80, 80),
        clothes=(150, 96, 160), wall=((230, 220, 224), (212, 198, 206)), furniture="plant", scale_px=64,
        place=(0.47, 0.52), light=(0.6, -0.5, 0.8), brow_colour=(34, 24, 24), jaw=0.96,
    )),
    DrawnPerson("kofi", "Kofi", Look(
        skin=(104, 68, 50), hair=CROPPED, hair_colour=(30, 24, 24), iris=(58, 36, 26), lips=(132, 72, 68),
        clothes=(200, 92, 66), wall=((224, 220, 208), (200, 196, 186)), furniture="window", scale_px=71,
        place=(0.55, 0.53), light=(-0.6, -0.5, 0.8), brow_colour=(26, 20, 20), nose=1.15, jaw=1.03, beard=0.35,
    )),
    DrawnPerson("elsa", "Elsa", Look(
        skin=(238, 200, 178), hair=BUN, hair_colour=(196, 194, 192), iris=(104, 134, 120), lips=(196, 108, 106),
        clothes=(84, 92, 122), wall=((220, 226, 216), (204, 212, 198)), furniture="picture", scale_px=60,
        place=(0.53, 0.57), light=(0.4, -0.6, 0.8), brow_colour=(140, 130, 124), glasses=(122, 62, 70),
    )),
)  # fmt: skip
"""In the order in which they join."""

CLASS: tuple[DrawnPerson, ...] = (
    *PEOPLE,
    DrawnPerson("sofia", "Sofia", Look(
        skin=(234, 190, 160), hair=LONG, hair_colour=(156, 112, 64), iris=(92, 116, 88), lips=(204, 110, 104),
        clothes=(206, 120, 120), wall=((212, 222, 230), (194, 206, 216)), furniture="shelf", scale_px=63,
        place=(0.52, 0.53), light=(-0.5, -0.6, 0.8), brow_colour=(120, 84, 52), jaw=0.97,
    )),
    DrawnPerson("wei", "Wei", Look(
        skin=(236, 200, 166), hair=CROPPED, hair_colour=(32, 30, 32), iris=(58, 40, 32), lips=(196, 116, 106),
        clothes=(66, 76, 92), wall=((232, 228, 216), (214, 206, 190)), furniture="window", scale_px=68,
        place=(0.47, 0.53), light=(0.6, -0.5, 0.8), brow_colour=(40, 34, 34), brow_weight=1.1, eye_height=0.95,
        glasses=(38, 40, 46),
    )),
    DrawnPerson("leila", "Leila", Look(
        skin=(196, 144, 108), hair=FRINGE, hair_colour=(64, 40, 34), iris=(72, 46, 32), lips=(184, 88, 92),
        clothes=(98, 140, 128), wall=((228, 218, 230), (210, 198, 214)), furniture="picture", scale_px=61,
        place=(0.54, 0.54), light=(0.4, -0.7, 0.8), brow_colour=(48, 32, 28), nose=1.05,
    )),
    DrawnPerson("tomas", "Tomás", Look(
        skin=(228, 180, 148), hair=SHORT, hair_colour=(128, 124, 120), iris=(88, 100, 108), lips=(188, 112, 102),
        clothes=(138, 112, 86), wall=((204, 214, 206), (184, 196, 188)), furniture="plant", scale_px=70,
        place=(0.45, 0.54), light=(-0.6, -0.5, 0.8), brow_colour=(100, 92, 86), brow_weight=1.15, beard=0.8, jaw=1.04,
    )),
)  # fmt: skip
"""Of the demo: enough of them for everything that is shown from ten people up, also while some are away."""
