"""The components of ``flip.nvflare.components``, in the sandbox: the same names, arguments and attributes."""

from .cleanup_images import CleanupImages
from .event_handlers import ClientEventHandler, ServerEventHandler
from .json_generators import EvaluationJsonGenerator, ValidationJsonGenerator
from .model_locators import EvaluationPTModelLocator, InitialPTModelLocator, PTModelLocator
from .percentile_privacy import PercentilePrivacy, StagePercentilePrivacy
from .persist_to_s3_and_cleanup import PersistToS3AndCleanup

__all__ = [
    "CleanupImages",
    "ClientEventHandler",
    "EvaluationJsonGenerator",
    "EvaluationPTModelLocator",
    "InitialPTModelLocator",
    "PTModelLocator",
    "PercentilePrivacy",
    "PersistToS3AndCleanup",
    "ServerEventHandler",
    "StagePercentilePrivacy",
    "ValidationJsonGenerator",
]
