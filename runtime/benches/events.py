"""One event to many handlers that do nothing, as NVFLARE fires it: what the sandboxed handlers are compared with.

    python events.py HANDLERS EVENTS
"""

import json
import sys
import time


class Handler:
    """What a component of NVFLARE is to the loop that fires an event."""

    def handle_event(self, event_type, fl_ctx):
        """Accepts every event, and does nothing."""


number, events = map(int, sys.argv[1:])
handlers = [Handler() for _ in range(number)]
context = object()
cpu, wall = time.process_time(), time.perf_counter()
for _ in range(events):
    for handler in handlers:
        try:
            handler.handle_event("_an_event", context)
        except Exception:  # as NVFLARE does
            raise
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"cpu": cpu, "wall": wall}))
