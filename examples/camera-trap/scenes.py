"""Made-up pictures of a camera trap: a clearing by day or night, and who passes it, if anybody."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CLASSES = ("Bird", "Empty", "Fox", "Human", "Rodent")
"""As in the paper (Zhang, Krintz and Wolski 2020)."""
SHARES = {"Empty": 0.5, "Human": 0.2, "Bird": 0.14, "Rodent": 0.1, "Fox": 0.06}
"""How often each comes by; made up, as uneven as traps see it."""
WIDTH, HEIGHT = 96, 64

Pixels = NDArray[np.uint8]
Draws = np.random.Generator
Colour = tuple[int, int, int]
_FINE = 3
"""Pictures are drawn larger by this, and made smaller, so that edges are smooth."""


class _Pen:
    """Draws a body around a point, of a size, looking left or right.

    Args:
        picture: to draw on.
        middle: of the body, in fractions of the picture.
        size: half the body's length, in fractions of the picture's width.
        left: whether it looks left.
        colour: of its fur, feathers or clothes.
    """

    def __init__(
        self,
        picture: Image.Image,
        middle: tuple[float, float],
        size: float,
        left: bool,
        colour: Colour,
    ) -> None:
        self._draw = ImageDraw.Draw(picture)
        self._x, self._y = middle[0] * picture.width, middle[1] * picture.height
        self._unit = size * picture.width
        self._side = -1.0 if left else 1.0
        self.colour = colour

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self._x + self._side * x * self._unit, self._y + y * self._unit

    def oval(self, x: float, y: float, across: float, down: float, dark: float = 1.0) -> None:
        """An ellipse around a point; lengths are in halves of the body."""
        (a, b), (c, d) = self._at(x - across, y - down), self._at(x + across, y + down)
        self._draw.ellipse((min(a, c), min(b, d), max(a, c), max(b, d)), fill=self._shade(dark))

    def shape(self, *corners: tuple[float, float], dark: float = 1.0) -> None:
        """A polygon."""
        self._draw.polygon([self._at(*corner) for corner in corners], fill=self._shade(dark))

    def line(self, *points: tuple[float, float], thick: float = 0.08, dark: float = 1.0) -> None:
        """A line along points."""
        width = max(1, round(thick * self._unit))
        self._draw.line([self._at(*point) for point in points], self._shade(dark), width)

    def _shade(self, dark: float) -> Colour:
        red, green, blue = (min(255, int(part * dark)) for part in self.colour)
        return red, green, blue


def scene(kind: str, source: Draws) -> Pixels:
    """A picture (HEIGHT, WIDTH, 3) of one of CLASSES."""
    night = bool(source.random() < 0.45)
    picture = Image.fromarray(_ground(source, night)).resize(
        (WIDTH * _FINE, HEIGHT * _FINE), Image.Resampling.BILINEAR
    )
    _grass(picture, source, int(source.integers(4, 14)))
    if kind != "Empty":
        size = _SIZES[kind] * float(source.uniform(0.75, 1.35))
        middle = (float(source.uniform(0.22, 0.78)), float(source.uniform(0.45, 0.72)))
        fur = _COLOURS[kind][int(source.integers(len(_COLOURS[kind])))]
        shade = source.uniform(0.8, 1.2, 3) * (1.6 if night else 1.0)
        red, green, blue = (
            int(np.clip(part * by, 0, 255)) for part, by in zip(fur, shade, strict=True)
        )
        pen = _Pen(picture, middle, size, bool(source.random() < 0.5), (red, green, blue))
        _BODIES[kind](pen, float(source.uniform(-1.0, 1.0)))
    _grass(picture, source, int(source.integers(0, 5)))
    small = picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return _seen(np.asarray(small, dtype=np.float64), source, night)


def batch(count: int, seed: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures (count, HEIGHT, WIDTH, 3) and their classes, uneven by SHARES; each class comes."""
    source = np.random.default_rng(seed)
    names = [*CLASSES, *source.choice(list(SHARES), max(count, 5) - 5, p=list(SHARES.values()))]
    chosen = [str(name) for name in source.permutation(names)[:count]]
    return np.stack([scene(name, source) for name in chosen]), chosen


def _ground(source: Draws, night: bool) -> Pixels:
    """Sky, hills and a clearing in small, without details."""
    rows = np.linspace(0.0, 1.0, HEIGHT)[:, None]
    columns = np.linspace(0.0, 1.0, WIDTH)[None, :]
    tilt = source.uniform(-0.12, 0.12) * columns
    hills = 0.04 * np.sin(columns * source.uniform(3.0, 9.0) + source.uniform(0.0, 6.0))
    far = rows < source.uniform(0.22, 0.42) + tilt + hills
    sky = np.array([175, 195, 210]) if not night else np.array([90, 90, 90])
    soil = np.array([105, 112, 70]) if source.random() < 0.5 else np.array([140, 120, 88])
    ground = np.where(far[..., None], sky, soil * (0.75 + 0.4 * rows[..., None]))
    patches = Image.fromarray(source.integers(0, 255, (8, 12), dtype=np.uint8)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    return np.clip(ground * (0.75 + 0.5 * np.asarray(patches)[..., None] / 255), 0, 255).astype(
        np.uint8
    )


def _grass(picture: Image.Image, source: Draws, count: int) -> None:
    """Stalks and stones, behind a body or before it: an empty clearing is not empty."""
    draw = ImageDraw.Draw(picture)
    for _ in range(count):
        x, y = source.uniform(0, picture.width), source.uniform(0.45, 1.0) * picture.height
        green = int(source.uniform(50, 130))
        colour = (int(green * source.uniform(0.6, 1.1)), green, int(green * 0.5))
        if source.random() < 0.25:
            half = source.uniform(2, 9)
            draw.ellipse((x - half, y - half * 0.6, x + half, y + half * 0.6), fill=colour)
        else:
            top = (x + source.uniform(-15, 15), y - source.uniform(10, 55))
            draw.line([(x, y), top], colour, int(source.integers(1, 4)))


def _seen(pixels: NDArray[np.float64], source: Draws, night: bool) -> Pixels:
    """What the camera makes of it: infrared by night, more or less light, noise."""
    if night:
        grey = pixels @ np.array([0.5, 0.3, 0.2])
        rows = np.linspace(-1.0, 1.0, HEIGHT)[:, None]
        columns = np.linspace(-1.0, 1.0, WIDTH)[None, :]
        lamp = np.exp(-0.6 * (rows**2 + columns**2))
        pixels = (grey * lamp)[..., None] * np.ones(3)
    pixels = pixels * source.uniform(0.7, 1.25) + source.normal(0.0, 7.0 if night else 5.0)
    noise = source.normal(0.0, 7.0 if night else 5.0, pixels.shape[:2])[..., None]
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _bird(pen: _Pen, pose: float) -> None:
    pen.line((-0.1, 0.4), (-0.1, 0.95), thick=0.1, dark=0.6)
    pen.line((0.2, 0.4), (0.2, 0.95), thick=0.1, dark=0.6)
    pen.oval(0.0, 0.0, 0.75, 0.45)
    pen.shape((-0.5, -0.1), (-1.5, 0.25 - 0.2 * pose), (-0.55, 0.3), dark=0.75)
    pen.shape((-0.4, -0.1), (0.2, -0.15), (-0.5, -0.9 - 0.5 * pose), dark=0.65)
    pen.oval(0.75, -0.5, 0.32, 0.3, dark=1.1)
    pen.shape((1.0, -0.6), (1.45, -0.45), (1.0, -0.35), dark=0.5)


def _fox(pen: _Pen, pose: float) -> None:
    for x in (-0.6, -0.35, 0.35, 0.6):
        pen.line((x, 0.1), (x + 0.12 * pose, 0.72), thick=0.12, dark=0.6)
    pen.oval(0.0, 0.0, 0.85, 0.3)
    pen.shape((-0.7, -0.1), (-1.6, 0.05 + 0.3 * pose), (-1.75, 0.3), (-0.75, 0.15), dark=0.9)
    pen.oval(-1.65, 0.17 + 0.15 * pose, 0.2, 0.15, dark=1.9)
    pen.shape((0.6, -0.4), (0.7, 0.1), (1.4, -0.1), (1.0, -0.45))
    pen.shape((0.65, -0.35), (0.7, -0.75), (0.85, -0.4), dark=0.7)
    pen.shape((0.85, -0.4), (0.95, -0.75), (1.05, -0.4), dark=0.7)


def _human(pen: _Pen, pose: float) -> None:
    pen.line((0.0, 0.3), (0.35 + 0.2 * pose, 1.5), thick=0.3, dark=0.6)
    pen.line((0.0, 0.3), (-0.35, 1.5), thick=0.3, dark=0.55)
    pen.shape((-0.4, -0.9), (0.4, -0.9), (0.32, 0.45), (-0.32, 0.45))
    pen.line((-0.35, -0.8), (-0.6 - 0.2 * pose, 0.25), thick=0.2, dark=0.85)
    pen.line((0.35, -0.8), (0.65, 0.2 - 0.4 * pose), thick=0.2, dark=0.85)
    pen.oval(0.0, -1.25, 0.26, 0.32, dark=1.5)


def _rodent(pen: _Pen, pose: float) -> None:
    pen.line((-0.8, 0.2), (-1.5, 0.05), (-2.3, 0.3 * pose), thick=0.14, dark=1.2)
    pen.oval(0.0, 0.0, 0.95, 0.55)
    pen.oval(0.85, 0.05, 0.45, 0.36)
    pen.oval(0.6, -0.45, 0.24, 0.26, dark=1.35)
    pen.oval(0.95, -0.35, 0.2, 0.22, dark=1.35)
    pen.line((-0.5, 0.45), (-0.5, 0.75), thick=0.16, dark=0.7)
    pen.line((0.45, 0.45), (0.45, 0.75), thick=0.16, dark=0.7)


_BODIES: dict[str, Callable[[_Pen, float], None]] = {
    "Bird": _bird,
    "Fox": _fox,
    "Human": _human,
    "Rodent": _rodent,
}
_SIZES = {"Bird": 0.075, "Fox": 0.13, "Human": 0.14, "Rodent": 0.065}
_COLOURS: dict[str, list[Colour]] = {
    "Bird": [(70, 70, 85), (150, 140, 130), (60, 90, 140)],
    "Fox": [(185, 100, 45), (160, 85, 50)],
    "Human": [(150, 50, 50), (60, 80, 130), (70, 100, 60), (60, 60, 65)],
    "Rodent": [(120, 95, 75), (95, 85, 80)],
}


def read(file: Path) -> Pixels:
    """A picture of any size as (HEIGHT, WIDTH, 3)."""
    with Image.open(file) as picture:
        small = picture.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        return np.asarray(small, dtype=np.uint8)


def channels_first(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(rows, 3, HEIGHT, WIDTH) from 0 to 1, as networks take them."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def write(folder: Path, count: int, seed: int) -> None:
    """Pictures as files, named like those of a camera, with what they show behind it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (image, name) in enumerate(zip(*batch(count, seed), strict=True)):
        Image.fromarray(image).save(folder / f"IMG_{number:04}-{name}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 7)
