"""`python -m flip_wasm`: what is done with a job before and after its run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flip_wasm import FlipWasmError, report_page
from flip_wasm.convert import ConvertError, convert
from flip_wasm.merge_trace import TraceError, merge


def main(args: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, or 2 where it failed; then nothing is changed."""
    parser = argparse.ArgumentParser(prog="python -m flip_wasm", description="Tools for FLIP jobs on NVFLARE.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "convert",
        help="make a job run FLIP's components in the sandbox",
        description="Rewrites the class paths of FLIP's components in a job's configuration to those of "
        "flip_wasm, and says what it changed. The rest of the files stays as it is.",
    )
    command.add_argument("job", type=Path, metavar="JOB", help="the job's folder")
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "-o", "--out", type=Path, help="the folder of the converted job, a new one; by default JOB-wasm"
    )
    where.add_argument("--in-place", action="store_true", help="replace JOB itself")
    command.add_argument(
        "--component",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a .wasm file that is copied to the custom/ folder of each app; may come several times",
    )
    command.set_defaults(run=_convert)

    command = commands.add_parser(
        "merge-trace",
        aliases=["trace"],
        help="make one trace of what the places of a job have recorded",
        description="Puts what TraceRecorder has written at the server and the sites into the order of time, "
        "for `flip-wasm run --trace`. The clocks of the machines must agree.",
    )
    command.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="what a recorder has written to")
    command.add_argument(
        "-o", "--out", type=Path, help="the trace; by default trace.jsonl in the first folder"
    )
    command.set_defaults(run=_merge)

    command = commands.add_parser(
        "report",
        help="show what a run did, as a page",
        description="Makes a page of a report or an audit trail that was written earlier: one file that needs "
        "no network and no script.",
    )
    command.add_argument("file", type=Path, metavar="IN", help="a report or an audit trail")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.html", help="the page")
    command.set_defaults(run=_report)

    options = parser.parse_args(args)
    try:
        for line in options.run(options):
            print(line)
    except (ConvertError, TraceError, FlipWasmError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _convert(options: argparse.Namespace) -> list[str]:
    job: Path = options.job
    out: Path | None = options.out
    if out is None and not options.in_place:
        out = job.absolute().with_name(f"{job.absolute().name}-wasm")
    done = convert(job, out, components=options.component, in_place=options.in_place)
    return [*done.lines, f"{done.changed} class paths changed, in {out or job}"]


def _merge(options: argparse.Namespace) -> list[str]:
    out: Path = options.out or options.folders[0] / "trace.jsonl"
    records = merge(options.folders, out)
    return [f"{records} records, in {out}"]


def _report(options: argparse.Namespace) -> list[str]:
    page = report_page(options.file)
    options.out.write_text(page, encoding="utf-8")
    return [f"the page is {options.out}"]


if __name__ == "__main__":
    sys.exit(main())
