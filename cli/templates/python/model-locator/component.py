"""my-component: what the host calls. What a file holds is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import exchange, log, storage, types

from arguments import Invalid, parse
from logic import FILE, MODEL, TENSOR, values


class Configurable(exports.Configurable):
    def configure(self, args):
        try:
            parse(args, set())
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class ModelLocator(exports.ModelLocator):
    def model_names(self, ctx):
        return [MODEL]

    def locate_model(self, name, ctx):
        if name != MODEL:
            return None
        with storage.open(storage.Root.JOB) as job:
            try:
                size = job.stat(FILE).size
            except Err as error:
                if isinstance(error.value, types.Error_NotFound):
                    return None
                raise
            return model(job, size)


def model(job, size):
    count = values(size)
    if count is None:
        log.log(log.Level.ERROR, f"{FILE}: {size} bytes are no whole number of float32 values")
        return None
    dxo = exchange.Dxo.create(types.DataKind.WEIGHTS)
    # Nothing is copied: the host reads the file when the tensor is read.
    dxo.set_tensor(TENSOR, job.tensor(FILE, 0, types.Dtype.FLOAT32, [count]))
    return dxo
