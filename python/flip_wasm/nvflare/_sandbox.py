"""A sandboxed component behind one of NVFLARE's."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext

import flip_wasm

from . import _state, _services, _site
from ._exchange import FlareContext, context_of
from ._turn import Turn

T = TypeVar("T")

_MAX_WAITING = 10_000
"""Events that wait for a component that is on the call stack."""


class Sandbox:
    """Makes the instance when it is first needed, and anew where its args have changed or it has failed."""

    def __init__(
        self,
        owner: FLComponent,
        component: str,
        args: Callable[[], Mapping[str, Any]],
        *,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
        state: tuple[str, ...] = (),
        lookup: _services.Lookup = _services.from_engine,
    ) -> None:
        """``args`` answers with the component's args as they are now; ``state`` names the attributes of
        ``owner`` that are the component's memory."""
        self._owner = owner
        self._component = component
        self._args = args
        self._sha256 = sha256
        self._limits = limits
        self._state = state
        self._lookup = lookup
        self._begin()

    def _begin(self) -> None:
        self.lock = threading.RLock()
        self._turn = Turn()
        self._contexts: list[FlareContext] = []
        self._waiting: deque[tuple[str, FLContext, FlareContext]] = deque()
        self._instance: flip_wasm.Instance | None = None
        self._made_of: tuple[str, Any] | None = None
        self._loaded: flip_wasm.Component | None = None
        self._failed = False

    def __getstate__(self) -> dict[str, Any]:
        # A copy, in this process or another, begins with an instance of its own.
        begun = {"lock", "_turn", "_contexts", "_waiting", "_instance", "_made_of", "_loaded", "_failed"}
        return {name: value for name, value in self.__dict__.items() if name not in begun}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def loaded(self, fl_ctx: FLContext | None) -> flip_wasm.Component:
        """The component, under the site's policy."""
        with self.lock:
            if self._loaded is None:
                path = self._path(fl_ctx)
                self._loaded = _site.runtime(fl_ctx).load(path, sha256=self._sha256)
            return self._loaded

    def _path(self, fl_ctx: FLContext | None) -> str:
        path = Path(self._component)
        if path.suffix != ".wasm" or path.is_absolute():
            return self._component
        folder = _site.custom_folder(fl_ctx)
        return str(folder / path) if folder else self._component

    def instance(self, fl_ctx: FLContext | None) -> flip_wasm.Instance:
        """The instance for the args as they are now."""
        args, flip = flip_wasm._json.dumps(dict(self._args())), getattr(self._owner, "flip", None)
        if self._instance is None or self._made_of != (args, flip):
            host = _services.host(self._owner, self._log, self._lookup, flip)
            self._instance = self.loaded(fl_ctx).instantiate(args, host=host, limits=self._limits)
            self._made_of = (args, flip)
        return self._instance

    def call(
        self,
        fl_ctx: FLContext | None,
        call: Callable[[flip_wasm.Instance, FlareContext], T],
        abort: Any = None,
    ) -> T:
        """Calls the component, which cannot be re-entered; events that reach it meanwhile are handled then."""
        if not self._turn.take():
            raise flip_wasm.ComponentBusy(f"{self._component}: it waits for what it has called itself")
        try:
            return self._enter(context_of(fl_ctx, abort), call)
        finally:
            self._end_turn()

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles an event, now or when the component has returned. What fails is logged, and the run goes on;
        a component that cannot be made at all ends the run."""
        if self._turn.take():
            try:
                self._handle(event_type, fl_ctx)
            finally:
                self._end_turn()
        elif len(self._waiting) < _MAX_WAITING:
            self._waiting.append((event_type, fl_ctx, context_of(fl_ctx)))
        else:
            self._owner.log_error(fl_ctx, f"too many events wait: {event_type} is lost", fire_event=False)

    def _end_turn(self) -> None:
        try:
            while self._waiting:
                self._handle(*self._waiting.popleft())
        finally:
            self._turn.give_back()
        # One may have come after the last look.
        if self._waiting and self._turn.take():
            self._end_turn()

    def _handle(self, event_type: str, fl_ctx: FLContext, context: FlareContext | None = None) -> None:
        try:
            if not self._failed and self.instance(fl_ctx).is_interested(event_type):
                context = context or context_of(fl_ctx)
                self._enter(context, lambda instance, context: instance.handle_event(event_type, context))
        except flip_wasm.FlipWasmError as error:
            self._owner.log_error(fl_ctx, f"{event_type}: {error}", fire_event=False)
            if self._made_of is None:
                self._failed = True
                self._owner.system_panic(str(error), fl_ctx)

    def _enter(self, context: FlareContext, call: Callable[[flip_wasm.Instance, FlareContext], T]) -> T:
        self._contexts.append(context)
        try:
            instance = self.instance(context.fl_ctx)
            _state.push(instance, self._owner, self._state)
            try:
                return call(instance, context)
            except flip_wasm.FilterRefused:
                raise
            except BaseException:
                # What failed half-way is not entered again.
                self._instance = None
                raise
            finally:
                if self._instance is not None:
                    _state.pull(instance, self._owner, self._state)
        finally:
            self._contexts.pop()

    def _log(self, component: str, level: int, message: str) -> None:
        context = self._contexts[-1] if self._contexts else None
        if context is None or context.fl_ctx is None:
            self._owner.logger.log(level, message)
        elif level >= logging.ERROR:
            self._owner.log_error(context.fl_ctx, message, fire_event=False)
        elif level >= logging.WARNING:
            self._owner.log_warning(context.fl_ctx, message, fire_event=False)
        elif level >= logging.INFO:
            self._owner.log_info(context.fl_ctx, message, fire_event=False)
        else:
            self._owner.log_debug(context.fl_ctx, message, fire_event=False)
