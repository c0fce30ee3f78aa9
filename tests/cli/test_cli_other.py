"""synthesize, evaluate and train: what each hands on, and what each says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.annotations import AnnotatedFilm, write_coco
from kummell_ai.cli.main import main
from kummell_ai.errors import ConfigError
from tests import made_up
from tests.cli.conftest import read_rows, write_dicom


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    films = []
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(folder / "films" / f"{phase.value}.dcm", phase)
        spacing = made_up.radiograph(phase).spacing
        film = AnnotatedFilm(f"films/{phase.value}.dcm", made_up.SIZE, made_up.landmarks(phase), spacing, {})
        films.append(film)
    write_coco(folder / "annotations.json", tuple(films))
    return folder


def test_evaluate_of_a_perfect_predictor_finds_no_error(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["evaluate", str(dataset), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["films"] == 2
    assert result["model"] == "made-up"
    row = read_rows(out / "evaluation.csv")[0]
    assert float(row["found_percent"]) == 100.0
    assert float(row["corner_median_mm"]) == pytest.approx(0.0, abs=1e-6)
    assert json.loads((out / "evaluation.json").read_text()) == result


def test_evaluate_prints_a_table(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(dataset / "annotations.json"), "--out", str(tmp_path), "--limit", "1"]) == 0
    assert "1 film, all simulated, 0 of them refused, 0 more not usable; all figures in" in capsys.readouterr().out


def test_evaluate_without_truth_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path), "--out", str(tmp_path / "out")]) == 3
    assert "annotations.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_synthesize_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["synthesize", "--out", str(out), "--count", "3", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["films"] == 3
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--count", "0"], "not a whole number of 1 or more"),
        (["--count", "9" * 300], "of at most 9 digits"),
        (["--count", "1", "--seed", "-1"], "'-1' is no seed; use a whole number of 0 or more"),
        (["--count", "1", "--seed", "9" * 300], "is no seed; use a whole number of 0 or more, of at most 15 digits"),
        (["--count", "1", "--seed", "9" * 5000], "is no seed"),
        (["--count", "1", "--set", "full=2024-99-99"], "'2024-99-99' is no timestamp"),
        (["--count", "1", "--set", "rows=4:16"], "'4:16' has a colon"),
        (["--count", "1", "--templates", "nowhere"], "no such folder; give a folder of meshes"),
        (["--count", "1", "--recipe", "nowhere.yaml"], "nowhere.yaml"),
        (["--count", "1", "--format", "gif"], "invalid choice"),
    ],
)
def test_synthesize_wrong_use(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synthesize", "--out", str(tmp_path / "out"), *options]) == 1
    said = capsys.readouterr().err
    assert text in said
    assert len(said) < 300
    assert not (tmp_path / "out").exists()


def test_train_hands_on_config_and_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[object] = []

    def train(config: Path, overrides: list[str]) -> Path:
        seen.extend([config, overrides])
        return tmp_path

    monkeypatch.setattr("kummell_ai.training.run.train", train)
    assert main(["train", "configs/train.yaml", "max_steps=2", "seed=3"]) == 0
    assert seen == [Path("configs/train.yaml"), ["max_steps=2", "seed=3"]]
    assert f"Model folder: {tmp_path}" in capsys.readouterr().out


def test_an_error_of_a_command_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def train(config: Path, overrides: list[str]) -> Path:
        raise ConfigError("key x is unknown; use y")

    monkeypatch.setattr("kummell_ai.training.run.train", train)
    assert main(["train", "configs/train.yaml"]) == 1
    assert capsys.readouterr().err == "kummell-ai: key x is unknown; use y\n"


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def train(config: Path, overrides: list[str]) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("kummell_ai.training.run.train", train)
    assert main(["train", "configs/train.yaml"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_request_to_end_is_one_line_and_puts_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def write_dataset(*args: object, **kwargs: object) -> Path:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
            raise AssertionError("the signal came to nothing")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # a second one does not disturb
            order.append("put in order")

    monkeypatch.setattr("kummell_ai.synthesis.dataset.write_dataset", write_dataset)
    assert main(["synthesize", "--out", str(tmp_path / "out"), "--count", "1"]) == 143
    assert capsys.readouterr().err == "kummell-ai: ended by a signal (SIGTERM); files already written are whole\n"
    assert order == ["put in order"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_training_keeps_the_answer_to_signals_that_its_trainer_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def train(config: Path, overrides: list[str]) -> Path:
        seen.append(signal.getsignal(signal.SIGTERM))
        return tmp_path

    monkeypatch.setattr("kummell_ai.training.run.train", train)
    assert main(["train", "configs/train.yaml"]) == 0
    assert seen == [signal.SIG_DFL]


def test_a_run_in_several_processes_ends_without_a_word_of_python(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "kummell_ai", "synthesize", "--out", str(tmp_path / "out"), "--count", "60"]
    process = subprocess.Popen([*asked, "--workers", "2", "--set", "rows=128"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any((tmp_path / "out").glob("parts/*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (
        143,
        "kummell-ai: ended by a signal (SIGTERM); files already written are whole\n",
    )


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def train(config: Path, overrides: list[str]) -> Path:
        raise OSError(28, "No space left on device", "out/a.json")

    monkeypatch.setattr("kummell_ai.training.run.train", train)
    assert main(["train", "configs/train.yaml"]) == 1
    assert capsys.readouterr().err == (
        "kummell-ai: out/a.json: No space left on device; check the disk and its rights\n"
    )


def test_annotations_of_real_films_are_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "annotations.json").write_text('{"images": []}')
    for more in ([], ["--dry-run"]):
        assert main(["synthesize", "--out", str(tmp_path), "--count", "1", "--set", "rows=128", *more]) == 1
        assert "annotations.json there is of no simulated set and would be replaced" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["annotations.json"]
    (tmp_path / "annotations.json").unlink()
    for _ in range(2):  # its own are made anew
        assert main(["synthesize", "--out", str(tmp_path), "--count", "1", "--set", "rows=128"]) == 0


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("truth.csv", "film,grade\na.dcm,2\n", "truth.csv is no table of this program and would be replaced"),
        ("vertebrae.csv", "L1\n", "vertebrae.csv is no table of this program and would be replaced"),
        ("recipe.yaml", "rows: 256  # of ours\n", "recipe.yaml is a person's, asks for other films than this run"),
        ("recipe.yaml", "no recipe", "recipe.yaml is a person's, asks for other films than this run"),
    ],
)
def test_what_others_wrote_is_not_replaced_by_a_simulated_set(
    name: str, text: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    for more in ([], ["--dry-run"]):
        assert main(["synthesize", "--out", str(tmp_path), "--count", "1", "--set", "rows=128", *more]) == 1
        assert line in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: text}


def test_a_persons_recipe_in_the_folder_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("rows: 128  # small, for a look\ndisease:\n  cleft: 0.9\n")
    written = recipe.read_bytes()
    run = ["synthesize", "--out", str(tmp_path), "--recipe", str(recipe), "--count", "1"]
    for _ in range(2):  # the second time beside its own annotations
        assert main(run) == 0
        assert recipe.read_bytes() == written
    assert main([*run, "--set", "rows=136"]) == 1
    assert "recipe.yaml is a person's, asks for other films" in capsys.readouterr().err
    recipe.unlink()
    assert main([*run[:3], "--count", "1"]) == 1, "without a recipe nothing says whose the annotations are"
    assert "annotations.json there is of no simulated set" in capsys.readouterr().err


def test_words_of_a_person_in_a_written_recipe_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, recipe = ["synthesize", "--out", str(tmp_path), "--count", "1", "--set", "rows=128"], tmp_path / "recipe.yaml"
    assert main(run) == 0
    written = recipe.read_text()
    recipe.write_text(written + "# for the poster\n")
    assert main(run) == 0
    assert recipe.read_text() == written + "# for the poster\n"
    assert main([*run, "--set", "film.jpeg=0"]) == 1
    assert "recipe.yaml is a person's, asks for other films" in capsys.readouterr().err
    recipe.write_text(written)
    assert main([*run, "--set", "film.jpeg=0"]) == 0, "its own is written anew"
    assert recipe.read_text() != written


def test_real_annotations_beside_a_written_recipe_are_not_replaced(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((dataset / "annotations.json").read_text())
    for image in document["images"]:
        image.pop("simulated", None)
    run = ["synthesize", "--out", str(tmp_path / "set"), "--count", "1", "--set", "rows=128"]
    assert main(run) == 0
    (tmp_path / "set" / "annotations.json").write_text(json.dumps(document))
    assert main(run) == 1
    assert "annotations.json there is of no simulated set" in capsys.readouterr().err


def test_templates_that_cannot_be_used_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "meshes").mkdir()
    out = tmp_path / "out"
    assert main(["synthesize", "--out", str(out), "--count", "1", "--templates", str(tmp_path / "meshes")]) == 1
    assert "holds no bone meshes and no vertebra masks" in capsys.readouterr().err
    assert not out.exists()


def test_films_and_masks_of_another_run_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["synthesize", "--out", str(tmp_path), "--set", "rows=128"]
    assert main([*run, "--count", "2", "--masks"]) == 0
    assert "another run" not in capsys.readouterr().err
    assert main([*run, "--count", "1"]) == 0
    said = capsys.readouterr().err
    assert "1 film of another run in films/, not in annotations.json: remove what is not needed" in said
    assert "2 masks of another run in masks/, not in annotations.json: remove what is not needed" in said
