"""What the executor does, without a host: `python3 -m unittest` tests it."""

import json


def answer(task: str, lens: list[int] | None) -> tuple[str, str | None]:
    """The return code and the metrics of a task; `lens` are the numbers of elements of the data's tensors."""
    if task != "count":
        return "TASK_UNKNOWN", None
    if lens is None:
        return "BAD_TASK_DATA", None
    return "OK", json.dumps({"elements": sum(lens)})
