"""PercentilePrivacy in Python: what the host calls."""

import json
import struct

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import log, tensors, types

import percentile as p

STEPS = "NUM_STEPS_CURRENT_ROUND"
WINDOW = 32 * 1024

settings = {"percentile": 10.0, "gamma": 0.01, "off": False}


class Configurable(exports.Configurable):
    def configure(self, args):
        for name, value in json.loads(args).items():
            if name not in settings or isinstance(value, bool) != isinstance(settings[name], bool):
                raise Err(types.Error_InvalidArgument(f"args: {name}"))
            settings[name] = value


class DxoFilter(exports.DxoFilter):
    def data_kinds(self):
        return [types.DataKind.WEIGHT_DIFF, types.DataKind.WEIGHTS]

    def process_dxo(self, dxo, ctx):
        if settings["off"]:
            return types.Verdict_Unchanged("the filter is off")
        steps = float(json.loads(dxo.meta(STEPS) or "1"))
        gamma = float(settings["gamma"])
        why = p.refusal(settings["percentile"], gamma, steps)
        if why:
            return types.Verdict_Refused(why)
        all_quotients = {name: quotients(dxo.tensor(name), steps) for name in dxo.names()}
        magnitudes = [abs(x) for _, values in all_quotients.values() for x in values]
        if not magnitudes:
            return types.Verdict_Unchanged("there are no elements")
        widest = max((code for code, _ in all_quotients.values()), key=p.WIDTHS.index)
        cutoff = p.cutoff(magnitudes, widest, settings["percentile"])
        log.log(log.Level.INFO, f"cutoff {cutoff} of |x| per step; steps {steps}")
        for name, (code, values) in all_quotients.items():
            replace(dxo, name, code, shared(dxo.tensor(name), code, values, cutoff, gamma, steps))
        return types.Verdict_Filtered()


def quotients(tensor, steps):
    """The elements of a tensor per step, and the type that they are computed in."""
    read, code = p.DTYPES[tensor.dtype().name]
    values, start = [], 0
    while window := tensor.read(start, WINDOW):
        values += p.read(window, read)
        start = len(values)
    return code, p.divided(values, code, steps)


def shared(tensor, code, values, cutoff, gamma, steps):
    """What becomes of the elements of a tensor. A single number is neither zeroed nor clipped."""
    if tensor.shape():
        gamma = p.round_to(code, gamma)
        values = [p.truncated(value, cutoff, gamma) for value in values]
    steps = p.round_to(code, steps)
    return [p.round_to(code, value * steps) for value in values]


def replace(dxo, name, code, values):
    """Floats keep their tensor; what was none becomes a new one."""
    tensor = dxo.tensor(name)
    as_computed = {"e": types.Dtype.FLOAT16, "f": types.Dtype.FLOAT32, "d": types.Dtype.FLOAT64}[code]
    if tensor.dtype() != as_computed:
        dxo.set_tensor(name, tensors.Tensor.create(as_computed, tensor.shape()))
        tensor = dxo.tensor(name)
    for start in range(0, len(values), WINDOW):
        window = values[start : start + WINDOW]
        tensor.write(start, struct.pack(f"<{len(window)}{code}", *window))
