"""PercentilePrivacy as NumPy expressions: what the sandboxed filter is compared with.

    python filter.py FILE [OUT]
"""

import hashlib
import json
import os
import struct
import sys
import time

import numpy as np

PERCENTILE, GAMMA, STEPS = 95, 0.02, 4


def each(tensors):
    """One after the other; each is freed when the next one's turn comes."""
    tensors.reverse()
    while tensors:
        yield tensors.pop()


def truncate(tensors):
    """The steps of PercentilePrivacy, one after the other. What is no longer needed is freed."""
    scaled = [tensor / STEPS for tensor in each(tensors)]
    magnitudes = np.concatenate([np.abs(tensor).ravel() for tensor in scaled])
    cutoff = np.percentile(magnitudes, PERCENTILE)
    del magnitudes
    result = []
    for tensor in each(scaled):
        tensor[(tensor > -cutoff) & (tensor < cutoff)] = 0.0
        result.append(np.clip(tensor, -GAMMA, GAMMA) * STEPS)
    return result


def memory(name):
    """A figure of this process in bytes, where the system is Linux."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
    except OSError:
        return None


def reset_peak():
    """Lets the peak of resident memory begin here, where the system is Linux."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


path, *out = sys.argv[1:]
with open(path, "rb") as file:
    length = file.read(8)
    header = file.read(*struct.unpack("<Q", length))
    places = sorted(entry["data_offsets"] for entry in json.loads(header).values())
    tensors = [np.fromfile(file, dtype=np.float32, count=(end - start) // 4) for start, end in places]
reset_peak()
before = memory("VmRSS")
cpu, wall = time.process_time(), time.perf_counter()
result = truncate(tensors)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
growth = None if before is None else memory("VmHWM") - before
if out:
    with open(out[0], "wb") as file:
        file.write(length + header)
        for tensor in result:
            tensor.tofile(file)
        file.flush()
        os.fsync(file.fileno())
else:
    digest = hashlib.sha256()
    for tensor in result:
        digest.update(tensor)
    print(json.dumps({"cpu": cpu, "wall": wall, "memory": growth, "digest": digest.hexdigest()}))
