"""What serves a component where its host object says nothing."""

from __future__ import annotations

import logging


def log(component: str, level: int, message: str) -> None:
    """A component's line in Python's log."""
    logging.getLogger("flip_wasm").log(level, "%s: %s", component, message)
