"""Folders of simulated films: DICOM or PNG, masks, COCO truth, tables of true measurements."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kummell_ai import __version__
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.errors import InputError, UsageError
from kummell_ai.synthesis.case import banks_of, generate_case
from kummell_ai.synthesis.film_files import FORMATS, FilmFiles, whole
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.recipe_file import keep_recipe
from kummell_ai.synthesis.sources import sources_digest
from kummell_ai.synthesis.truth import OF_BODY, OF_SEGMENT
from kummell_ai.workers import run_jobs

FILMS_PER_PATIENT = 3
SEEDS = 10**15
"""Seeds lie below it: they stand in file names, and exactly in tables and JSON."""


_OF_FILM = ("phase", "index_level", "fracture", "posture", "field_of_view")
FILM_COLUMNS = ("file_name", "patient", *_OF_FILM, *OF_SEGMENT, *(f"projected_{name}" for name in OF_SEGMENT))
"""Columns of ``truth.csv``; an empty cell is a value that cannot be told."""

_MADE_WITH, _BYTES = _OWN = ("made_with", "bytes")
"""What a part says of each film beside its entry: what made it, and how large its files are."""

_OF_VERTEBRA = ("phase", "level", "flags", "fracture")
VERTEBRA_COLUMNS = ("file_name", "patient", *_OF_VERTEBRA, *OF_BODY, *(f"projected_{name}" for name in OF_BODY))
"""Columns of ``vertebrae.csv``."""


@dataclass(frozen=True, slots=True)
class _Job:
    folder: Path
    seed: int
    films: int
    recipe: Recipe
    form: str
    masks: bool
    sources: str = ""

    @property
    def part(self) -> Path:
        """The patient's own COCO file, there only when all its films are."""
        return self.folder / "parts" / f"SIM{self.seed:08d}.json"

    @property
    def made_with(self) -> str:
        """Short for all that the files depend on beside the seed."""
        words = f"{__version__} {self.films} {self.form} {self.masks} {self.recipe}"
        words += f" {self.sources}" if self.sources else ""
        return hashlib.sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The films of finished parts, read anew at every turn, so that a large set is never in memory."""

    jobs: tuple[_Job, ...]

    def __iter__(self) -> Iterator[AnnotatedFilm]:
        for job in self.jobs:
            for film in read_coco(job.part):
                for key in _OWN:
                    film.extra.pop(key, None)
                yield film


def write_dataset(
    out: Path,
    count: int,
    seed: int,
    recipe: Recipe,
    *,
    workers: int = 1,
    form: str = "dicom",
    masks: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Simulate ``count`` films, three a patient (before, after, follow-up); the last patient may have fewer.

    A run that was stopped goes on where it ended; films made with another recipe or version, or with bones or CTs whose
    files had other names or sizes, are made anew. The same seed gives the same films on any number of workers.

    Args:
        out: folder; gets ``films/``, ``annotations.json`` (COCO keypoints), ``truth.csv`` (a row a film),
            ``vertebrae.csv`` (a row a vertebra), ``recipe.yaml`` unless a person's stands there that says the same,
            and ``masks/`` when asked for.
        count: films, at least 1.
        seed: patient k has seed ``seed + k``.
        recipe: what to simulate.
        workers: processes.
        form: ``dicom`` or ``png``.
        masks: whether to write where metal (1) and cement (2) lie, as an 8-bit PNG a film.
        progress: called with the number of films done since the last call.

    Returns:
        Path of ``annotations.json``.

    Raises:
        UsageError: ``count``, ``workers``, ``seed`` or ``form`` is out of range.
        ConfigError: what the recipe points to cannot be used; nothing is written then.
    """
    if count < 1 or workers < 1 or not 0 <= seed < SEEDS:
        text = f"count and workers start at 1, a seed lies from 0 to {SEEDS - 1}"
        raise UsageError(f"count {count}, workers {workers}, seed {seed!s:.20}: {text}")
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is unknown; use {' or '.join(FORMATS)}", form)
    check_sources(recipe)  # before anything is written
    for name in ("films", "parts", *(("masks",) if masks else ())):
        (out / name).mkdir(parents=True, exist_ok=True)
    keep_recipe(out / "recipe.yaml", recipe, count, seed)
    patients, sources = -(-count // FILMS_PER_PATIENT), sources_digest(recipe)
    jobs = tuple(
        _Job(out, seed + k, min(FILMS_PER_PATIENT, count - k * FILMS_PER_PATIENT), recipe, form, masks, sources)
        for k in range(patients)
    )
    for done in run_jobs(_make_patient, jobs, workers):
        if progress is not None:
            progress(done)
    target = out / "annotations.json"
    write_coco(target, _Parts(jobs))
    _write_table(out / "truth.csv", FILM_COLUMNS, (_film_row(film) for film in _Parts(jobs)))
    rows = (row for film in _Parts(jobs) for row in _vertebra_rows(film))
    _write_table(out / "vertebrae.csv", VERTEBRA_COLUMNS, rows)
    return target


def check_sources(recipe: Recipe) -> None:
    """Read the bones and CTs that a recipe points to; they stay in memory for the films of this process.

    Raises:
        ConfigError: one of them cannot be used.
    """
    if recipe.templates:
        banks_of(recipe, 0)
    if recipe.backgrounds:
        from kummell_ai.synthesis.tissue.ct_volume import find_scans, load_donor

        for ct, mask in find_scans(recipe.backgrounds):
            load_donor(ct, mask)


def _make_patient(job: _Job) -> int:
    if not _is_made(job):
        job.part.unlink(missing_ok=True)  # first: from here on its films are not those of the old part
        case = generate_case(job.seed, job.recipe)
        files = FilmFiles(job.folder, job.form, job.masks)
        films = [files.write(case, film, k) for k, film in enumerate(case.films[: job.films])]
        for film in films:
            film.extra.update({_MADE_WITH: job.made_with, _BYTES: _sizes(job, film)})
        write_coco(job.part, films)
    return job.films


def _is_made(job: _Job) -> bool:
    """Whether the part can be read and its films lie there as large as they were written."""
    try:
        films = read_coco(job.part)
        sizes = [_sizes(job, film) for film in films]
    except (InputError, OSError):
        return False
    kept = [
        film.extra.get(_MADE_WITH) == job.made_with and film.extra.get(_BYTES, size) == size
        for film, size in zip(films, sizes, strict=True)
    ]
    return len(kept) == job.films and all(kept)


def _sizes(job: _Job, film: AnnotatedFilm) -> list[int]:
    """Bytes of a film's files."""
    names = [film.file_name, *([film.extra["mask"]] if "mask" in film.extra else [])]
    return [(job.folder / name).stat().st_size for name in names]


def _film_row(film: AnnotatedFilm) -> dict[str, Any]:
    return {
        "file_name": film.file_name,
        "patient": film.landmarks.reference.patient_id,
        **{key: film.extra[key] for key in _OF_FILM},
        **film.extra["truth"],
        **_projected(film.extra["projected_truth"]),
    }


def _vertebra_rows(film: AnnotatedFilm) -> Iterator[dict[str, Any]]:
    for vertebra, detail in zip(film.landmarks.vertebrae, film.details, strict=True):
        yield {
            "file_name": film.file_name,
            "patient": film.landmarks.reference.patient_id,
            "phase": film.extra["phase"],
            "level": None if vertebra.level is None else vertebra.level.value,
            "flags": " ".join(sorted(vertebra.flags)),
            "fracture": detail["fracture"],
            **detail["truth"],
            **_projected(detail["projected_truth"]),
        }


def _projected(values: Mapping[str, float]) -> dict[str, float]:
    return {f"projected_{key}": value for key, value in values.items()}


def _write_table(path: Path, names: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
