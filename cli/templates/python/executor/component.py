"""my-component: what the host calls. How tasks are answered is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import exchange, types

from arguments import Invalid, parse
from logic import answer


class Configurable(exports.Configurable):
    def configure(self, args):
        try:
            parse(args, set())
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class Executor(exports.Executor):
    def execute(self, task, data, ctx):
        dxo = data.dxo()
        code, values = answer(task, None if dxo is None else lens(dxo))
        metrics = None
        if values is not None:
            metrics = exchange.Dxo.create(types.DataKind.METRICS)
            metrics.set_values(values)
        return exchange.Reply(types.ReturnCode[code], [], metrics)


def lens(dxo):
    """The numbers of elements of a dxo's tensors."""
    return [dxo.tensor(name).len() for name in dxo.names()]
