"""NVFLARE's DXOFilter over a sandboxed filter: it fails closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nvflare.apis.dxo import DXO
from nvflare.apis.dxo_filter import DXOFilter
from nvflare.apis.filter import FilterChainType, FilterContextKey
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply

import flip_wasm

from ._exchange import put_into
from ._sandbox import Sandbox


class SandboxedFilter(DXOFilter):  # type: ignore[misc]  # NVFLARE has no types
    """A filter whose work is done in the sandbox."""

    def __init__(
        self,
        component: str,
        args: Callable[[], Mapping[str, Any]],
        *,
        supported_data_kinds: list[str] | None = None,
        data_kinds: list[str] | None = None,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(supported_data_kinds=supported_data_kinds, data_kinds_to_filter=data_kinds)
        self._sandbox = Sandbox(self, component, args, sha256=sha256, limits=limits)
        self._failure: Exception | None = None
        self._before: list[tuple[DXO, Any, Any]] = []

    def filter_leaf(self, dxo: DXO, fl_ctx: FLContext) -> DXO | None:
        """The same dxo, filtered; ``None`` where the filter refused. Anything else that keeps it from its work
        is raised; the dxo is as it was then."""
        try:
            filtered = self._sandbox.call(fl_ctx, lambda instance, context: instance.filter(dxo, context))
        except flip_wasm.FilterRefused as error:
            self.log_error(fl_ctx, str(error), fire_event=False)
            self._failure = error
            return None
        self._before.append((dxo, dxo.data, dxo.meta))
        return put_into(dxo, filtered.dxo)

    def _lets_pass(self, fl_ctx: FLContext) -> bool:
        try:
            return self._sandbox.loaded(fl_ctx).on_filter_failure == "let-pass"
        except flip_wasm.FlipWasmError:
            # What cannot be loaded has no policy.
            return False

    def process(self, shareable: Shareable, fl_ctx: FLContext) -> Shareable:
        """Filters a task's data or result. Where the filter does not do its work, nothing of it passes: the
        reply is TASK_RESULT_FILTER_ERROR with the reason in the header ``exception``."""
        # One at a time: what one call failed on is not to be forgotten by the next.
        with self._sandbox.lock:
            self._failure, self._before = None, []
            try:
                processed = super().process(shareable, fl_ctx)
            except Exception as error:
                self._failure = error
            failure, before = self._failure, self._before
            self._failure, self._before = None, []
            if failure is None:
                return processed
            if self._lets_pass(fl_ctx):
                for dxo, data, meta in before:
                    dxo.data, dxo.meta = data, meta
                message = f"UNFILTERED, as the site's policy has it: {failure}"
                self.log_error(fl_ctx, message, fire_event=False)
                return shareable
        self.log_error(fl_ctx, f"the data does not leave: {failure}", fire_event=False)
        if self.get_prop(FilterContextKey.CHAIN_TYPE) == FilterChainType.TASK_DATA_CHAIN:
            # NVFLARE replies for a task whose data could not be filtered.
            raise failure
        return make_reply(ReturnCode.TASK_RESULT_FILTER_ERROR, headers={"exception": str(failure)})
