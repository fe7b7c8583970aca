"""Truncation at a percentile, bit for bit as NumPy's, with nothing but Python's own numbers.

Every operation is done in float64 and rounded to the type that NumPy would do it in. For +, -, * and / of
float16 and float32 that is the same as to round once.
"""

import math
import struct

# How an element is read; the type in which it is computed and returned, which is its own for floats.
DTYPES = {
    "BOOL": ("?", "d"),
    "INT8": ("b", "d"),
    "UINT8": ("B", "d"),
    "INT16": ("h", "d"),
    "UINT16": ("H", "d"),
    "INT32": ("i", "d"),
    "UINT32": ("I", "d"),
    "INT64": ("q", "d"),
    "UINT64": ("Q", "d"),
    "FLOAT16": ("e", "e"),
    "FLOAT32": ("f", "f"),
    "FLOAT64": ("d", "d"),
}
WIDTHS = "efd"


def read(data: bytes, code: str) -> list[float]:
    """Elements, as float64."""
    return [float(value) for value in struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)]


def round_to(code: str, number: float) -> float:
    """The nearest number of a type, ties to even."""
    try:
        return struct.unpack("<" + code, struct.pack("<" + code, number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)


def refusal(percentile: float, gamma: float, steps: float) -> str | None:
    """Why these settings make no sense, if they do not."""
    if not gamma > 0:
        return f"gamma is {gamma}, but must be positive"
    if not 0 <= percentile <= 100:
        return f"percentile is {percentile}, but must be from 0 to 100"
    if not 0 < steps < math.inf:
        return f"steps is {steps}, but must be positive and finite"
    return None


def divided(values: list[float], code: str, steps: float) -> list[float]:
    """Elements per step."""
    steps = round_to(code, steps)
    return [round_to(code, divide(value, steps)) for value in values]


def divide(a: float, b: float) -> float:
    """As IEEE 754 has it: steps can round to 0 in float16."""
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)
    return a / b


def cutoff(magnitudes: list[float], code: str, percentile: float) -> float:
    """numpy.percentile with linear interpolation, in the type `code`."""
    if any(math.isnan(magnitude) for magnitude in magnitudes):
        return math.nan
    magnitudes = sorted(magnitudes)
    last = len(magnitudes) - 1
    at = last * (percentile / 100)
    if at >= last:
        below = above = magnitudes[last]
        fraction = at + 1
    else:
        below, above = magnitudes[math.floor(at)], magnitudes[math.floor(at) + 1]
        fraction = at - math.floor(at)
    difference = round_to(code, above - below)
    if fraction >= 0.5:
        return round_to(code, above - round_to(code, difference * round_to(code, 1 - fraction)))
    return round_to(code, below + round_to(code, difference * round_to(code, fraction)))


def truncated(quotient: float, cutoff: float, gamma: float) -> float:
    """An element per step, zeroed or clipped. Every comparison is false for NaN, which thus passes."""
    if -cutoff < quotient < cutoff:
        return 0.0
    if quotient < -gamma:
        return -gamma
    return gamma if gamma < quotient else quotient
