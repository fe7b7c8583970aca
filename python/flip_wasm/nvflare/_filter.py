"""NVFLARE's DXOFilter over a sandboxed filter: it fails closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nvflare.apis.dxo import DXO
from nvflare.apis.dxo_filter import DXOFilter
from nvflare.apis.filter import FilterChainType, FilterContextKey
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply

import flip_wasm

from ._exchange import put_into
from ._sandbox import Sandbox, Sandboxed


@dataclass(eq=False)
class _Round:
    """One call of ``process``: what failed in it, and what the dxos were before."""

    failure: Exception | None = None
    before: list[tuple[DXO, Any, Any]] = field(default_factory=list)


class SandboxedFilter(Sandboxed, DXOFilter):  # type: ignore[misc]  # NVFLARE has no types
    """A filter whose work is done in the sandbox."""

    def __init__(
        self,
        component: str,
        *,
        supported_data_kinds: list[str] | None = None,
        data_kinds: list[str] | None = None,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        DXOFilter.__init__(self, supported_data_kinds=supported_data_kinds, data_kinds_to_filter=data_kinds)
        self._sandbox = Sandbox(self, component, sha256=sha256, limits=limits)
        self._rounds: list[_Round] = []

    def __copy__(self) -> Any:
        made = super().__copy__()
        made._rounds = []
        return made

    def filter_leaf(self, dxo: DXO, fl_ctx: FLContext) -> DXO | None:
        """The same dxo, filtered; ``None`` where the filter refused. Anything else that keeps it from its work
        is raised; the dxo is as it was then."""
        try:
            filtered = self._sandbox.call(fl_ctx, lambda instance, context: instance.filter(dxo, context))
        except flip_wasm.FilterRefused as error:
            self.refuse(error, fl_ctx)
            return None
        if self._rounds:
            self._rounds[-1].before.append((dxo, dxo.data, dxo.meta))
        return put_into(dxo, filtered.dxo)

    def refuse(self, why: flip_wasm.FlipWasmError, fl_ctx: FLContext) -> None:
        """Says why the filter does not do its work: ``process`` lets nothing out."""
        self.log_error(fl_ctx, str(why), fire_event=False)
        if self._rounds:
            self._rounds[-1].failure = why

    def process(self, shareable: Shareable, fl_ctx: FLContext) -> Shareable:
        """Filters a task's data or result. Where the filter does not do its work, nothing of it passes: the
        reply is TASK_RESULT_FILTER_ERROR with the reason in the header ``exception``."""
        # One thread at a time: what one call failed on is not another's.
        with self._sandbox.lock:
            this = _Round()
            self._rounds.append(this)
            try:
                processed = super().process(shareable, fl_ctx)
            except Exception as error:
                this.failure = error
            finally:
                self._rounds.remove(this)
            if this.failure is None:
                return processed
            if self._lets_pass(fl_ctx):
                for dxo, data, meta in this.before:
                    dxo.data, dxo.meta = data, meta
                message = f"UNFILTERED, as the site's policy has it: {this.failure}"
                self.log_error(fl_ctx, message, fire_event=False)
                return shareable
        self.log_error(fl_ctx, f"the data goes no further: {this.failure}", fire_event=False)
        if self.get_prop(FilterContextKey.CHAIN_TYPE) == FilterChainType.TASK_DATA_CHAIN:
            # NVFLARE replies for a task whose data could not be filtered.
            raise this.failure
        return make_reply(ReturnCode.TASK_RESULT_FILTER_ERROR, headers={"exception": str(this.failure)})

    def _lets_pass(self, fl_ctx: FLContext) -> bool:
        try:
            return self._sandbox.loaded(fl_ctx).on_filter_failure == "let-pass"
        except flip_wasm.FlipWasmError:
            # What cannot be loaded has no policy.
            return False
