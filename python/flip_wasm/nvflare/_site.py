"""The site's runtime: one for each process, under the policy of the site's own configuration folder."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import flip_wasm

POLICY = "policy.toml"
"""The file's name in the site's configuration folder, ``local`` in NVFLARE's layout."""

AUDIT = "FLIP_WASM_AUDIT"
"""The environment variable with the folder of audit trails, which is the operator's."""

_lock = threading.Lock()
_seen: set[Path] = set()
"""The policies that were there."""
_runtimes: dict[tuple[int, Path | None], flip_wasm.Runtime] = {}
_trails: dict[tuple[int, str, str], tuple[Path, flip_wasm.AuditTrail]] = {}
_numbers = itertools.count()


def policy(fl_ctx: Any) -> Path | None:
    """The site's policy; ``None`` where it has none. A job's folder is never looked at."""
    workspace = _workspace(fl_ctx)
    folder = workspace.get_site_config_dir() if workspace else None
    path = Path(folder, POLICY) if folder else None
    if path is None:
        return None
    # What is there but cannot be read is an error, not a site without a policy; so is one that has gone.
    if path in _seen or os.path.lexists(path):
        _seen.add(path)
        return path
    return None


def runtime(fl_ctx: Any) -> flip_wasm.Runtime:
    """The runtime of this process for the site that the context belongs to."""
    # A process that was forked has none of the runtime's threads.
    key = (os.getpid(), policy(fl_ctx))
    with _lock:
        if key not in _runtimes:
            _runtimes[key] = flip_wasm.Runtime(policy=key[1])
        return _runtimes[key]


def place(fl_ctx: Any) -> str:
    """The name of the server or the site."""
    return (fl_ctx.get_identity_name(default="") if fl_ctx else "") or "unknown"


def audit(fl_ctx: Any) -> flip_wasm.AuditTrail | None:
    """The audit trail of this process for the job and the site of the context; ``None`` where nobody asked for one.
    Each is a new file, and ends with the process."""
    folder = os.environ.get(AUDIT)
    job_id = fl_ctx.get_job_id() if fl_ctx else None
    if not folder or not job_id:
        return None
    key = (os.getpid(), job_id, place(fl_ctx))
    with _lock:
        if key not in _trails:
            # Names of jobs are the choice of who wrote them.
            names = "-".join(re.sub(r"[^A-Za-z0-9_.]", "_", name)[:80] for name in key[1:])
            moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            path = Path(folder, f"{names}-{moment}-{os.getpid()}-{next(_numbers)}.jsonl")
            _trails[key] = (path, flip_wasm.AuditTrail(path, job_id=job_id))
        return _trails[key][1]


def finish_audit() -> None:
    """Ends the trails of this process; their digests go to the log."""
    with _lock:
        mine = [_trails.pop(key) for key in list(_trails) if key[0] == os.getpid()]
    for path, trail in mine:
        try:
            logging.getLogger(__name__).info("audit trail %s: %s", path, trail.finish())
        except flip_wasm.AuditFailed as error:
            logging.getLogger(__name__).error("audit trail %s: %s", path, error)


atexit.register(finish_audit)


def _after_fork() -> None:
    """Another thread may have held the lock."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def is_known(fl_ctx: Any) -> bool:
    """Whether the context tells which site this is."""
    return _workspace(fl_ctx) is not None


def directories(fl_ctx: Any, images: Path | None) -> dict[str, Path]:
    """The directories of the run, by the names that policies know them by."""
    known = {"safehouse": Path("/safehouse")}
    if images:
        known["images"] = images
    workspace, job_id = _workspace(fl_ctx), fl_ctx.get_job_id() if fl_ctx else None
    if workspace and job_id:
        known["workspace"] = Path(workspace.get_root_dir())
        known["job"] = Path(workspace.get_run_dir(job_id))
        known["app"] = Path(workspace.get_app_dir(job_id))
    return known


def custom_folder(fl_ctx: Any) -> Path | None:
    """Where the job's own code lies, and the components that it brings."""
    workspace, job_id = _workspace(fl_ctx), fl_ctx.get_job_id() if fl_ctx else None
    return Path(workspace.get_app_custom_dir(job_id)) if workspace and job_id else None


def _workspace(fl_ctx: Any) -> Any:
    engine = fl_ctx.get_engine() if fl_ctx else None
    return engine.get_workspace() if engine else None


def job_meta(fl_ctx: Any) -> Path | None:
    """The job's ``meta.json``."""
    workspace, job_id = _workspace(fl_ctx), fl_ctx.get_job_id() if fl_ctx else None
    return Path(workspace.get_job_meta_path(job_id)) if workspace and job_id else None
