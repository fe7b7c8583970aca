"""``flip.nvflare.components`` as another name of ``flip_wasm.nvflare.components``."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from . import components

_TARGET = "flip.nvflare.components"

_MODULES = {
    "cleanup": ["CleanupImages"],
    "custom_percentile_privacy": ["PercentilePrivacy"],
    "evaluation_json_generator": ["EvaluationJsonGenerator"],
    "flip_client_event_handler": ["ClientEventHandler"],
    "flip_server_event_handler": ["ServerEventHandler"],
    "persist_and_cleanup": ["PersistToS3AndCleanup"],
    "pt_model_locator": ["PTModelLocator", "InitialPTModelLocator", "EvaluationPTModelLocator"],
    "stage_percentile_privacy": ["StagePercentilePrivacy"],
    "validation_json_generator": ["ValidationJsonGenerator"],
}
"""The modules that the package has them in, which configurations name as well."""


def install() -> None:
    """Puts the eleven in the place of the package's own, or where it is not installed, in a package of that
    name. What else the package has stays."""
    package = _module(_TARGET)
    for name in components.__all__:
        setattr(package, name, getattr(components, name))
    for module_name, names in _MODULES.items():
        module = _module(f"{_TARGET}.{module_name}")
        for name in names:
            setattr(module, name, getattr(components, name))


def _module(name: str) -> ModuleType:
    """The module of this name: the real one, else a new one in ``sys.modules``."""
    if name in sys.modules:
        return sys.modules[name]
    parent_name, _, own_name = name.rpartition(".")
    parent = _module(parent_name) if parent_name else None
    try:
        module = importlib.import_module(name)
    except ImportError:
        module = ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
    if parent is not None:
        setattr(parent, own_name, module)
    return module
