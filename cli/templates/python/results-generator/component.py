"""my-component: what the host calls. How results are counted is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import storage, types

from arguments import Invalid, parse
from logic import END, RECEIVED, RESULT, START, Tally

tally = Tally()


class Configurable(exports.Configurable):
    def configure(self, args):
        try:
            parse(args, set())
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class ResultsGenerator(exports.ResultsGenerator):
    def handle_evaluation_event(self, event_type, ctx):
        global tally
        if event_type == START:
            tally = Tally()
        elif event_type == RECEIVED:
            result = ctx.shareable(RESULT)
            tally.receive(result is not None and result.return_code() == types.ReturnCode.OK)
        elif event_type == END:
            with storage.open(storage.Root.JOB) as job, job.create("results.json") as file:
                file.append(tally.to_json().encode())
                file.commit()

    def all_tasks_failed(self):
        return tally.all_failed()
