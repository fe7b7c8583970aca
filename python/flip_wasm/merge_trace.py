"""Makes one trace of what the places of a job have recorded (see `flip_wasm.nvflare.recorder`)."""

from __future__ import annotations

import heapq
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVER = "server"
VERSION = 1

Record = dict[str, Any]


class TraceError(ValueError):
    """Recordings that cannot be made into one trace; the text names the file."""


@dataclass
class _Recording:
    """What one place has recorded."""

    path: Path
    at: str
    identity: str
    job_id: str
    net_id: str | None
    records: list[tuple[int, Record]] = field(default_factory=list)


def merge(folders: Sequence[Path], out: Path) -> int:
    """Puts the recordings in `folders` into the order of time, and writes the trace to `out`.

    Args:
        folders: where the places have recorded to: one folder for all, or some of them each.
        out: the trace; one that is there is replaced. Tensors are copied to `tensors/` beside it.

    Returns:
        How many records the trace has, without its header.

    Raises:
        TraceError: where a recording is damaged, missing, twice there, or of another job.
        OSError: where a file cannot be read or written.

    Order between places is that of their clocks: on several machines these must agree.
    """
    recordings: dict[str, _Recording] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.jsonl")):
            recording = _read(path)
            if recording is None:
                continue
            if recording.at in recordings:
                other = recordings[recording.at].path
                raise TraceError(f"{path}: {recording.at} is recorded in {other} as well")
            recordings[recording.at] = recording
    if SERVER not in recordings:
        raise TraceError(f"no recording of the server in {', '.join(map(str, folders))}")
    server = recordings[SERVER]
    for recording in recordings.values():
        if recording.job_id != server.job_id:
            jobs = f"of job {recording.job_id!r}, and the server's is {server.job_id!r}"
            raise TraceError(f"{recording.path}: {jobs}")
    nets = {recording.net_id for recording in recordings.values() if recording.at != SERVER}
    header = {
        "trace": VERSION,
        "job_id": server.job_id,
        "server": server.identity,
        "sites": sorted(recordings.keys() - {SERVER}),
        "net_id": nets.pop() if len(nets) == 1 else None,
    }
    ordered = heapq.merge(*(recording.records for recording in recordings.values()), key=lambda entry: entry[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    count = 0
    try:
        with part.open("w", encoding="ascii") as file:
            file.write(json.dumps(header) + "\n")
            for count, (_, record) in enumerate(ordered, 1):
                for name in _tensors(record):
                    _copy(recordings[record["at"]], name, out)
                file.write(json.dumps({"seq": count - 1, **record}) + "\n")
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return count


def _read(path: Path) -> _Recording | None:
    """Reads a place's file; None for one that is a trace already."""
    recording: _Recording | None = None
    text = path.read_bytes()
    lines = text.split(b"\n")
    # A run that was killed leaves a line without an end.
    lines.pop()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if number == 1 and "trace" in record:
                return None
            time, at = int(record.pop("time")), str(record["at"])
            if "place" in record:
                place, net_id = record["place"], record["net_id"]
                # A process that was started again goes on in the same file.
                recording = recording or _Recording(path, at, place["identity"], place["job_id"], net_id)
                continue
            if recording is None or at != recording.at:
                raise ValueError(f"a record of {at!r} in another's file")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TraceError(f"{path}, line {number}: no record: {error!r}") from error
        recording.records.append((time, record))
    if recording is None:
        raise TraceError(f"{path}: nothing is recorded in it")
    starts = sum(record.get("event") == "_start_run" for _, record in recording.records)
    if starts > 1:
        raise TraceError(f"{path}: {starts} runs in one file; record each to a folder of its own")
    # The clock may have been set back between two processes of one run; within a place order is certain.
    latest = 0
    for index, (time, record) in enumerate(recording.records):
        latest = max(latest, time)
        recording.records[index] = (latest, record)
    return recording


def _tensors(value: object) -> Iterator[str]:
    """The tensor files that the dxos of a record name."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "tensors" and isinstance(member, str) and "kind" in value:
                yield member
            else:
                yield from _tensors(member)


def _copy(recording: _Recording, name: str, out: Path) -> None:
    if not re.fullmatch(r"tensors/[A-Za-z0-9_.-]+", name):
        raise TraceError(f"{recording.path}: {name!r} is not in its folder of tensors")
    source, target = recording.path.parent / name, out.parent / name
    if not source.is_file():
        raise TraceError(f"{recording.path}: {name} is missing")
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
