"""The films of a cohort: found, read without their pixels, put together by patient."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kummell_ai.cli import console
from kummell_ai.cli.cohort_losses import Losses
from kummell_ai.cli.files import labels
from kummell_ai.cli.people import first_of_two_people
from kummell_ai.cohort.manifest import ManifestFilm, given_to_two, read_manifest
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.pseudonym import Pseudonyms
from kummell_ai.dicom import exposure_keys, find_films, read_radiograph
from kummell_ai.dicom.series import ExposureKey
from kummell_ai.errors import InputError
from kummell_ai.imaging.radiograph import Radiograph


@dataclass(frozen=True, slots=True)
class ListedFilm:
    """A film that can be read, under the reference it has in all outputs."""

    entry: ManifestFilm
    film: Radiograph

    @property
    def place(self) -> str:
        """Row of the manifest, or the film's name in all outputs."""
        return self.entry.place if self.entry.is_row else self.film.reference.name

    def with_pixels(self) -> Radiograph:
        """The film read again, under the same reference."""
        radiograph = read_radiograph(self.entry.path)
        return replace(radiograph, reference=self.film.reference, notes=self.film.notes)


def list_films(source: Path, pseudonyms: Pseudonyms | None = None) -> tuple[list[ManifestFilm], list[Problem]]:
    """The films of a folder or a manifest, and the problems of the latter.

    Raises:
        InputError: nothing is there, or no regular file, or the manifest cannot be read.
    """
    if source.is_file():
        if _is_film(source):
            raise InputError(f"{source.name}: is a film; give its folder or a manifest", str(source))
        return read_manifest(source, _shown(pseudonyms))
    if os.path.exists(source) and not os.path.isdir(source):  # a pipe or a device, which reading would wait for
        raise InputError(f"{source}: is no regular file; give a manifest or a folder of films", str(source))
    paths = find_films([source])
    return [
        ManifestFilm(p, p.relative_to(source).as_posix(), None, None, None, (), (), is_row=False) for p in paths
    ], []


def _is_film(path: Path) -> bool:
    """Whether a file is no table but a film: DICOM, PNG, JPEG or TIFF by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return False  # reading it says so
    return head[128:] == b"DICM" or head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*"))


def hide_names(entries: Sequence[ManifestFilm], pseudonyms: Pseudonyms, losses: Losses) -> None:
    """Keep file names and the manifest's patients out of every line from here on."""
    for number, entry in enumerate(entries, start=1):
        names = [entry.path.name, str(entry.path)] + ([] if entry.is_row else [entry.place])
        losses.secrets |= dict.fromkeys(names, f"film {number}")
        if entry.patient_id:
            losses.secrets[entry.patient_id] = pseudonyms.patient(entry.patient_id)


def read_by_patient(
    entries: Sequence[ManifestFilm], pseudonyms: Pseudonyms | None, losses: Losses
) -> dict[str, list[ListedFilm]]:
    """Films without pixels by the name of their patient in all outputs, sorted by it."""
    groups: dict[str, list[tuple[ManifestFilm, Radiograph]]] = {}
    seen: dict[ExposureKey, tuple[str, str]] = {}
    in_headers: dict[str, dict[str, str]] = {}
    shown = _shown(pseudonyms)
    for entry in console.track(entries, "reading", len(entries)):
        film = _read(entry, seen, shown, losses)
        patient = None if film is None else _patient_of(entry, film)
        if film is None or patient is None:
            continue
        film = replace(film, pixels=film.pixels[:1, :1].copy())
        in_header = film.reference.patient_id
        if pseudonyms and in_header:
            losses.secrets[in_header] = pseudonyms.patient(in_header)
        if in_header and patient not in in_headers.setdefault(in_header, {}):
            in_headers[in_header][patient] = entry.place
            if in_header != patient:
                text = f"the film says patient {in_header}, the manifest {patient}; the manifest counts: check the row"
                losses.warn(Problem(Fault.OTHER_ID, entry.place, text))
        groups.setdefault(patient, []).append((entry, film))
    _say_one_person(in_headers, shown, losses)
    named = {}
    for patient, films in groups.items():
        name, first = shown(patient), films[0]
        if pseudonyms:
            losses.secrets[patient] = name
        if not (first[0].patient_id or first[1].reference.patient_id):
            _say_nameless(name, len(films), None if pseudonyms else _folder_of(first[0]), losses)
        _say_two_people(name, films, losses)
        named[name] = _name_films(patient, films, pseudonyms)
    return dict(sorted(named.items()))


def _shown(pseudonyms: Pseudonyms | None) -> Callable[[str], str]:
    """How the lines name a patient."""
    return pseudonyms.patient if pseudonyms else str


def _patient_of(entry: ManifestFilm, film: Radiograph) -> str | None:
    """The patient as given, else of the header, else one for the folder; None where a row of a manifest has none."""
    named = entry.patient_id or film.reference.patient_id
    return named or (None if entry.is_row else f"unknown {_folder_of(entry)}")


def _read(
    entry: ManifestFilm, seen: dict[ExposureKey, tuple[str, str]], shown: Callable[[str], str], losses: Losses
) -> Radiograph | None:
    """A film whose patient can be told and that is none of those ``seen``; else None, and why is said.

    Args:
        entry: the film.
        seen: place and patient of the films before; the film is added.
        shown: how the lines name a patient.
        losses: take the line.
    """
    fault = Fault.UNREADABLE
    try:
        if not os.path.isfile(entry.path):  # unlike the method of a path, also where its folder may not be entered
            is_there = os.path.exists(entry.path)
            text = "is no regular file; name a film" if is_there else "is not there; check the path"
            slashes = " (write / between folders)" if "\\" in entry.path.name else ""
            raise InputError(f"{entry.path.name or entry.path}: {text}, relative to the manifest{slashes}")
        film = read_radiograph(entry.path)
        keys, patient = exposure_keys(film.reference), _patient_of(entry, film)
        known = next((seen[key] for key in keys if key in seen), None)
        if known is not None:
            fault = Fault.COPY
            raise InputError(f"{entry.path.name}: {_copy_text(*known, patient, shown)}")
        if patient is None:
            fault = Fault.INCOMPLETE_ROW
            raise InputError(f"{entry.path.name}: names no patient; it is not used: give patient_id in the row")
        seen |= dict.fromkeys(keys, (entry.place, patient))
    except InputError as error:
        losses.refuse(fault, entry.place, str(error))
        return None
    return film


def _copy_text(place: str, first: str, patient: str | None, shown: Callable[[str], str]) -> str:
    """What is said of a copy of the film at ``place``, which is of the patient ``first``."""
    if patient is None or patient == first:
        return f"is a copy of {place}; list it once"
    return f"is a copy of {place} and {given_to_two(shown(first), shown(patient))}; {place} counts: check whose it is"


def _say_one_person(in_headers: Mapping[str, Mapping[str, str]], shown: Callable[[str], str], losses: Losses) -> None:
    """One person, by the headers, whose films the manifest gives to several patients, each with a place."""
    for in_header, places in in_headers.items():
        if len(places) > 1:
            names = [shown(patient) for patient in places]
            listed = " and ".join(names) if len(names) == 2 else console.first_of(names)
            text = f"patients {listed} have films whose headers name one patient, {shown(in_header)}; they count as "
            text += f"{len(names)} patients: give one patient_id if they are one person"
            losses.warn(Problem(Fault.OTHER_ID, list(places.values())[1], text))


def _folder_of(entry: ManifestFilm) -> str:
    """The folder of a film in the input, which stands for its patient; the input's own name ends with a slash."""
    return entry.place.rpartition("/")[0] or f"{entry.path.resolve().parent.name}/"


def _say_nameless(name: str, count: int, folder: str | None, losses: Losses) -> None:
    """What is taken for a patient because it lies in one folder; a ``folder`` may hold a name and is then None."""
    where = "" if folder is None else f" {folder}"
    what = f"{count} film{' names' if count == 1 else 's name'} no patient"
    text = f"{what}: taken for one patient, by folder{where}; give patient_id in a manifest"
    losses.warn(Problem(Fault.FINDING, f"patient {name}", text))


def _say_two_people(name: str, films: Sequence[tuple[ManifestFilm, Radiograph]], losses: Losses) -> None:
    """One id on films whose headers name different people; the names themselves are not repeated."""
    if pair := first_of_two_people([film.reference for _, film in films]):
        first, other = (films[place][0].place for place in pair)
        text = f"patient {name} has another name, sex, day of birth or issuer than at {first}; check whose film it is"
        losses.warn(Problem(Fault.TWO_PEOPLE, other, text))


def _name_films(
    patient: str, films: Sequence[tuple[ManifestFilm, Radiograph]], pseudonyms: Pseudonyms | None
) -> list[ListedFilm]:
    moments = sorted({f.reference.acquired for _, f in films if f.reference.acquired})
    names = labels(entry.path for entry, _ in films)
    listed = []
    for number, (entry, film) in enumerate(films, start=1):
        acquired = film.reference.acquired
        if pseudonyms:
            rank = moments.index(acquired) if acquired else 0
            reference = pseudonyms.reference(film.reference, patient, number, rank)
            if entry.surgery_date:
                entry = replace(entry, surgery_date=pseudonyms.day(patient, entry.surgery_date))
            film = replace(film, notes=())
        else:
            name = names[entry.path] if entry.is_row else entry.place
            reference = replace(film.reference, patient_id=patient, name=name)
        listed.append(ListedFilm(entry, replace(film, reference=reference)))
    return listed
