"""my-component: what the host calls. What the archive is called is in logic.py."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import cleanup, log, object_store, storage, types

from arguments import Invalid, parse
from logic import key


class Configurable(exports.Configurable):
    def configure(self, args):
        try:
            parse(args, set())
        except Invalid as error:
            raise Err(types.Error_InvalidArgument(str(error)))


class ResultsPersistor(exports.ResultsPersistor):
    def execute(self, ctx):
        self.upload_results_to_s3_bucket(ctx)
        self.cleanup(ctx)

    def upload_results_to_s3_bucket(self, ctx):
        if ctx.local_dev():
            log.log(log.Level.INFO, "local development: nothing is uploaded")
            return
        with storage.open(storage.Root.JOB) as job:
            object_store.put_archive(key(ctx.job_id()), job, "")

    def cleanup(self, ctx):
        if ctx.local_dev():
            log.log(log.Level.INFO, "local development: nothing is deleted")
            return
        with storage.open(storage.Root.IMAGES) as images:
            cleanup.clear(images)
