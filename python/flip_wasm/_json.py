"""Plain values as JSON texts, as Python's json module has them, NumPy's scalars and arrays included."""

from __future__ import annotations

import json
from typing import Any

loads = json.loads


def dumps(value: Any) -> str:
    """The value as JSON; TypeError where it has no such form."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays, torch's tensors and the like say themselves what they are in plain Python."""
    to_list = getattr(value, "tolist", None)
    if to_list is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return to_list()
