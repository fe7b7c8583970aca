"""Whose turn it is in a component that one thread at a time can enter."""

from __future__ import annotations

import os
import threading

_changed = threading.Condition()
_waits: dict[int, Turn] = {}
"""Which turn each thread waits for."""


def _after_fork() -> None:
    """A process that was forked has none of the threads that waited, or held the condition's lock."""
    global _changed
    _changed = threading.Condition()
    _waits.clear()


os.register_at_fork(after_in_child=_after_fork)


class Turn:
    """A lock that knows when waiting for it would never end: components call each other, and fire events that
    other threads' components handle."""

    def __init__(self) -> None:
        self._owner: int | None = None

    def take(self) -> bool:
        """Takes the turn when other threads have given it back. False where this thread has it, or where whoever
        has it waits for this thread."""
        me = threading.get_ident()
        with _changed:
            while self._owner is not None:
                if self._leads_to(me):
                    return False
                _waits[me] = self
                try:
                    _changed.wait()
                finally:
                    # Also after an interrupt.
                    _waits.pop(me, None)
            self._owner = me
            return True

    def give_back(self) -> None:
        """Lets others have it."""
        with _changed:
            self._owner = None
            _changed.notify_all()

    def _leads_to(self, thread: int) -> bool:
        turn: Turn | None = self
        seen: set[int] = set()
        while turn is not None and turn._owner is not None and turn._owner not in seen:
            if turn._owner == thread:
                return True
            seen.add(turn._owner)
            turn = _waits.get(turn._owner)
        return False
