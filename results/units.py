"""Units: the one place where seconds, bytes, rates and shares become text for people."""

import math
import re
from collections.abc import Callable

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DIGITS = 3
"""Significant digits of what is shown; the exports keep all of them."""

MILLI, KILO, MEGA, GIGA, TERA = 1e-3, 1e3, 1e6, 1e9, 1e12
MINUTE, HOUR = 60, 3600

WIDEST = 1000

DASH = "\N{EN DASH}"


def number(value: float, digits: int = DIGITS) -> str:
    """Return a number with so many significant digits, without an exponent: 0.0123, 1.23, 123, 1,230."""
    if value == 0:
        return "0"
    value = rounded(value, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def rounded(value: float, digits: int = DIGITS) -> float:
    """Return a value rounded to significant digits."""
    return float(f"{value:.{digits - 1}e}")


def seconds(value: float) -> str:
    """Return a duration: 12.3 µs, 4.56 ms, 7.89 s, 1 min 05 s, 2 h 03 min."""
    near = rounded(value)
    if near < 0:
        return f"-{seconds(-value)}"
    if near == 0:
        return "0 s"
    if near < MILLI:
        return f"{number(value * MEGA)} µs"
    if near < 1:
        return f"{number(value * KILO)} ms"
    if near < MINUTE:
        return f"{number(value)} s"
    whole = round(value)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    whole = round(value / MINUTE)
    return f"{whole // MINUTE} h {whole % MINUTE:02d} min"


def size(value: float) -> str:
    """Return an amount of memory in decimal units: 640 kB, 412 MB, 8.05 GB."""
    near = abs(rounded(value))
    if near >= GIGA:
        return f"{number(value / GIGA)} GB"
    return f"{number(value / MEGA)} MB" if near >= MEGA else f"{number(value / KILO)} kB"


def rate(value: float) -> str:
    """Return a count per second without its unit: 0.123, 950, 41.2k, 1.20M, 3.45G."""
    near = abs(rounded(value))
    for unit, letter in ((TERA, "T"), (GIGA, "G"), (MEGA, "M")):
        if near >= unit:
            return f"{number(value / unit)}{letter}"
    return f"{number(value / KILO)}k" if near >= KILO else number(value)


def ratio(value: float) -> str:
    """Return a ratio: 0.424x."""
    return f"{number(value)}x"


def percent(share: float) -> str:
    """Return a share as percent, with one decimal below ten: 0.8 %, 4.1 %, 12 %."""
    value = f"{100 * abs(share):.1f}"
    sign = "-" if share < 0 and float(value) > 0 else ""
    return f"{sign}{value} %" if len(value) <= len("9.9") else f"{100 * share:,.0f} %"


def interval(low: float | None, high: float | None, text: Callable[[float], str] = number) -> str:
    """Return the bounds of an estimate, joined by a dash; "" where there are none.

    Bounds of positive figures that are WIDEST times apart are not worth their digits.
    """
    if low is None or high is None:
        return ""
    return "too wide" if low > 0 and high > WIDEST * low else f"{text(low)}{DASH}{text(high)}"


def with_spread(mean: float, sd: float | None) -> tuple[str, str]:
    """Return a mean and its spread, both to the digits of the mean: ("0.972", "± 0.004").

    A spread too small for these digits is "± <0.001", and one that is not known "".
    """
    text = number(mean)
    decimals = len(text.partition(".")[2])
    smallest = 10.0**-decimals
    if sd is None:
        return text, ""
    return text, f"± <{smallest:.{decimals}f}" if 0 < sd < smallest / 2 else f"± {sd:,.{decimals}f}"


def missing(reason: str | None = None) -> str:
    """Return what stands in place of a figure that could not be had."""
    return f"n/a ({reason})" if reason else "n/a"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return a count with its noun: 1 trial, 3 trials."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def without_colour(text: str) -> str:
    """Return a text without terminal colours; Keras colours its messages, also in files."""
    return COLOUR.sub("", text)
