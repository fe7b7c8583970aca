"""The args of the job's configuration."""

import json


class Invalid(ValueError):
    """An argument is missing, unknown or of a wrong type; the text names it."""


def parse(text: str, known: set[str]) -> dict:
    """The args, of which no other than these are known."""
    args = json.loads(text)
    if not isinstance(args, dict):
        raise Invalid("args: not a JSON object")
    for name in args:
        if name not in known:
            raise Invalid(f"args: {name} is not known")
    return args
