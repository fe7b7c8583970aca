"""A component's memory as attributes of the Python object that stands for it, honoured both ways."""

from __future__ import annotations

from typing import Any

import flip_wasm

from . import _settings


def push(instance: flip_wasm.Instance, owner: Any, names: tuple[str, ...]) -> None:
    """Lets the component remember what the attributes say."""
    if names:
        instance.set_state({name: getattr(owner, name) for name in names})


def pull(instance: flip_wasm.Instance, owner: Any, names: tuple[str, ...]) -> None:
    """Sets the attributes to what the component remembers. Dicts and lists stay the objects that they are."""
    if not names:
        return
    state = instance.state() or {}
    for name in names:
        value, now = state.get(name), getattr(owner, name)
        if isinstance(now, dict) and isinstance(value, dict):
            now.clear()
            now.update(value)
        elif isinstance(now, list) and isinstance(value, list):
            now[:] = value
        elif name == "final_status" and value is not None:
            setattr(owner, name, _settings.model_status(value))
        else:
            setattr(owner, name, value)
