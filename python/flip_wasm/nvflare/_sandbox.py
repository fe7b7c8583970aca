"""A sandboxed component behind one of NVFLARE's."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nvflare.apis.fl_context import FLContext

import flip_wasm

from . import _services, _site, _state
from ._exchange import FlareContext, context_of
from ._turn import Turn

T = TypeVar("T")

_MAX_WAITING = 10_000
"""Events that wait for a component that is on the call stack."""
_MAX_FAILURES = 10
"""How often a component is made anew that has failed."""

_FAILURES = (flip_wasm.ComponentTrapped, flip_wasm.LimitExceeded, flip_wasm.InstancePoisoned, flip_wasm.RunAborted)
"""What ends an instance."""

_all: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _after_fork() -> None:
    """The instances belong to the parent's threads."""
    for sandbox in list(_all):
        sandbox._begin()


os.register_at_fork(after_in_child=_after_fork)


class Sandboxed:
    """One of NVFLARE's components whose work is done in the sandbox."""

    _STATE: tuple[str, ...] = ()
    """The attributes that are the component's memory."""
    _sandbox: Sandbox

    def component_args(self) -> Mapping[str, Any]:
        """The component's args as they are now."""
        return {}

    def find_peer(self, component_id: str, fl_ctx: Any) -> Any:
        """The component of the job that has this id; the sandboxed one calls it."""
        return _services.from_engine(component_id, fl_ctx)

    def __copy__(self) -> Any:
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._sandbox = self._sandbox.copied_for(made)
        return made


class Sandbox:
    """Makes the instance when it is first needed, and anew where its args have changed or it has failed."""

    def __init__(
        self,
        owner: Any,
        component: str,
        *,
        sha256: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        """``owner`` is the :class:`Sandboxed` component that this belongs to."""
        self._owner = owner
        self._component = component
        self._sha256 = sha256
        self._limits = limits
        self._begin()
        _all.add(self)

    def copied_for(self, owner: Any) -> Sandbox:
        """Another one for a copy of the owner."""
        return Sandbox(owner, self._component, sha256=self._sha256, limits=self._limits)

    def _begin(self) -> None:
        self.lock = threading.RLock()
        self._turn = Turn()
        self._contexts: list[FlareContext] = []
        self._waiting: deque[tuple[str, FLContext, FlareContext]] = deque()
        self._instance: flip_wasm.Instance | None = None
        self._made_of: tuple[str, Any] | None = None
        self._loaded: flip_wasm.Component | None = None
        self._of_site = False
        self._interests: frozenset[str] | None = None
        self._failures = 0
        self._failed = False

    def __getstate__(self) -> dict[str, Any]:
        # A copy, in this process or another, begins with an instance of its own.
        return {name: self.__dict__[name] for name in ("_owner", "_component", "_sha256", "_limits")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        _all.add(self)

    def loaded(self, fl_ctx: FLContext | None) -> flip_wasm.Component:
        """The component, under the site's policy."""
        with self.lock:
            known = _site.is_known(fl_ctx)
            if self._loaded is None or known and not self._of_site:
                self._loaded = _site.runtime(fl_ctx).load(self._path(fl_ctx), sha256=self._sha256)
                self._of_site, self._instance = known, None
            return self._loaded

    def _path(self, fl_ctx: FLContext | None) -> str:
        path = Path(self._component)
        if path.suffix != ".wasm" or path.is_absolute():
            return self._component
        folder = _site.custom_folder(fl_ctx)
        return str(folder / path) if folder else self._component

    def instance(self, fl_ctx: FLContext | None) -> flip_wasm.Instance:
        """The instance for the args as they are now, under the site's policy."""
        component = self.loaded(fl_ctx)
        flip = getattr(self._owner, "flip", None)
        args = flip_wasm._json.dumps(dict(self._owner.component_args()))
        if self._instance is None or self._made_of != (args, flip):
            if self._failures > _MAX_FAILURES:
                # Each new instance has all of its limits before it.
                raise flip_wasm.InstancePoisoned(f"{component.name}: it has failed {self._failures} times")
            host = _services.host(self._owner, self._log, flip)
            audit, place = _site.audit(fl_ctx), _site.place(fl_ctx)
            instance = component.instantiate(args, host=host, limits=self._limits, audit=audit, place=place)
            interests = instance.interests
            self._interests = None if interests is None else frozenset(interests)
            self._instance, self._made_of = instance, (args, flip)
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
        except Exception:
            raise
        except BaseException:
            # An interrupt ends what waits too.
            self._waiting.clear()
            raise
        finally:
            self._end_turn()

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles an event, now or when the component has returned. What fails is logged, and the run goes on;
        a component that cannot be made at all ends the run."""
        if self._interests is not None and event_type not in self._interests:
            # It need not wait for its turn, which may be hours away.
            return
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
        except Exception as error:
            self._owner.log_error(fl_ctx, f"{event_type}: {error}", fire_event=False)
            if self._made_of is None:
                self._failed = True
                self._owner.system_panic(str(error), fl_ctx)

    def _enter(self, context: FlareContext, call: Callable[[flip_wasm.Instance, FlareContext], T]) -> T:
        self._contexts.append(context)
        try:
            instance = self.instance(context.fl_ctx)
            _state.push(instance, self._owner, self._owner._STATE)
            try:
                return call(instance, context)
            except _FAILURES:
                # What was stopped half-way is not entered again.
                self._instance = None
                self._failures += 1
                raise
            except Exception:
                raise
            except BaseException:
                self._instance = None
                raise
            finally:
                if self._instance is not None:
                    _state.pull(instance, self._owner, self._owner._STATE)
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
