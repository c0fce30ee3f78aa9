"""The files of ``kummell-ai evaluate``, with a predictor that knows the truth."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.anatomy import Facing, Phase, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, coco, read_coco, write_coco
from kummell_ai.cli import models, options
from kummell_ai.cli.main import main
from kummell_ai.evaluation import dataset as films_of_set
from kummell_ai.evaluation import tables
from kummell_ai.evaluation.parts import Outcome, judged
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests import made_up
from tests.cli.conftest import DoubtfulPredictor, FakePredictor, read_rows, write_dicom


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    films = []
    for patient in ("A", "B", "C"):
        for phase in (Phase.PRE_OP, Phase.POST_OP):
            name = f"films/{patient}-{phase.value}.dcm"
            write_dicom(folder / name, phase, patient)
            truth = made_up.landmarks(phase)
            truth = replace(truth, reference=replace(truth.reference, patient_id=patient))
            extra = {"phase": phase.value, "index_level": "L1", "truth": {"wedge_angle_deg": 1.0}}
            spacing = made_up.radiograph(phase).spacing
            films.append(AnnotatedFilm(name, made_up.SIZE, truth, spacing, extra))
    write_coco(folder / "annotations.json", tuple(films))
    return folder


def test_films_that_cannot_be_held_against_are_left_out(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "set"
    shutil.copytree(dataset, there)
    bare, twice, turned, *others = read_coco(there / "annotations.json")
    names = [v.level for v in twice.landmarks.vertebrae]
    wrong = (
        replace(bare, landmarks=replace(bare.landmarks, vertebrae=())),
        _renamed(twice, [names[1], *names[1:]]),
        _renamed(turned, [names[1], names[0], *names[2:]]),
    )
    write_coco(there / "annotations.json", (*wrong, *others))
    assert main(["evaluate", str(there), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "A-pre-op.dcm: no vertebra is annotated; annotate it, or leave the film out" in err
    assert f"A-post-op.dcm: {names[1]} is annotated 2 times; a level occurs once: correct the names" in err
    text = f"B-pre-op.dcm: {names[1]} does not lie between {names[0]} and {names[2]}; levels run from head to sacrum"
    assert text in err
    assert len(read_rows(tmp_path / "out" / "films.csv")) == 3


@pytest.mark.parametrize("is_wrong", [True, False])
def test_a_truth_that_faces_the_wrong_side_is_told(
    is_wrong: bool, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "set"
    shutil.copytree(dataset, there)
    if is_wrong:
        write_coco(there / "annotations.json", tuple(map(_mirrored, read_coco(there / "annotations.json"))))
    assert main(["evaluate", str(there), "--out", str(tmp_path / "out"), "--gallery", "0"]) == 0
    line = "6 of 6 films: the true front lies where the model finds the back ("
    assert (line in capsys.readouterr().err) == is_wrong


def _mirrored(film: AnnotatedFilm) -> AnnotatedFilm:
    """Front and back exchanged, as by a wrong ``--facing``."""
    spine = film.landmarks
    bodies = tuple(replace(v, points_px=v.points_px[[1, 0, 3, 2]]) for v in spine.vertebrae)
    facing = Facing.RIGHT if spine.facing is Facing.LEFT else Facing.LEFT
    return replace(film, landmarks=replace(spine, vertebrae=bodies, facing=facing))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("report.html", "is not marked as drawn by this program"),
        ("summary.json", "is no evaluation of this program"),
        ("evaluation.json", "is no text of this program"),
    ],
)
def test_a_page_of_a_person_is_not_replaced(
    name: str, text: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / name
    own.write_text("by hand")
    assert main(["evaluate", str(dataset), "--out", str(tmp_path)]) == 1
    assert f"{own} {text} and would be replaced" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [own]


TABLES = ("films.csv", "vertebrae.csv", "segments.csv", "changes.csv", "summary.csv", "evaluation.csv")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_person_is_not_replaced(
    name: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / name
    table.write_text("film;read by hand\n1;13,4\n")
    assert main(["evaluate", str(dataset), "--out", str(tmp_path)]) == 1
    assert f"{table} is no table of this program and would be replaced" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [table]
    table.unlink()
    for _ in range(2):  # an evaluation takes the place of an earlier one
        assert main(["evaluate", str(dataset), "--out", str(tmp_path)]) == 0


def test_annotations_of_a_person_are_not_replaced(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "truth.json"
    own.write_text('{"images": []}')
    facing = made_up.landmarks(Phase.PRE_OP).facing.value  # makes other annotations of them, which are written
    words = ["evaluate", str(dataset), "--out", str(tmp_path), "--facing", facing, "--gallery", "0"]
    assert main(words) == 1
    assert f"{own} is no text of this program and would be replaced" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [own]
    own.unlink()
    for _ in range(2):
        assert main(words) == 0
    assert [film.file_name for film in read_coco(own)] == [
        os.path.relpath(dataset / film.file_name, tmp_path) for film in read_coco(dataset / "annotations.json")
    ]


def test_annotations_are_read_once(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = coco.film_from_entry

    def count(image: dict[str, Any], *rest: Any) -> AnnotatedFilm:
        made.append(image["file_name"])
        return make(image, *rest)

    monkeypatch.setattr(coco, "film_from_entry", count)
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0", "--limit", "2"]) == 0
    assert len(made) == len(set(made)) == 6


@pytest.mark.parametrize(("cores", "processes"), [(3, 3), (64, options.MOST_PROCESSES)])
def test_no_more_networks_are_loaded_than_are_of_use(
    cores: int, processes: int, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, predictor: FakePredictor
) -> None:
    given: list[int] = []

    def apart(folder: Path, films: list[AnnotatedFilm], make: object, workers: int) -> Iterator[Outcome]:
        given.append(workers)
        return judged(folder, films, predictor)

    monkeypatch.setattr(films_of_set, "judged_apart", apart)
    monkeypatch.setattr(options, "cores", lambda: cores)
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0", "--workers", "64"]) == 0
    assert given == [processes]


class NeedyPredictor(FakePredictor):
    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        if radiograph.reference.name.startswith("B-pre"):
            raise MemoryError
        return super().locate(radiograph)


def test_a_film_that_takes_too_much_memory_is_left_out(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: NeedyPredictor())
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0"]) == 2
    line = "films/B-pre-op.dcm: takes more memory than there is; close other programs, or scale the film down\n"
    assert capsys.readouterr().err == line
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["films"] == 5


def test_a_run_without_memory_ends_in_one_line(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(folder: Path | None, **_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(models, "load_predictor", load)
    assert main(["evaluate", str(dataset), "--out", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.err == (
        "kummell-ai: the run takes more memory than there is; close other programs, or give fewer films or --workers; "
        "files already written are whole\n"
    )
    assert told.out == ""


def test_the_header_names_the_patient_where_the_annotation_does_not(dataset: Path, tmp_path: Path) -> None:
    there = tmp_path / "set"
    shutil.copytree(dataset, there)
    films = read_coco(there / "annotations.json")
    nameless = [replace(f.landmarks, reference=replace(f.landmarks.reference, patient_id=None)) for f in films]
    write_coco(there / "annotations.json", [replace(f, landmarks=m) for f, m in zip(films, nameless, strict=True)])
    assert main(["evaluate", str(there), "--out", str(tmp_path / "out")]) == 0
    assert [row["patient_id"] for row in read_rows(tmp_path / "out" / "films.csv")] == ["A", "A", "B", "B", "C", "C"]


def _renamed(film: AnnotatedFilm, levels: list[VertebralLevel | None]) -> AnnotatedFilm:
    bodies = tuple(replace(v, level=n) for v, n in zip(film.landmarks.vertebrae, levels, strict=True))
    return replace(film, landmarks=replace(film.landmarks, vertebrae=bodies))


def test_all_files_are_there_and_agree(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["evaluate", str(dataset), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "6 films, all simulated" in told
    assert "report.html" in told
    assert "MAE: mean absolute error" in told
    assert "100.0 " in told
    assert "100.00" not in told
    names = {"films.csv", "vertebrae.csv", "segments.csv", "changes.csv", "summary.csv", "summary.json", "report.html"}
    assert {p.name for p in out.iterdir()} == names | {"evaluation.csv", "evaluation.json"}

    films = read_rows(out / "films.csv")
    assert tuple(films[0]) == tables.FILM_COLUMNS
    assert [row["patient_id"] for row in films] == ["A", "A", "B", "B", "C", "C"]
    assert all(row["usable"] == "1" and float(row["corner_max_mm"]) < 1e-6 for row in films)

    bodies = read_rows(out / "vertebrae.csv")
    assert tuple(bodies[0]) == tables.VERTEBRA_COLUMNS
    assert len(bodies) == sum(int(row["vertebrae"]) for row in films)
    index = [row for row in bodies if row["is_index"] == "1"]
    assert {row["level"] for row in index} == {"L1"}
    assert all(row["wedge_angle_3d_deg_true"] == "1" for row in index)
    assert all(row["wedge_angle_deg"] == row["wedge_angle_deg_true"] for row in bodies)

    segments = read_rows(out / "segments.csv")
    assert tuple(segments[0]) == tables.SEGMENT_COLUMNS
    assert {row["quantity"] for row in segments} >= {"segmental_cobb", "local_kyphosis"}
    changes = read_rows(out / "changes.csv")
    assert {row["patient_id"] for row in changes} == {"A", "B", "C"}

    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    rows = read_rows(out / "summary.csv")
    assert tuple(rows[0]) == tables.SUMMARY_COLUMNS
    assert len(rows) == len(summary["figures"])
    assert summary["main"]["found_percent"]["value"] == 100.0
    assert summary["main"]["found_percent"]["patients"] == 3
    assert summary["main"]["usable_films_percent_post_op"]["n"] == 3
    assert summary["bootstrap"]["unit"] == "patient"
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.count("data:image/jpeg") == 2, "a third of six films"


def test_films_that_cannot_be_used_are_said_and_the_others_go_on(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = read_coco(dataset / "annotations.json")
    there = tmp_path / "set"
    shutil.copytree(dataset / "films", there / "films")
    (there / "films" / "A-pre-op.dcm").write_bytes(b"no film")
    (there / "films" / "B-pre-op.dcm").unlink()
    (there / "films" / "C-pre-op.dcm").rename(there / "films" / "frontal.dcm")
    odd = replace(films[1], extra={**films[1].extra, "index_level": "L9"})
    write_coco(
        there / "annotations.json",
        (films[0], odd, *films[2:4], replace(films[4], file_name="films/frontal.dcm"), films[5]),
    )
    out = tmp_path / "out"
    assert main(["evaluate", str(there), "--out", str(out)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "films/A-pre-op.dcm", "films/A-post-op.dcm", "films/B-pre-op.dcm", "films/frontal.dcm",
    ]  # fmt: skip
    assert "L9" in lines[1]
    assert "refused, all its vertebrae count as missed" in lines[3]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["films"], len(summary["unused"]), len(summary["refused"])) == (3, 3, 1)
    assert summary["main"]["refused_films_percent"]["value"] == pytest.approx(100 / 3)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "Films that could not be used" in report
    assert "films/B-pre-op.dcm" in report
    write_coco(there / "annotations.json", (films[0], films[2]))
    assert main(["evaluate", str(there), "--out", str(out)]) == 3
    assert "none of 2 films can be used" in capsys.readouterr().err


def test_the_films_of_a_patient_are_named_together_too(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubtful = DoubtfulPredictor(frozenset({Phase.POST_OP}))
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: doubtful)
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0"]) == 0
    main_figures = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["main"]
    assert main_figures["level_exact_percent_any_field"]["value"] == pytest.approx(50.0)
    assert main_figures["level_exact_jointly_percent_any_field"]["value"] == 100.0
    assert main_figures["vertebrae_percent_with_landmark"]["value"] == 100.0
    films = read_rows(tmp_path / "films.csv")
    assert [(row["usable"], row["usable_jointly"]) for row in films] == [("1", "1"), ("0", "1")] * 3
    post = [row for row in read_rows(tmp_path / "vertebrae.csv") if row["phase"] == "post-op"]
    assert all(row["joint_level"] == row["level"] != row["predicted_level"] for row in post)


def test_simulated_films_are_said_so(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there, out = tmp_path / "set", tmp_path / "out"
    shutil.copytree(dataset, there)
    films = read_coco(there / "annotations.json")
    first = replace(films[0].landmarks, reference=replace(films[0].landmarks.reference, simulated=False))
    write_coco(there / "annotations.json", [replace(films[0], landmarks=first), *films[1:]])
    assert main(["evaluate", str(there), "--out", str(out), "--gallery", "0"]) == 0
    assert "6 films, 5 simulated" in capsys.readouterr().out
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["simulated"] == 5
    assert '<span class="badge">5 of 6 films are simulated</span>' in (out / "report.html").read_text(encoding="utf-8")


def test_the_precision_asked_for_is_kept(dataset: Path, tmp_path: Path, predictor: FakePredictor) -> None:
    predictor.precision = "float32"
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0", "--precision", "float32"]) == 0
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["precision"] == "float32"


def test_the_gallery_can_be_left_out(dataset: Path, tmp_path: Path) -> None:
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), "--gallery", "0", "--limit", "2", "--json"]) == 0
    assert "data:image" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (["--gallery", "13"], "'13' is no number of pictures; use 0 to 12"),
        (["--seed", "-1"], "'-1' is no seed; use a whole number of 0 or more"),
    ],
)
def test_wrong_numbers(
    dataset: Path, tmp_path: Path, option: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(dataset), "--out", str(tmp_path), *option]) == 1
    assert text in capsys.readouterr().err
