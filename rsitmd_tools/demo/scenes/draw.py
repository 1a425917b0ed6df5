"""Drawing of scenes: textured ground, a band and objects with shadows, at twice the size."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from rsitmd_tools.demo.scenes.description import Description, Group
from rsitmd_tools.demo.scenes.kinds import COLOURS, Colour

SIDE = 256
SCALE = 2
RADII = {"small": 11, "large": 20}
SHADOW = (0, 0, 0, 90)
Box = tuple[float, float, float, float]


def draw(scene: Description) -> Image.Image:
    """Draw a scene at 256 x 256 pixels, RGB."""
    random = np.random.default_rng([*scene.seed, 1])
    image = _ground(scene.kind.grounds[scene.ground], random)
    if scene.kind.band:
        _band(image, scene.band, scene.kind.band[1], random)
    shadows = Image.new("RGBA", image.size)
    objects = Image.new("RGBA", image.size)
    for group in scene.groups:
        radius = round(RADII[group.size] * SCALE * scene.scale)
        for x, y in _places(group, random):
            turn = float(random.uniform(0, 360))
            stamp = _stamp(scene.kind.thing.shape, COLOURS[group.colour], radius, turn)
            at = (round(x - stamp.width / 2), round(y - stamp.height / 2))
            shade = Image.new("RGBA", stamp.size, SHADOW)
            shade.putalpha(stamp.getchannel("A").point(lambda a: a * SHADOW[3] // 255))
            shadows.alpha_composite(shade, (at[0] + 3 * SCALE, at[1] + 3 * SCALE))
            objects.alpha_composite(stamp, at)
    image.paste(shadows, (0, 0), shadows.filter(ImageFilter.GaussianBlur(SCALE)))
    image.paste(objects, (0, 0), objects)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _ground(colour: Colour, random: np.random.Generator) -> Image.Image:
    """Return a ground with noise at several scales."""
    size = SIDE * SCALE
    noise = np.zeros((size, size))
    for cells, strength in ((6, 9.0), (24, 6.0), (96, 5.0), (size, 4.0)):
        coarse = random.normal(0, strength, (cells, cells)).astype(np.float32)
        grown = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        noise += np.asarray(grown)
    pixels = np.array(colour)[None, None] + noise[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _band(image: Image.Image, way: str, colour: Colour, random: np.random.Generator) -> None:
    """Draw a strip through the middle, where there are no objects."""
    middle, half = SIDE * SCALE / 2, float(random.uniform(8, 13)) * SCALE
    bend = random.uniform(-4, 4, 2) * SCALE
    end = SIDE * SCALE
    edge = [(0, middle - half + bend[0]), (end, middle - half + bend[1])]
    back = [(end, middle + half + bend[1]), (0, middle + half + bend[0])]
    points = [(x, y) if way == "horizontal" else (y, x) for x, y in edge + back]
    ImageDraw.Draw(image).polygon(points, fill=colour)


def _places(group: Group, random: np.random.Generator) -> list[tuple[float, float]]:
    """Return positions in the quarter of a group, one per cell so that objects never touch."""
    cells = [(x, y) for x in range(2) for y in range(2)]
    chosen = [cells[i] for i in random.permutation(len(cells))[: group.count]]
    left = 0 if group.spot.endswith("left") else SIDE // 2 + 14
    top = 0 if group.spot.startswith("upper") else SIDE // 2 + 14
    cell = (SIDE // 2 - 14) / 2
    jitter = random.uniform(-3, 3, (len(chosen), 2))
    return [
        ((left + (x + 0.5) * cell + dx) * SCALE, (top + (y + 0.5) * cell + dy) * SCALE)
        for (x, y), (dx, dy) in zip(chosen, jitter, strict=True)
    ]


def _stamp(shape: str, colour: Colour, radius: int, turn: float) -> Image.Image:
    """Draw one object on a transparent square and rotate it."""
    side = 2 * radius + 8
    stamp = Image.new("RGBA", (side, side))
    _SHAPES[shape](ImageDraw.Draw(stamp), side / 2, float(radius), colour)
    return stamp.rotate(turn, Image.Resampling.BICUBIC)


def _plane(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    pen.ellipse((c - r * 0.18, c - r, c + r * 0.18, c + r), fill=colour)
    pen.polygon(
        [(c, c - r * 0.4), (c + r, c + r * 0.25), (c, c + r * 0.15), (c - r, c + r * 0.25)],
        fill=colour,
    )
    pen.polygon(
        [(c, c + r * 0.55), (c + r * 0.45, c + r * 0.95), (c - r * 0.45, c + r * 0.95)], fill=colour
    )


def _boat(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    pen.polygon(
        [
            (c, c - r),
            (c + r * 0.42, c - r * 0.3),
            (c + r * 0.42, c + r),
            (c - r * 0.42, c + r),
            (c - r * 0.42, c - r * 0.3),
        ],
        fill=colour,
    )
    pen.rectangle((c - r * 0.2, c + r * 0.1, c + r * 0.2, c + r * 0.6), fill=_darker(colour))


def _car(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    box = (c - r * 0.5, c - r * 0.9, c + r * 0.5, c + r * 0.9)
    pen.rounded_rectangle(box, radius=r * 0.25, fill=colour)
    pen.rectangle((c - r * 0.38, c - r * 0.45, c + r * 0.38, c - r * 0.1), fill=_darker(colour))


def _house(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    pen.rectangle((c - r * 0.85, c - r * 0.65, c, c + r * 0.65), fill=colour)
    pen.rectangle((c, c - r * 0.65, c + r * 0.85, c + r * 0.65), fill=_darker(colour, 0.82))


def _disc(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    pen.ellipse((c - r * 0.9, c - r * 0.9, c + r * 0.9, c + r * 0.9), fill=_darker(colour, 0.8))
    pen.ellipse((c - r * 0.75, c - r * 0.75, c + r * 0.75, c + r * 0.75), fill=colour)


def _court(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    box: Box = (c - r * 0.6, c - r, c + r * 0.6, c + r)
    pen.rectangle(box, fill=colour, outline=(245, 245, 245), width=2)
    pen.line((c - r * 0.6, c, c + r * 0.6, c), fill=(245, 245, 245), width=2)


def _tent(pen: ImageDraw.ImageDraw, c: float, r: float, colour: Colour) -> None:
    for part in range(8):
        fill = colour if part % 2 else _darker(colour, 0.85)
        pen.pieslice(
            (c - r * 0.85, c - r * 0.85, c + r * 0.85, c + r * 0.85),
            45 * part,
            45 * part + 45,
            fill=fill,
        )


def _darker(colour: Colour, by: float = 0.7) -> Colour:
    return (int(colour[0] * by), int(colour[1] * by), int(colour[2] * by))


_SHAPES = {
    "plane": _plane,
    "boat": _boat,
    "car": _car,
    "house": _house,
    "disc": _disc,
    "court": _court,
    "tent": _tent,
}
