"""Runs a job on NVFLARE's simulator, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from .make import SITES


@dataclass(frozen=True)
class CompletedRun:
    """What became of a run."""

    exit_code: int
    """The simulator's, or -9 where the time limit ended it."""
    log: str
    """What the simulator and its sites have printed."""
    workspace: Path
    model: dict[str, np.ndarray] | None
    """The global model as it was last saved, by name; None where it never was."""

    @property
    def server(self) -> Path:
        """The server's folder of the job."""
        return self.workspace / "server" / "simulate_job"

    def site(self, name: str) -> Path:
        """A site's folder of the job."""
        return self.workspace / name / "simulate_job"


def run_job(
    job: Path, workspace: Path, env: Mapping[str, str] | None = None, *, timeout: float = 120.0
) -> CompletedRun:
    """Runs the job in `job` with both sites at once and returns what became of it.

    Args:
        job: a job's folder.
        workspace: the simulator's workspace. The simulator empties it; the log and the model are beside it.
        env: environment variables on top of this process's.
        timeout: the limit in seconds, after which the run and all of its processes are killed.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    # Beside the workspace: the simulator empties it first.
    result, log = workspace.with_name(workspace.name + ".npz"), workspace.with_name(workspace.name + ".log")
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "nvflare.cli", "simulator", str(job.absolute())]
    command += ["-w", str(workspace.absolute()), "-n", str(len(SITES)), "-t", str(len(SITES))]
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "TINY_JOB_RESULT": str(result.absolute()), **(env or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, cwd=workspace.parent, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            exit_code = process.wait(timeout)
        except BaseException as error:
            _kill(process)
            exit_code = process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
    model = None
    if result.is_file():
        with np.load(result) as arrays:
            model = {name: arrays[name] for name in arrays.files}
    return CompletedRun(exit_code, log.read_text(encoding="utf-8", errors="replace"), workspace, model)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all that it has started: the simulator gives each site a session of its own."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    process.kill()
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
