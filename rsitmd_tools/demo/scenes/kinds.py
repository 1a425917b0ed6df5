"""Categories, grounds, objects and colours of the scenes, as data."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "white": (240, 240, 236),
    "red": (196, 44, 40),
    "blue": (42, 84, 190),
    "yellow": (234, 200, 52),
    "black": (36, 36, 40),
    "orange": (228, 124, 36),
    "purple": (130, 62, 160),
    "green": (46, 150, 66),
}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of object.

    Attributes:
        shape: Drawn shape: plane, boat, car, house, disc, court, tree, tent.
        words: Singular and plural of its name and of a synonym.
    """

    shape: str
    words: tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A category of scenes.

    Attributes:
        category: Name of the category.
        grounds: Colours of the ground by name.
        thing: Kind of the objects.
        place: The scene as a noun, and a synonym.
        keyword: Object word for the ground.
        band: A strip across the scene and its colour, or None.
    """

    category: str
    grounds: dict[str, Colour]
    thing: Thing
    place: tuple[str, str]
    keyword: str
    band: tuple[str, Colour] | None = None


PLANE = Thing("plane", (("plane", "planes"), ("aircraft", "aircraft")))
BOAT = Thing("boat", (("boat", "boats"), ("ship", "ships")))
CAR = Thing("car", (("car", "cars"), ("vehicle", "vehicles")))
HOUSE = Thing("house", (("house", "houses"), ("building", "buildings")))
DISC = Thing("disc", (("tank", "tanks"), ("round container", "round containers")))
COURT = Thing("court", (("court", "courts"), ("playing field", "playing fields")))
TENT = Thing("tent", (("tent", "tents"), ("parasol", "parasols")))
BARN = Thing("house", (("barn", "barns"), ("shed", "sheds")))
BUOY = Thing("disc", (("buoy", "buoys"), ("float", "floats")))

GREY, SAND, GRASS, WATER = (150, 150, 152), (216, 196, 150), (112, 150, 84), (56, 104, 134)

KINDS = (
    Kind("airport", {"grey": GREY, "brown": (150, 128, 104)}, PLANE, ("apron", "tarmac"), "apron"),
    Kind(
        "port",
        {"blue": WATER, "green": (70, 128, 112)},
        BOAT,
        ("harbour", "port"),
        "water",
        ("pier", (190, 184, 172)),
    ),
    Kind(
        "farmland",
        {"brown": (156, 120, 82), "green": (134, 164, 76)},
        BARN,
        ("farmland", "field"),
        "farmland",
        ("dirt road", (206, 186, 150)),
    ),
    Kind(
        "residential",
        {"green": GRASS, "grey": (142, 142, 134)},
        HOUSE,
        ("residential area", "neighbourhood"),
        "lawn",
        ("street", (96, 96, 100)),
    ),
    Kind(
        "parking",
        {"grey": (118, 118, 122), "brown": (140, 122, 104)},
        CAR,
        ("parking lot", "car park"),
        "parking lot",
    ),
    Kind(
        "river",
        {"green": (96, 136, 72), "brown": (146, 126, 92)},
        HOUSE,
        ("river bank", "riverside"),
        "bank",
        ("river", (50, 96, 150)),
    ),
    Kind(
        "beach",
        {"yellow": SAND, "white": (226, 218, 200)},
        TENT,
        ("beach", "shore"),
        "sand",
        ("strip of surf", (120, 178, 196)),
    ),
    Kind(
        "playground",
        {"green": (98, 150, 82), "red": (170, 92, 74)},
        COURT,
        ("sports ground", "playground"),
        "ground",
    ),
    Kind(
        "storagetanks",
        {"grey": (162, 160, 154), "brown": (158, 138, 108)},
        DISC,
        ("tank farm", "depot"),
        "depot",
        ("pipe", (214, 214, 210)),
    ),
    Kind(
        "lake",
        {"blue": (48, 92, 160), "green": (62, 122, 104)},
        BUOY,
        ("lake", "pond"),
        "lake",
        ("footbridge", (176, 150, 118)),
    ),
)
