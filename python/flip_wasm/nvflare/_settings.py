"""What FLIP's components take from their surroundings: the settings of the package ``flip`` where it is
installed, else the same environment variables."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import Any

import flip_wasm

_RENAMED = {"TRAINING_STARTED": "RUNNING"}
_TRUE = {"1", "on", "true", "t", "yes", "y"}


def local_dev() -> bool:
    """Whether this is a developer's machine: nothing is deleted, uploaded or reported."""
    return str(_setting("LOCAL_DEV", "false")).lower() in _TRUE


def images() -> Path | None:
    """The folder of the images of the site's net."""
    folder = _setting("IMAGES_DIR", "")
    return Path(str(folder), str(_setting("NET_ID", "default"))) if folder else None


def flip() -> Any:
    """The ``FLIP()`` object of the package ``flip``; ``None`` where it is not installed."""
    package = _package("flip")
    return package.FLIP() if hasattr(package, "FLIP") else None


def hub() -> flip_wasm.HttpHub | None:
    """The Central Hub; ``None`` where no address is set."""
    url = str(_setting("FLIP_API_INTERNAL_URL", ""))
    if not url:
        return None
    header = str(_setting("INTERNAL_SERVICE_KEY_HEADER", "")) or None
    return flip_wasm.HttpHub(url, key=str(_setting("INTERNAL_SERVICE_KEY", "")), key_header=header)


def object_store() -> flip_wasm.ObjectStore | None:
    """Where results are uploaded to; ``None`` where no bucket is set."""
    url = str(_setting("UPLOADED_FEDERATED_DATA_BUCKET", ""))
    return flip_wasm.ObjectStore(url) if url else None


def model_status(name: str) -> Any:
    """FLIP's status of this name: a member of its enumeration where the package is installed."""
    statuses = getattr(_package("flip.constants"), "ModelStatus", None)
    if statuses is None:
        return name
    # Newer versions of FLIP have renamed one.
    return getattr(statuses, name, None) or getattr(statuses, _RENAMED.get(name, name), name)


def _setting(name: str, default: object) -> object:
    constants = getattr(_package("flip.constants"), "FlipConstants", None)
    value = getattr(constants, name, None)
    if value is None:
        value = os.environ.get(name) or default
    return value


@functools.cache
def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
