"""my-component: what the host calls. What is said and fired is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import events, log, types

from arguments import Invalid
from logic import INTERESTS, event, line

fires = None


class Configurable(exports.Configurable):
    def configure(self, args):
        global fires
        try:
            fires = event(args)
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class EventHandler(exports.EventHandler):
    def interests(self):
        return INTERESTS

    def handle_event(self, event_type, ctx):
        log.log(log.Level.INFO, line(event_type, ctx.job_id(), ctx.identity()))
        if event_type == "_end_run" and fires is not None:
            events.fire(fires)
