"""Folders of simulated films: whole after a kill, equal on any number of workers, nothing left of a bad recipe."""

import csv
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kummell_ai.annotations.coco import read_coco
from kummell_ai.cli.main import main
from kummell_ai.errors import KummellError
from kummell_ai.synthesis import dataset
from kummell_ai.synthesis.case import generate_case
from kummell_ai.synthesis.dataset import write_dataset
from kummell_ai.synthesis.masks import METAL
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.workers import run_jobs

TINY = Recipe(rows=128)
SEED = 72
COUNT = 4
ARGUMENTS = ["--count", str(COUNT), "--seed", str(SEED), "--set", "rows=128", "--format", "png", "--masks"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def call(folder: Path, *more: str, threads: int) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))}
    command = [sys.executable, "-m", "kummell_ai.cli.main", "synthesize", "--out", str(folder), *ARGUMENTS, *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def write(folder: Path) -> None:
    write_dataset(folder, COUNT, SEED, TINY, form="png", masks=True)


def write_and_be_killed(folder: Path, files: int) -> int:
    """Write in a process that ends, without any clean-up, before its file number ``files`` gets its name."""
    child = os.fork()
    if child == 0:
        left, replace = itertools.count(files, -1), os.replace

        def last_one(*paths: str) -> None:
            if next(left) == 0:
                os._exit(9)
            replace(*paths)

        os.replace = last_one  # type: ignore[assignment]
        try:
            write(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    write(folder)
    return contents(folder)


def test_folder_holds_films_masks_and_truth(whole: dict[str, bytes]) -> None:
    names = [Path(name) for name in whole]
    assert {str(n.parent) for n in names} == {".", "films", "masks", "parts"}
    assert {n.name for n in names if n.parent == Path()} == {
        "annotations.json", "recipe.yaml", "truth.csv", "vertebrae.csv",
    }  # fmt: skip
    assert sum(n.parent == Path("films") for n in names) == sum(n.parent == Path("masks") for n in names) == COUNT
    assert b"made_with" not in whole["annotations.json"]


def test_workers_threads_and_a_kill_change_nothing(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Another process with two workers and three threads, killed when its first patient is done and called again."""
    running = call(tmp_path, "--workers", "2", threads=3)
    while not list(tmp_path.glob("parts/*.json")):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert call(tmp_path, "--workers", "2", threads=3).wait() == 0
    assert contents(tmp_path) == whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to kill")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_kill_at_any_file_is_made_good(tmp_path: Path, whole: dict[str, bytes]) -> None:
    killed = 0
    while write_and_be_killed(tmp_path / str(killed), killed) == 9:
        folder = tmp_path / str(killed)
        names = ("annotations.json", "truth.csv", "vertebrae.csv")
        for name, content in contents(folder).items():
            assert name.endswith(".partial") or content == whole[name]
        assert not all((folder / name).exists() for name in names)
        if killed % 4 == 0:
            write(folder)
            assert contents(folder) == whole
        killed += 1
    assert killed == len(whole)  # every file was the last one once


def test_another_recipe_makes_the_films_anew_and_the_first_one_too(tmp_path: Path) -> None:
    write_dataset(tmp_path, 2, SEED, TINY, form="png")
    first = contents(tmp_path)
    write_dataset(tmp_path, 2, SEED, Recipe(rows=136), form="png")
    assert read_coco(tmp_path / "annotations.json")[0].size_px[1] == 136
    write_dataset(tmp_path, 2, SEED, TINY, form="png")
    assert contents(tmp_path) == first


def test_a_film_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    write_dataset(tmp_path, 2, SEED, TINY, form="png")
    first = contents(tmp_path)
    next((tmp_path / "films").iterdir()).unlink()
    write_dataset(tmp_path, 2, SEED, TINY, form="png")
    assert contents(tmp_path) == first


def test_recipe_is_kept_and_makes_the_same_films_again(tmp_path: Path) -> None:
    recipe = load_recipe(None, ["rows=128", "disease.cleft=0.9", "film.jpeg=0"])
    write_dataset(tmp_path / "a", 1, SEED, recipe)
    text = (tmp_path / "a" / "recipe.yaml").read_text()
    assert text.splitlines()[0].startswith("# kummell_ai ")
    assert f"--count 1 --seed {SEED}" in text.splitlines()[0]
    assert load_recipe(tmp_path / "a" / "recipe.yaml") == recipe


def test_tables_and_annotations_say_the_same(tmp_path: Path) -> None:
    write_dataset(tmp_path, 3, SEED, TINY, form="png", masks=True)
    films = read_coco(tmp_path / "annotations.json")
    with (tmp_path / "truth.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    with (tmp_path / "vertebrae.csv").open() as stream:
        bodies = list(csv.DictReader(stream))
    assert [row["file_name"] for row in rows] == [film.file_name for film in films]
    assert len(bodies) == sum(len(film.landmarks.vertebrae) for film in films)
    for row, film in zip(rows, films, strict=True):
        assert float(row["wedge_angle_deg"]) == film.extra["truth"]["wedge_angle_deg"]
        assert row["posture"] == film.extra["posture"]
        injured = next(b for b in bodies if b["file_name"] == row["file_name"] and b["level"] == row["index_level"])
        assert injured["anterior_height_mm"] == row["anterior_height_mm"]
        assert injured["fracture"] == row["fracture"] == film.extra["fracture"]
        mask = np.asarray(Image.open(tmp_path / film.extra["mask"]))
        assert mask.shape == film.size_px[::-1]
        assert mask.dtype == np.uint8
        assert (mask == METAL).any() == bool(film.extra["screws"])
        assert all(len(v.points_px) == 6 for v in film.landmarks.vertebrae)
        assert np.array(film.details[0]["rims_mm"]).shape == (2, 2, 3, 3)


def test_entry_is_the_truth_of_the_film(tmp_path: Path) -> None:
    write_dataset(tmp_path, 2, SEED, TINY, form="png")
    for entry, film in zip(read_coco(tmp_path / "annotations.json"), generate_case(SEED, TINY).films, strict=False):
        assert entry.extra["geometry"] == json.loads(json.dumps(film.geometry))
        for ours, theirs in zip(entry.landmarks.vertebrae, film.landmarks.vertebrae, strict=True):
            np.testing.assert_array_equal(ours.points_px, theirs.points_px)
            assert ours.hidden == theirs.hidden


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--set", "tissue.lung=1"], "recipe key tissue.lung is no known key"),
        (["--set", "rows=9"], "recipe key rows is 9; use 128 to 4096"),
        (["--set", "disease.cleft=1.2"], "disease.cleft is 1.2"),
        (["--set", "templates=[/nowhere]"], "/nowhere"),
        (["--backgrounds", "/nowhere.nii.gz"], "--backgrounds /nowhere.nii.gz: no such file or folder"),
    ],
)
def test_bad_recipes_are_one_line_and_leave_nothing(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synthesize", "--out", str(tmp_path / "out"), "--count", "1", *options]) == 1
    said = capsys.readouterr().err
    assert text in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_leaky_mesh_is_named_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bones").mkdir()
    (tmp_path / "bones" / "L1.obj").write_text("v 0 0 0\nv 30 0 0\nv 0 30 0\nv 0 0 30\nf 1 3 2\nf 1 2 4\nf 2 3 4\n")
    assert (
        main(["synthesize", "--out", str(tmp_path / "out"), "--count", "1", "--templates", str(tmp_path / "bones")])
        == 1
    )
    assert "L1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_mask_without_its_ct_is_named_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a_seg-vert_msk.nii.gz").write_bytes(b"")
    options = ["--out", str(tmp_path / "out"), "--count", "1", "--backgrounds", str(tmp_path / "scans")]
    assert main(["synthesize", *options]) == 1
    said = capsys.readouterr().err
    assert "a_seg-vert_msk.nii.gz is a mask without its CT" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted(Path("configs/synthesis").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_make_films(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path, ["rows=128"])
    write_dataset(tmp_path, 2, SEED, recipe, form="png")
    assert len(read_coco(tmp_path / "annotations.json")) == 2


def _fail_at_two(number: int) -> int:
    if number == 2:
        raise KummellError("number 2 is not wanted")
    return number


def _late_at_one(number: int) -> int:
    time.sleep(0.5 if number == 1 else 0.0)
    return number


def _end_at_two(number: int) -> int:
    if number == 2:
        os._exit(3)
    return number


def test_workers_hand_on_results_and_errors() -> None:
    assert sorted(run_jobs(abs, range(-9, 0), 2)) == list(range(1, 10))
    assert list(run_jobs(abs, [-3, 2], 1)) == [3, 2]
    assert list(run_jobs(_late_at_one, range(1, 9), 2, in_order=True)) == list(range(1, 9))
    with pytest.raises(KummellError, match="number 2 is not wanted"):
        list(run_jobs(_fail_at_two, range(5), 2))


def test_a_worker_ended_from_outside_is_said() -> None:
    with pytest.raises(KummellError, match="a worker was ended from outside"):
        list(run_jobs(_end_at_two, range(5), 2))


def test_jobs_are_drawn_as_needed() -> None:
    drawn: list[int] = []
    results = run_jobs(abs, (drawn.append(k) or k for k in range(100)), 2)
    next(results)
    assert len(drawn) < 10
    results.close()


def test_a_part_of_another_program_version_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path, 1, SEED, TINY, form="png")
    stamp = next((tmp_path / "films").iterdir()).stat().st_mtime_ns
    monkeypatch.setattr(dataset, "__version__", "0.0.0")
    write_dataset(tmp_path, 1, SEED, TINY, form="png")
    assert next((tmp_path / "films").iterdir()).stat().st_mtime_ns != stamp


def test_films_of_other_bones_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stamp(sources: str) -> int:
        monkeypatch.setattr(dataset, "sources_digest", lambda recipe: sources)
        write_dataset(tmp_path, 1, SEED, TINY, form="png")
        return next((tmp_path / "films").iterdir()).stat().st_mtime_ns

    first = stamp("1f")
    assert stamp("1f") == first
    assert stamp("2e") != first


def test_without_bones_of_others_a_set_counts_as_made_by_the_recipe_alone(tmp_path: Path) -> None:
    """So that sets made before bones and CTs were looked at go on."""
    write_dataset(tmp_path, 1, SEED, TINY, form="png")
    words = f"{dataset.__version__} 1 png False {TINY}"
    made = json.loads(next((tmp_path / "parts").iterdir()).read_text())["images"][0]["made_with"]
    assert made == hashlib.sha256(words.encode()).hexdigest()[:16]


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '{"categories": [], "images": [], "annotations": []}', "", "[]"])
def test_a_damaged_part_is_made_again(whole: dict[str, bytes], tmp_path: Path, text: str) -> None:
    write(tmp_path)
    part = next((tmp_path / "parts").iterdir())
    part.write_text(text)
    write(tmp_path)
    assert contents(tmp_path) == whole


def test_a_film_that_was_cut_is_made_again(whole: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path)
    for folder in ("films", "masks"):
        cut = next((tmp_path / folder).iterdir())
        cut.write_bytes(cut.read_bytes()[:100])
        write(tmp_path)
        assert contents(tmp_path) == whole


def test_where_no_cache_can_be_written_functions_are_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    from kummell_ai.synthesis.compiled import compiled

    def none_usable(self: object, function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(caching.CacheImpl, "__init__", none_usable)

    @compiled()
    def twice(x: float) -> float:
        return 2.0 * x

    assert twice(3.0) == 6.0
