"""FLIP's components, and anyone's, in a WebAssembly sandbox.

>>> import numpy, flip_wasm
>>> runtime = flip_wasm.Runtime()
>>> filter = runtime.load("percentile-privacy").instantiate({"percentile": 50, "gamma": 0.25})
>>> update = {"layer.weight": numpy.array([0.01, -0.1, 0.2, -4.0], "float32")}
>>> filter.filter(flip_wasm.DXO("WEIGHT_DIFF", update)).dxo.data["layer.weight"]
array([ 0.  ,  0.  ,  0.2 , -0.25], dtype=float32)
"""

from __future__ import annotations

from typing import NamedTuple

from . import _flip_wasm, _json
from ._flip_wasm import (
    AuditFailed,
    AuditTrail,
    Component,
    ComponentBusy,
    ComponentFailed,
    ComponentTrapped,
    FileFailed,
    FilterRefused,
    FlipWasmError,
    HttpHub,
    Instance,
    InstancePoisoned,
    InvalidArgs,
    InvalidComponent,
    InvalidConfig,
    InvalidData,
    InvalidFile,
    InvalidPolicy,
    LimitExceeded,
    MissingRole,
    NoPlaceLeft,
    NotPermitted,
    ObjectStore,
    RunAborted,
    Runtime,
    ServiceFailed,
    SetupFailed,
    UnknownComponent,
    WrongDigest,
    __version__,
    report_page,
)
from .exchange import DXO, Context, Filtered, Host, Leaf, Shareable


class Builtin(NamedTuple):
    """A component that the runtime carries."""

    name: str
    class_name: str
    summary: str


def builtins() -> list[Builtin]:
    """The built-in components."""
    return [Builtin(*builtin) for builtin in _flip_wasm.builtins()]


def install() -> None:
    """Lets ``flip.nvflare.components`` be ``flip_wasm.nvflare.components``: jobs whose configuration must not
    change get the sandboxed components under the names that they know."""
    from .nvflare._install import install as install_components

    install_components()


__all__ = [
    "AuditFailed",
    "AuditTrail",
    "Builtin",
    "Component",
    "ComponentBusy",
    "ComponentFailed",
    "ComponentTrapped",
    "Context",
    "DXO",
    "FileFailed",
    "FilterRefused",
    "Filtered",
    "FlipWasmError",
    "Host",
    "HttpHub",
    "Instance",
    "InstancePoisoned",
    "InvalidArgs",
    "InvalidComponent",
    "InvalidConfig",
    "InvalidData",
    "InvalidFile",
    "InvalidPolicy",
    "Leaf",
    "LimitExceeded",
    "MissingRole",
    "NoPlaceLeft",
    "NotPermitted",
    "ObjectStore",
    "RunAborted",
    "Runtime",
    "ServiceFailed",
    "SetupFailed",
    "Shareable",
    "UnknownComponent",
    "WrongDigest",
    "__version__",
    "builtins",
    "install",
    "report_page",
]
