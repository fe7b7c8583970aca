"""FLIP's components, and anyone's, for NVFLARE jobs: what runs them is the sandbox."""

from .recorder import TraceRecorder
from .wasm import WasmEventHandler, WasmExecutor, WasmFilter, WasmModelLocator

__all__ = ["TraceRecorder", "WasmEventHandler", "WasmExecutor", "WasmFilter", "WasmModelLocator"]
