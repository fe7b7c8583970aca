"""Compiles one component: the runtime starts this in a process of its own, with bounds on time and memory."""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from flip_wasm._flip_wasm import compile_worker

    sys.exit(compile_worker(sys.argv[1:]))
