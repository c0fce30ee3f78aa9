"""File names that are safe whatever a header says, and files that are whole or absent."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kummell_ai.cli.console import Problems
from kummell_ai.errors import UsageError
from kummell_ai.imaging.names import printable

MAX_NAME = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
FILM_JSON, REPORT_JSON = "kummell_ai.film/", "kummell_ai.report/"
"""How the schema of a result begins."""
_TOLD_BY = 3
"""Columns at its beginning by which a table of this program is known."""
_PACKED_END = 1 << 16
"""Bytes at the end of a Parquet file in which its columns are looked for."""
_REPORT = re.compile(r"report(-.*)?", re.IGNORECASE)
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


def safe_name(text: str, fallback: str = "film") -> str:
    """``text`` as a file name; where characters had to go, a hash of the whole text keeps names apart.

    >>> safe_name("IM_0007"), safe_name("../../etc/passwd")
    ('IM_0007', 'etc-passwd-3754d6cb')
    """
    name = _UNSAFE.sub("-", text).strip("-.")
    if name and name == text and len(name) <= MAX_NAME and name.lower() not in _RESERVED:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = name.replace("..", "-").strip("-.")[: MAX_NAME - 9].strip("-.")
    return f"{name or fallback}-{digest}"


def results_in(folder: Path, patterns: Iterable[str]) -> set[Path]:
    """The files in ``folder`` that match one of the glob ``patterns``."""
    return {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}


def is_result(path: Path, schema: str) -> bool:
    """Whether a file is a JSON that this program wrote, by the beginning of its ``schema``."""
    beginning = head(path).decode("utf-8", "replace")
    return re.match(rf'\s*{{\s*"schema":\s*"{re.escape(schema)}', beginning) is not None


def check_replaced(paths: Iterable[Path], schema: str) -> None:
    """What stands where JSON files with ``schema`` will be written is such a file itself.

    Raises:
        UsageError: a file of another kind, such as a person's annotation of the film, would be replaced.
    """
    for path in paths:
        if path.exists() and not is_result(path, schema):
            text = f"{path} is no {schema.strip('/').rpartition('.')[2]} of this program and would be replaced; "
            raise UsageError(text + "give another folder to --out", str(path))


def is_table(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file is a CSV that this program wrote, by the columns it begins with."""
    return head(path).startswith(",".join(columns[:_TOLD_BY]).encode())


def check_tables(folder: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """What stands where CSV files will be written are tables of this program, by the columns they begin with.

    Args:
        folder: for the results.
        tables: columns by file name.

    Raises:
        UsageError: a file of another kind, such as a person's own measurements, would be replaced.
    """
    for name, columns in tables.items():
        path = folder / name
        if path.exists() and not is_table(path, columns):
            text = f"{path} is no table of this program and would be replaced; give another folder to --out"
            raise UsageError(text, str(path))


def check_packed(tables: Mapping[Path, Sequence[str]]) -> None:
    """What stands where Parquet tables will be written are tables of this program, by the columns named at their end.

    Args:
        tables: columns by path.

    Raises:
        UsageError: a file of another kind would be replaced.
    """
    for path, columns in tables.items():
        if path.exists() and not is_packed(path, columns):
            text = f"{path} is no table of this program and would be replaced; give another folder to --out"
            raise UsageError(text, str(path))


def is_packed(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file is a Parquet table with ``columns``, which its last bytes name."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _PACKED_END))
            end = file.read(_PACKED_END)
    except OSError:
        return False
    return end.endswith(b"PAR1") and all(column.encode() in end for column in columns)


def head(path: Path, size: int = 200) -> bytes:
    """The first ``size`` bytes; none where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def say_stale(folder: Path, before: set[Path], written: Iterable[Path], problems: Problems) -> None:
    """Say which results of an earlier run stay beside those of this one."""
    stale = sorted(str(path.relative_to(folder)) for path in before - set(written))
    if stale:
        rest = "" if len(stale) <= 3 else f" and {len(stale) - 3} more"
        text = f"{', '.join(stale[:3])}{rest} of an earlier run stay here: remove them, or give a new folder"
        problems.warn(str(folder), text)


def labels(paths: Iterable[Path]) -> dict[Path, str]:
    """A name for each film: the file's own, with as many folders before it as tell films of one name apart.

    >>> list(labels([Path("p/pre/IM0"), Path("p/post/IM0"), Path("p/pre/IM1")]).values())
    ['pre/IM0', 'post/IM0', 'IM1']
    """
    films = list(paths)
    depth = dict.fromkeys(films, 1)
    while True:
        named = {path: "/".join(path.parts[-depth[path] :]) for path in films}
        counts = Counter(name.lower() for name in named.values())
        alike = [path for path in films if counts[named[path].lower()] > 1 and depth[path] < len(path.parts)]
        if not alike:
            return {path: printable(name) for path, name in named.items()}
        for path in alike:
            depth[path] += 1


def unique_stems(paths: Iterable[Path], *, beside_reports: bool = False) -> dict[Path, str]:
    """A file stem for each film: its own where it is the only one, else with its folders and a hash of them.

    Args:
        paths: the films.
        beside_reports: keep ``report`` and ``report-...`` for the reports that stand in the same folder.
    """
    names = labels(paths)
    stems = {path: safe_name(path.stem) for path in names}
    if beside_reports:
        stems |= {p: safe_name(f"film {names[p]}") for p, stem in stems.items() if _REPORT.fullmatch(stem)}
    for longer in ("{}", "film {}"):  # what the first makes of a film may be another's own stem
        counts = Counter(stem.lower() for stem in stems.values())
        stems = {
            p: stem if counts[stem.lower()] == 1 else safe_name(longer.format(names[p])) for p, stem in stems.items()
        }
    return stems


def patient_folders(patients: Iterable[str]) -> dict[str, str]:
    """A folder name for each patient identifier; a hash keeps those apart that many file systems take for one.

    >>> patient_folders(["A1", "B-2", "b-2"])
    {'A1': 'patient-A1', 'B-2': 'patient-B-2-402a2548', 'b-2': 'patient-b-2-4c816e2f'}
    """
    names = {patient: safe_name(patient, "unknown") for patient in patients}
    counts = Counter(name.lower() for name in names.values())
    alike = {patient: safe_name(f" {patient}") for patient, name in names.items() if counts[name.lower()] > 1}
    return {patient: f"patient-{name}" for patient, name in (names | alike).items()}


def write_atomic(path: Path, content: str | bytes) -> Path:
    """Write ``content`` beside ``path`` and rename it there, so that no half-written file is ever seen.

    What is no Unicode, as in a path from the user, is spelled out; in JSON that reads back as it was.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)  # a full disk names no file
        raise
    return path


def check_out(folder: Path) -> Path:
    """The output folder, if it can be one.

    Raises:
        UsageError: ``folder`` or something above it is a file, a link to nowhere or cannot be written to.
    """
    for part in (folder, *folder.parents):
        if part.is_symlink() and not part.exists():
            raise UsageError(f"--out {folder}: {part} is a link to nothing; name another folder", str(folder))
        if part.exists():
            if not part.is_dir():
                raise UsageError(f"--out {folder}: {part} is a file; name a folder", str(folder))
            if not os.access(part, os.W_OK):
                raise UsageError(f"--out {folder}: {part} cannot be written to; name another folder", str(folder))
            break
    return folder


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
