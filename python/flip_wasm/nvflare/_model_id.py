"""The id of a job's model at the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import flip_wasm

from ._sandbox import Sandbox
from ._site import custom_folder, job_meta


def reject_unless_uuid(model_id: str, sandbox: Sandbox) -> None:
    """ValueError for an id that is set and no UUID. The component says so itself, and tells the hub."""
    if not model_id or _is_uuid(model_id):
        return
    try:
        sandbox.instance(None)
    except flip_wasm.InvalidArgs as error:
        raise ValueError(str(error)) from error


def model_id_of(fl_ctx: Any) -> str:
    """The id that the job itself names: FLIP_MODEL_ID in the app's ``custom/config.json``, else ``model_id``
    among the custom properties of ``meta.json``. Empty where there is none."""
    folder, meta = custom_folder(fl_ctx), job_meta(fl_ctx)
    config = _read(folder / "config.json") if folder else {}
    properties = _read(meta).get("custom_props") if meta else None
    candidates = [config.get("FLIP_MODEL_ID"), properties.get("model_id") if isinstance(properties, dict) else None]
    return next((str(candidate) for candidate in candidates if _is_uuid(candidate)), "")


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
