"""A real job of two sites for NVFLARE's simulator."""

from .make import MODEL_ID, SITES, make_job
from .run import CompletedRun, run_job

__all__ = ["MODEL_ID", "SITES", "CompletedRun", "make_job", "run_job"]
