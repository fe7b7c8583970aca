"""What the handler does, without a host: `python3 -m unittest` tests it."""

from arguments import Invalid, parse

# The events that it handles.
INTERESTS = ["_start_run", "_end_run"]


def event(args: str) -> str | None:
    """The arg `event`: what to fire when a run has ended."""
    event = parse(args, {"event"}).get("event")
    if event is not None and not isinstance(event, str):
        raise Invalid("args: event: a text is needed")
    return event


def line(event_type: str, job: str, identity: str) -> str:
    """The line of the log for an event."""
    does = "starts" if event_type == "_start_run" else "ends"
    return f"run of {job} {does} at {identity}"
