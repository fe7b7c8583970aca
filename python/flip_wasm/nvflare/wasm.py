"""Anyone's component in an NVFLARE job.

The site's policy decides what it may do. What a job asks for can be tighter than that, never wider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nvflare.apis.dxo import DXO
from nvflare.apis.executor import Executor
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal

from ._exchange import reply_of, shareable_of
from ._filter import SandboxedFilter
from ._locator import SandboxedLocator
from ._sandbox import Sandbox, Sandboxed


class _Configured(Sandboxed):
    """A component by its file, with what a job asks for it."""

    def __init__(
        self,
        component: str,
        args: Mapping[str, Any] | None = None,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        """``component``: its file, relative to the app's ``custom`` folder, or a built-in's name. ``args``: its
        args. ``sha256``: the digest that the file must have. ``limits``: tighter ones than the site's."""
        super().__init__()
        self._configure(component, args, sha256, limits)
        self._sandbox = Sandbox(self, component, sha256=sha256, limits=limits)

    def _configure(
        self,
        component: str,
        args: Mapping[str, Any] | None,
        sha256: str | None,
        limits: Mapping[str, Any] | None,
    ) -> None:
        self.component = component
        # NVFLARE exports what is in `_args` as `args`, and what is in `args` not at all. `config_type` tells it
        # that a dictionary is one, and no component to be made.
        self._args = {name: value for name, value in (args or {}).items() if name != "config_type"}
        self.sha256 = sha256
        self.limits = limits

    @property
    def args(self) -> Mapping[str, Any]:
        """The component's args; the next call goes by them."""
        return self._args

    @args.setter
    def args(self, args: Mapping[str, Any]) -> None:
        self._args = dict(args)

    def component_args(self) -> Mapping[str, Any]:
        """The component's args as they are now."""
        return self._args


class WasmFilter(_Configured, SandboxedFilter):
    """A component of the role ``dxo-filter`` as NVFLARE's DXOFilter. It fails closed."""

    def __init__(
        self,
        component: str,
        args: Mapping[str, Any] | None = None,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
        data_kinds: list[str] | None = None,
    ) -> None:
        """``data_kinds``: the kinds to show it; by default those that it asks for."""
        self._configure(component, args, sha256, limits)
        SandboxedFilter.__init__(self, component, data_kinds=data_kinds, sha256=sha256, limits=limits)

    def process_dxo(self, dxo: DXO, shareable: Shareable, fl_ctx: FLContext) -> DXO | None:
        """The same dxo, filtered; ``None`` where the filter did not ask for its kind, or refused."""
        kinds = self._sandbox.call(fl_ctx, lambda instance, context: instance.data_kinds)
        return self.filter_leaf(dxo, fl_ctx) if not kinds or dxo.data_kind in kinds else None


class WasmExecutor(_Configured, Executor):  # type: ignore[misc]  # NVFLARE has no types
    """A component of the role ``executor``."""

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        """Carries out one task."""
        data = shareable_of(shareable)
        reply = self._sandbox.call(
            fl_ctx, lambda instance, context: instance.execute(task_name, data, context), abort_signal
        )
        return reply_of(reply)


class WasmEventHandler(_Configured, FLComponent):  # type: ignore[misc]  # NVFLARE has no types
    """A component of the role ``event-handler``."""

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles one event."""
        self._sandbox.handle_event(event_type, fl_ctx)


class WasmModelLocator(_Configured, SandboxedLocator):
    """A component of the role ``model-locator``."""
