"""Corners that a person set, given by ``--corners``: whose film each is, and the files to draw them in."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kummell_ai.cli import options
from kummell_ai.cli.files import write_atomic
from kummell_ai.cli.looks import Look
from kummell_ai.errors import InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.anatomy import Facing
    from kummell_ai.annotations import AnnotatedFilm
    from kummell_ai.imaging.annotation import SpineLandmarks
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.measurement.results import RadiographMeasurement

LABELME = "labelme"
"""Of ``--formats``, and the folder of its files."""


def add_corners(parser: argparse.ArgumentParser) -> None:
    """``--corners``: what a person marked counts instead of what the network found."""
    parser.add_argument(
        "--corners",
        type=options.path_of_input,
        metavar="PATH",
        help="corners that you set or corrected, as of measure --formats labelme: they count instead of those found",
    )


class HandCorners:
    """What a person marked, by film."""

    def __init__(self, marked: Sequence[AnnotatedFilm], paths: Iterable[Path]) -> None:
        """Find the film of each.

        Args:
            marked: films as they were marked, each told by the hash of its file, else by its name.
            paths: of the films of this run.

        Attributes:
            without_film: names of those whose film is none of ``paths``.

        Raises:
            UsageError: marks fit several films, or a film has several marks.
        """
        films = list(paths)
        hashes = {path: _sha256(path) for path in films} if marked else {}
        self._by_path: dict[Path, AnnotatedFilm] = {}
        self.without_film: list[str] = []
        for own in marked:
            fitting = _films_of(own, films, hashes)
            if len(fitting) > 1:
                text = f"--corners: {own.file_name} may be {' or '.join(map(str, fitting[:2]))}; name them apart, or "
                raise UsageError(f"{text}let measure --formats labelme write the files, which know their film")
            if not fitting:
                self.without_film.append(own.file_name)
            elif fitting[0] in self._by_path:
                other = self._by_path[fitting[0]].file_name
                raise UsageError(f"--corners: {other} and {own.file_name} are both of {fitting[0]}; keep one")
            else:
                self._by_path[fitting[0]] = own

    @classmethod
    def read(cls, source: Path | None, paths: Iterable[Path]) -> HandCorners:
        """The marks in a folder or file of any annotated form; none where ``source`` is None.

        Raises:
            UsageError: some cannot be read, fit several films, or a film has several.
        """
        if source is None:
            return cls((), ())
        from kummell_ai.annotations import read_annotations

        try:
            return cls(read_annotations(source, names_tell_front=True), paths)
        except InputError as error:
            raise UsageError(f"--corners: {error}", str(source)) from None

    def use(self, path: Path, seen: Look) -> tuple[Radiograph, SpineLandmarks]:
        """`Look.use` with what a person marked on the film, if anything; the network need not have found a spine.

        Where the names of the corners say that the film faces the other way than the network took it, they count, and
        the film's notes say so.

        Raises:
            InputError: the film is missing, or its marks are of a picture of another size.
        """
        own = self._by_path.get(path)
        if own is None or seen.film is None:
            return seen.use()
        from kummell_ai.imaging.annotation import SpineLandmarks
        from kummell_ai.measurement.by_hand import with_corners_by_hand

        film = seen.film
        if own.size_px != (film.width, film.height):
            drawn_on = f"its corners were set on a picture of {own.size_px[0]} x {own.size_px[1]} px"
            has = f"the film has {film.width} x {film.height}: set them on this film"
            raise InputError(f"{film.reference.name}: {drawn_on}, {has}", own.size_px)
        found = seen.found
        if isinstance(found, InputError):
            found = SpineLandmarks((), film.reference, film.facing)
        else:
            film = replace(film, notes=(*film.notes, *_why_turned(found.facing, own.landmarks.facing)))
        is_ours = own.landmarks.reference.sha256 is not None
        return film, with_corners_by_hand(found, own.landmarks, film.spacing, states_are_marked=is_ours)


def _why_turned(found: Facing, marked: Facing) -> tuple[str, ...]:
    """What to note of a film that a person has face the other way than the network had it."""
    if len({found.value, marked.value} - {"unknown"}) < 2:
        return ()
    return (
        f"The network took the front to be on the {found.value}; the corners that were set by hand are named for a "
        f"front on the {marked.value}, and they count: look whether they are right.",
    )


def _films_of(own: AnnotatedFilm, films: Sequence[Path], hashes: dict[Path, str | None]) -> list[Path]:
    """The films that marks may belong to: of that content, else of that name, else of that name but for its ending."""
    told = own.landmarks.reference.sha256
    if told is not None:
        return [path for path in films if hashes[path] == told]
    name = PurePosixPath(own.file_name)
    return [path for path in films if path.name == name.name] or [path for path in films if path.stem == name.stem]


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None  # reading the film says why


def check_labelme(folder: Path, stems: Iterable[str]) -> None:
    """No file that a person may have drawn in is there already.

    Raises:
        UsageError: one is.
    """
    for stem in stems:
        file = folder / LABELME / f"{stem}.json"
        if file.exists():
            text = f"{file} is there and may hold corners that you set; move it, or give another folder to --out"
            raise UsageError(text, str(file))


def write_for_labelme(folder: Path, stem: str, radiograph: Radiograph, measurement: RadiographMeasurement) -> str:
    """The film as PNG and what was found on it as LabelMe JSON beside it; the name of the latter in ``folder``."""
    from kummell_ai.annotations.coco import AnnotatedFilm
    from kummell_ai.annotations.labelme import to_labelme
    from kummell_ai.reporting.film import film_png

    landmarks = replace(measurement.landmarks, reference=replace(radiograph.reference, patient_name=None))
    film = AnnotatedFilm(f"{stem}.png", measurement.size_px, landmarks, measurement.spacing)
    text = json.dumps(to_labelme(film), ensure_ascii=False, allow_nan=False, indent=1)
    write_atomic(folder / LABELME / f"{stem}.png", film_png(radiograph))
    write_atomic(folder / LABELME / f"{stem}.json", text)
    return f"{LABELME}/{stem}.json"
