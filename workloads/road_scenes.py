"""Seeded pictures of roads as a car's camera might see them, in whole numbers throughout, with a class per pixel."""

import numpy as np

from .draws import Draws, Integers

SIDE = 32
"""Rows and columns of the smallest picture; larger ones show the same, drawn in more pixels."""
CLASSES = ("sky", "verge", "road", "marking", "car")
COLOURS = ((150, 165, 185), (80, 115, 75), (105, 105, 110), (165, 165, 160), (110, 95, 100))
"""Red, green and blue of each class; neighbouring classes are closer than the noise."""
NOISE = 40
"""Largest change of one channel of one pixel."""
SHADE = 30
"""Largest change of a whole picture's brightness."""


def sample(count: int, *seed: int, scale: int = 1) -> tuple[Integers, Integers]:
    """Return pictures (count, side, side, 3), values 0 to 255, and the class of each pixel (count, side, side).

    The side is SIDE times the scale.
    """
    draws = Draws(*seed)
    side = SIDE * scale

    def between(low: int, high: int) -> Integers:
        return low * scale + draws.below((high - low) * scale + 1, (count, 1, 1))

    row, column = np.arange(side)[None, :, None], np.arange(side)[None, None, :]
    horizon, vanishing, near = between(8, 14), between(8, 23), between(10, 21)
    half_width, bend, dashes = between(8, 16), between(-6, 6), between(0, 7)
    depth, deepest = row - horizon, side - 1 - horizon
    # A straight line from the vanishing point to the near edge, and a parabola that bends it in between.
    centre = vanishing + ((near - vanishing) * depth + bend * depth * (deepest - depth) * 4 // deepest) // deepest
    half = half_width * depth // deepest
    aside = abs(column - centre)
    below = depth >= 0
    classes = np.where(below, 1, 0) + np.zeros((count, side, side), dtype=np.int64)
    classes[below & (aside <= half)] = 2
    marked = (aside <= half // 8) & ((row + dashes) // (3 * scale) % 2 == 0) & (half > 1)
    classes[below & marked] = 3
    foot = horizon + 4 * scale + draws.below(16 * scale, (count, 1, 1)) % (deepest - 4 * scale + 1)
    at_foot = half_width * (foot - horizon) // deepest
    middle = np.take_along_axis(centre, foot, axis=1) + (2 * draws.below(2, (count, 1, 1)) - 1) * at_foot // 2
    size = 1 + at_foot // 3
    car = (abs(column - middle) <= size) & (row <= foot) & (row > foot - 1 - size)
    classes[car & (draws.below(4, (count, 1, 1)) > 0)] = 4
    noise = draws.below(2 * NOISE + 1, (count, side, side, 3)) - NOISE
    shade = draws.below(2 * SHADE + 1, (count, 1, 1, 1)) - SHADE
    pictures = np.array(COLOURS, dtype=np.int64)[classes] + noise + shade
    return np.clip(pictures, 0, 255), classes
