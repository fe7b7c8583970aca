"""What the filter does, without a host: `python3 -m unittest` tests it."""

from array import array

from arguments import Invalid, parse

# Elements of a tensor that are looked at together: 256 KiB.
WINDOW = 64 * 1024
# The size of a float32 in bytes.
ELEMENT = 4


def limit(args: str) -> float:
    """The arg `limit`."""
    limit = parse(args, {"limit"}).get("limit")
    # To Python, True is a number.
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        raise Invalid("args: limit: a number greater than 0 is needed")
    return float(limit)


def clip(window: bytes, limit: float) -> tuple[bytes, int]:
    """The float32 values of a window, clipped to [-limit, limit]; and how many were beyond."""
    values = array("f", window)
    clipped = 0
    for at, value in enumerate(values):
        # False for NaN, which thus stays.
        if value > limit or value < -limit:
            values[at] = limit if value > 0 else -limit
            clipped += 1
    return values.tobytes(), clipped
