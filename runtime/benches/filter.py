"""PercentilePrivacy as NumPy expressions: what the sandboxed filter is compared with."""

import hashlib
import json
import sys
import time

import numpy as np

PERCENTILE, GAMMA, STEPS = 95, 0.02, 4


def truncate(tensors):
    """The steps of PercentilePrivacy, one after the other."""
    scaled = [tensor / STEPS for tensor in tensors]
    magnitudes = np.concatenate([np.abs(tensor).ravel() for tensor in scaled])
    cutoff = np.percentile(magnitudes, PERCENTILE)
    result = []
    for tensor in scaled:
        tensor[(tensor > -cutoff) & (tensor < cutoff)] = 0.0
        result.append(np.clip(tensor, -GAMMA, GAMMA) * STEPS)
    return result


data, count = np.fromfile(sys.argv[1], dtype=np.float32), int(sys.argv[2])
tensors = np.array_split(data, count)
cpu, wall = time.process_time(), time.perf_counter()
result = truncate(tensors)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
digest = hashlib.sha256()
for tensor in result:
    digest.update(tensor.tobytes())
print(json.dumps({"cpu": cpu, "wall": wall, "digest": digest.hexdigest()}))
