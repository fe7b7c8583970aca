"""What the generator does, without a host: `python3 -m unittest` tests it."""

import json

# A run starts; the result of a task is there; the run ends.
START, RECEIVED, END = "_start_run", "_validation_result_received", "_end_run"
# The property of the context that holds the result.
RESULT = "_validation_result_"


class Tally:
    """The results so far."""

    def __init__(self):
        self.tasks = self.successes = 0

    def receive(self, success: bool):
        """Counts one result."""
        self.tasks += 1
        self.successes += success

    def all_failed(self) -> bool:
        return self.successes == 0

    def to_json(self) -> str:
        """The text of the results file."""
        return json.dumps({"tasks": self.tasks})
