"""The runtime, its components and their instances."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from .exchange import DXO, Filtered, Shareable

__version__: Final[str]
__all__ = [
    "AuditFailed",
    "AuditTrail",
    "Component",
    "ComponentBusy",
    "ComponentFailed",
    "ComponentTrapped",
    "FileFailed",
    "FilterRefused",
    "FlipWasmError",
    "HttpHub",
    "Instance",
    "InstancePoisoned",
    "InvalidArgs",
    "InvalidComponent",
    "InvalidConfig",
    "InvalidData",
    "InvalidFile",
    "InvalidPolicy",
    "LimitExceeded",
    "MissingRole",
    "NoPlaceLeft",
    "NotPermitted",
    "ObjectStore",
    "RunAborted",
    "Runtime",
    "ServiceFailed",
    "SetupFailed",
    "UnknownComponent",
    "WrongDigest",
    "__version__",
    "builtins",
    "compile_worker",
    "report_page",
]

def builtins() -> list[tuple[str, str, str]]: ...
def compile_worker(args: Sequence[str]) -> int: ...
def report_page(path: str | os.PathLike[str]) -> str: ...

class FlipWasmError(Exception):
    """What went wrong; ``code`` says what kind it is."""

    code: str
    component: str | None
    limit: str | None

class AuditFailed(FlipWasmError):
    """The audit trail cannot be written: nothing may happen any more."""

class ComponentBusy(FlipWasmError):
    """The component is in a call already; it cannot be re-entered."""

class ComponentFailed(FlipWasmError):
    """The component answered with an error."""

class ComponentTrapped(FlipWasmError):
    """The component trapped: a bug in it, or an attack."""

class FileFailed(FlipWasmError):
    """A file could not be read or written."""

class FilterRefused(FlipWasmError):
    """The filter refused to let the data out."""

class InstancePoisoned(FlipWasmError):
    """The instance failed in an earlier call; make a new one."""

class InvalidArgs(FlipWasmError):
    """The component does not accept its args."""

class InvalidComponent(FlipWasmError):
    """The bytes are no component that this runtime can run."""

class InvalidConfig(FlipWasmError):
    """A job's configuration cannot be used."""

class InvalidData(FlipWasmError):
    """The data cannot be used."""

class InvalidFile(FlipWasmError):
    """A file is not what it should be."""

class InvalidPolicy(FlipWasmError):
    """A policy cannot be used."""

class LimitExceeded(FlipWasmError):
    """The component reached one of its limits; `limit` names it."""

class MissingRole(FlipWasmError):
    """The component lacks the role that the call needs."""

class NoPlaceLeft(FlipWasmError):
    """The runtime has no place left for another instance of the component."""

class NotPermitted(FlipWasmError):
    """The operator has not granted it; the text has the policy's line that would."""

class RunAborted(FlipWasmError):
    """The run was aborted."""

class ServiceFailed(FlipWasmError):
    """A service behind a host interface cannot be set up, or failed."""

class SetupFailed(FlipWasmError):
    """The sandbox cannot be set up on this machine."""

class UnknownComponent(FlipWasmError):
    """No built-in component has this name."""

class WrongDigest(FlipWasmError):
    """The component's file is not the one that was asked for."""

@final
class Runtime:
    def __new__(
        cls,
        *,
        limits: Mapping[str, Any] | str | None = None,
        policy: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | bool | None = None,
    ) -> Runtime: ...
    @property
    def limits(self) -> dict[str, Any]: ...
    def load(
        self, component: str | os.PathLike[str], *, id: str | None = None, sha256: str | None = None
    ) -> Component: ...

@final
class Component:
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def roles(self) -> list[str]: ...
    @property
    def on_filter_failure(self) -> str: ...
    def inspect(self) -> dict[str, Any]: ...
    def instantiate(
        self,
        args: Mapping[str, Any] | str | None = None,
        *,
        host: Any = None,
        limits: Mapping[str, Any] | str | None = None,
        name: str | None = None,
        audit: AuditTrail | None = None,
        place: str | None = None,
    ) -> Instance: ...
    def warm(self, instances: int, args: Mapping[str, Any] | str | None = None) -> None: ...

@final
class AuditTrail:
    def __new__(cls, path: str | os.PathLike[str], *, job_id: str | None = None) -> AuditTrail: ...
    def finish(self) -> str: ...
    def __enter__(self) -> AuditTrail: ...
    def __exit__(self, *_error: object) -> None: ...

@final
class Instance:
    @property
    def name(self) -> str: ...
    @property
    def limits(self) -> dict[str, Any]: ...
    @property
    def usage(self) -> dict[str, Any]: ...
    @property
    def data_kinds(self) -> list[str]: ...
    @property
    def interests(self) -> list[str] | None: ...
    def is_interested(self, event_type: str) -> bool: ...
    def filter(self, dxo: Any, context: Any = None) -> Filtered: ...
    def execute(self, task: str, data: Any = None, context: Any = None) -> Shareable: ...
    def handle_event(self, event_type: str, context: Any = None) -> None: ...
    def handle_evaluation_event(self, event_type: str, context: Any = None) -> None: ...
    def all_tasks_failed(self) -> bool: ...
    def persist(self, context: Any = None) -> None: ...
    def upload_results(self, context: Any = None) -> None: ...
    def clean_up(self, context: Any = None) -> None: ...
    def state(self) -> dict[str, Any] | None: ...
    def set_state(self, state: Mapping[str, Any]) -> None: ...
    def model_names(self, context: Any = None) -> list[str]: ...
    def locate_model(self, name: str | None = None, context: Any = None) -> DXO | None: ...

@final
class HttpHub:
    def __new__(cls, url: str, *, key: str = ..., key_header: str | None = None) -> HttpHub: ...

@final
class ObjectStore:
    def __new__(cls, url: str, *, options: Mapping[str, str] | None = None) -> ObjectStore: ...
