"""What the locator does, without a host: `python3 -m unittest` tests it."""

# The one model, and what its tensor is called.
MODEL, TENSOR = "best", "weights"
# Its file: float32 values, little-endian, and nothing else.
FILE = "best.f32"


def values(size: int) -> int | None:
    """The number of values in a file of this size; none where it is no whole number."""
    return None if size % 4 else size // 4
