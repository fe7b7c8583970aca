"""Makes an existing FLIP job run its components in the sandbox: rewrites the class paths in its configuration.

Only the class paths change; the layout of the files and their comments stay as they are.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OLD = "flip.nvflare.components"
NEW = "flip_wasm.nvflare.components"
WASM = "wasm:"
CLASSES = frozenset(
    {
        "PercentilePrivacy",
        "StagePercentilePrivacy",
        "ValidationJsonGenerator",
        "EvaluationJsonGenerator",
        "ClientEventHandler",
        "ServerEventHandler",
        "PersistToS3AndCleanup",
        "PTModelLocator",
        "InitialPTModelLocator",
        "EvaluationPTModelLocator",
        "CleanupImages",
    }
)
# These report under the model's id, which FLIP's own can also take from elsewhere.
_NEED_MODEL_ID = frozenset({"ServerEventHandler", "PersistToS3AndCleanup"})
# The keys under which NVFLARE looks for a class.
_KEYS = ("path", "class_path")
_SUFFIXES = (".json", ".conf", ".yml", ".yaml")
_COMMENTS: dict[str, tuple[str, ...]] = {".json": (), ".conf": ("#", "//"), ".yml": ("#",), ".yaml": ("#",)}
_ENTRY = re.compile(
    rf"""(?<![\w."'$-])(?P<key>["']?(?:{"|".join(_KEYS)})["']?\s*[:=]\s*)
         (?P<quote>["']?)(?P<value>(?:{re.escape(OLD)}\.[\w.]*\w|{WASM}[^"'\s,}}\]]+))(?P=quote)
         (?![\w.$"'])""",
    re.VERBOSE,
)


class ConvertError(ValueError):
    """A job that cannot be converted; the text says which file and why."""


@dataclass
class Conversion:
    """What converting a job does."""

    lines: list[str] = field(default_factory=list)
    """What changed and what was left, a line each."""
    changed: int = 0
    """How many class paths changed."""


def convert(
    job: Path, out: Path | None = None, *, components: Sequence[Path] = (), in_place: bool = False
) -> Conversion:
    """Converts the job in the folder `job`.

    Args:
        job: a job's folder as FLIP ships it or as NVFLARE exports it, with configuration files in it or in
            its apps' `config/`.
        out: the folder of the converted job, which must not exist; not with `in_place`.
        components: `.wasm` files that are copied to the `custom/` folder of each app.
        in_place: replace `job` itself.

    Raises:
        ConvertError: where a file or a format cannot be rewritten. Nothing is changed then.
        OSError: where a file cannot be read or written.
    """
    job = job.absolute()
    if not job.is_dir():
        raise ConvertError(f"{job}: not a folder")
    if (out is None) != in_place:
        raise ConvertError("either a folder for the result or in place")
    target = job if out is None else out.absolute()
    if out is not None and (target.exists() or target.is_relative_to(job)):
        raise ConvertError(f"{target}: there already, or inside the job")
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new = folder / "new"
        shutil.copytree(job, new, symlinks=True)
        conversion = _convert(new)
        conversion.lines += _copy_components(new, components)
        if in_place:
            os.replace(job, folder / "old")
            try:
                os.replace(new, job)
            except BaseException:
                os.replace(folder / "old", job)
                raise
        else:
            os.replace(new, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return conversion


def _convert(job: Path) -> Conversion:
    conversion = Conversion()
    files = sorted(_config_files(job))
    if not files:
        raise ConvertError("no configuration of a job in the folder: neither *.json nor *.conf, *.yml, *.yaml")
    for path in files:
        name = path.relative_to(job).as_posix()
        if path.is_symlink():
            raise ConvertError(f"{name}: a symbolic link")
        # As bytes, so that the ends of lines stay.
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        new = _rewrite(text, path.suffix, name, conversion)
        if new != text:
            path.write_bytes(new.encode("utf-8", "surrogateescape"))
    conversion.lines += _code(job)
    return conversion


def _config_files(job: Path) -> Iterator[Path]:
    for path in job.rglob("*"):
        parent = path.relative_to(job).parent
        if path.suffix in _SUFFIXES and path.is_file() and (parent.name == "config" or parent == Path(".")):
            yield path


def _rewrite(text: str, suffix: str, name: str, conversion: Conversion) -> str:
    """The text with its class paths rewritten, and a line for each."""
    comments = _COMMENTS[suffix]

    def entry(match: re.Match[str]) -> str:
        at = match.start("value")
        if _is_comment(text[text.rfind("\n", 0, at) + 1 : at], comments):
            return match[0]
        return _entry(match, f"{name}:{1 + text.count(chr(10), 0, at)}", conversion)

    new = _ENTRY.sub(entry, text)
    # What is left of the old package once its entries are out, such as a path that is put together.
    rest = _ENTRY.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(rest.split("\n"), 1):
        before, old, _ = line.partition(OLD)
        if not old or _is_comment(before, comments):
            continue
        if suffix != ".json":
            reason = f"{OLD} is written in a way that cannot be rewritten"
            raise ConvertError(f"{name}:{number}: {reason}: {line.strip()}")
        conversion.lines.append(f"{name}:{number}: left: no entry of a component: {line.strip()}")
    if suffix == ".json" and OLD in text:
        _check_json(text, new, name, conversion)
    return new


def _is_comment(before: str, signs: tuple[str, ...]) -> bool:
    """Whether a comment has begun in what stands before in the line."""
    return any(before.lstrip().startswith(sign) or f" {sign}" in before for sign in signs)


def _entry(match: re.Match[str], where: str, conversion: Conversion) -> str:
    value = match["value"]
    if value.startswith(WASM):
        conversion.lines.append(f"{where}: left: {value}: `flip-wasm run` knows such paths, NVFLARE does not")
        return match[0]
    new = _new_path(value)
    if new == value:
        conversion.lines.append(f"{where}: left: {value}: not one of the classes that run in the sandbox")
        return match[0]
    conversion.lines.append(f"{where}: {value} -> {new}")
    conversion.changed += 1
    return f"{match['key']}{match['quote']}{new}{match['quote']}"


def _new_path(path: str) -> str:
    """The class path to use; the same where there is no other. Submodules are left out."""
    name = path.rpartition(".")[2]
    return f"{NEW}.{name}" if path.startswith(f"{OLD}.") and name in CLASSES else path


def _check_json(old: str, new: str, name: str, conversion: Conversion) -> None:
    """Checks that exactly the class paths changed, whatever the text looked like."""
    try:
        before, after = json.loads(old), json.loads(new)
    except ValueError as error:
        raise ConvertError(f"{name}: names {OLD}, and is no JSON that can be rewritten: {error}") from error
    if _rewritten(before) != after:
        raise ConvertError(f"{name}: its class paths are written in a way that cannot be rewritten")
    for entry in _entries(after):
        path = next(entry[key] for key in _KEYS if isinstance(entry.get(key), str))
        package, _, cls = path.rpartition(".")
        args = entry.get("args")
        has_id = isinstance(args, dict) and args.get("model_id")
        if package == NEW and cls in _NEED_MODEL_ID and not has_id:
            conversion.lines.append(f"{name}: note: {cls} has no model_id among its args, and needs one")


def _rewritten(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _new_path(member) if key in _KEYS and isinstance(member, str) else _rewritten(member)
            for key, member in value.items()
        }
    return [_rewritten(member) for member in value] if isinstance(value, list) else value


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    """The objects that name a class."""
    members: Iterable[Any] = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = value.values()
        if any(isinstance(value.get(key), str) for key in _KEYS):
            yield value
    for member in members:
        yield from _entries(member)


def _code(job: Path) -> list[str]:
    """Says where the job's own code uses the package: code is not rewritten."""
    found = []
    for path in sorted(job.rglob("*.py")):
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if OLD in line and not line.lstrip().startswith("#"):
                where = f"{path.relative_to(job).as_posix()}:{number}"
                found.append(f"{where}: left: code is not rewritten: {line.strip()}")
    return found


def _copy_components(job: Path, components: Sequence[Path]) -> list[str]:
    lines = []
    configs = {path.parent for path in _config_files(job) if path.name.startswith("config_")}
    apps = sorted({config.parent if config.name == "config" else config for config in configs})
    for component in components:
        with component.open("rb") as file:
            if file.read(4) != b"\0asm":
                raise ConvertError(f"{component}: not a WebAssembly file")
        if not apps:
            raise ConvertError(f"{component}: the job has no app that it could be copied to")
        for app in apps:
            target = app / "custom" / component.name
            name = target.relative_to(job).as_posix()
            if target.exists() and not filecmp.cmp(component, target, shallow=False):
                raise ConvertError(f"{name}: there already, with other contents")
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(component, target)
            lines.append(f"{name}: copied")
    return lines
