"""A directory zipped and uploaded the usual way: what flip-wasm's upload is compared with.

    python archive.py BUCKET KEY DIRECTORY
"""

import json
import os
import shutil
import sys
import tempfile
import time

import boto3


def memory(name):
    """A figure of this process in bytes, where the system is Linux."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
    except OSError:
        return None


bucket, key, directory = sys.argv[1:]
client = boto3.client("s3")
before = memory("VmRSS")
cpu, wall = time.process_time(), time.perf_counter()
with tempfile.TemporaryDirectory() as temporary:
    archive = shutil.make_archive(f"{temporary}/archive", "zip", directory)
    size = os.path.getsize(archive)
    client.upload_file(archive, bucket, key)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
growth = None if before is None else memory("VmHWM") - before
# make_archive leaves the level to zlib, whose default is 6.
print(json.dumps({"cpu": cpu, "wall": wall, "memory": growth, "size": size, "level": 6}))
