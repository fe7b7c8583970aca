"""my-component: what the host calls. What it does with numbers is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import log, types

from arguments import Invalid
from logic import ELEMENT, WINDOW, clip, limit

clip_at = 0.0


class Configurable(exports.Configurable):
    def configure(self, args):
        global clip_at
        try:
            clip_at = limit(args)
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class DxoFilter(exports.DxoFilter):
    def data_kinds(self):
        return [types.DataKind.WEIGHT_DIFF, types.DataKind.WEIGHTS]

    def process_dxo(self, dxo, ctx):
        clipped = 0
        for name in dxo.names():
            with dxo.tensor(name) as tensor:
                if tensor.dtype() == types.Dtype.FLOAT32:
                    clipped += clip_tensor(tensor)
        log.gauge("clipped", clipped)
        return types.Verdict_Filtered()


def clip_tensor(tensor):
    """The tensor stays with the host: it is seen in windows."""
    clipped = start = 0
    while window := tensor.read(start, WINDOW):
        changed, count = clip(window, clip_at)
        if count:
            tensor.write(start, changed)
        clipped += count
        start += len(window) // ELEMENT
    return clipped
