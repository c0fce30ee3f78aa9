"""The comparison of simulators: every ingredient can be left out, and what is done is not done again."""

from __future__ import annotations

import importlib
import json
import math
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kummell_ai.anatomy import VertebralLandmark
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from tests.training.fakes import fake_film, fake_shards

SCRIPTS = Path(__file__).parents[1] / "scripts"

TINY = ["--train-films", "4", "--validation-films", "2", "--test-films", "2", "--set", "rows=128", "--threads", "1"]
TINY_TRAINING = [
    "--training",
    "rows=64",
    "columns=64",
    "batch_size=2",
    "films_per_epoch=4",
    "validation_films=2",
    "workers=0",
    "precision=32-true",
    "network={deepest: 32, context: 16, decoder: 16, level: 16}",
]


@pytest.fixture(autouse=True)
def scripts_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def arms() -> ModuleType:
    return importlib.import_module("domain_gap.arms")


@pytest.fixture
def report() -> ModuleType:
    return importlib.import_module("domain_gap.report")


@pytest.fixture
def steps() -> ModuleType:
    return importlib.import_module("domain_gap.steps")


def shares() -> set[str]:
    """The recipe's keys that belong to one ingredient."""
    recipe = Recipe()
    sections = [f.name for f in fields(recipe) if is_dataclass(getattr(recipe, f.name))]
    return {f"{name}.{f.name}" for name in sections for f in fields(getattr(recipe, name))}


def test_every_ingredient_of_the_recipe_is_left_out_by_an_arm(arms: ModuleType) -> None:
    left_out = {key for keys in arms.ABLATIONS.values() for key in keys}
    assert shares() - left_out == set()
    assert left_out - shares() == {"operated"}


def test_an_ablation_changes_the_recipe_and_nothing_else(arms: ModuleType, tmp_path: Path) -> None:
    for ingredient, keys in arms.ABLATIONS.items():
        arm = arms.make_arm(f"without-{ingredient}", tmp_path, ["bones"], ["ct"])
        changes = [word for option, word in zip(arm.options, arm.options[1:], strict=False) if option == "--set"]
        assert changes == [f"{key}=0" for key in keys]
        assert load_recipe(None, changes) != Recipe()
        whole = arms.make_arm("outside", tmp_path, ["bones"], ["ct"])
        assert arm.options[: len(whole.options)] == whole.options


def test_the_screening_design_is_balanced_and_takes_in_every_ingredient_once(arms: ModuleType) -> None:
    """Six of twelve runs lack a factor, and six treat two factors alike: the effects are uncorrelated."""
    out = np.array([[factor in left_out for factor in arms.SCREENED] for left_out in arms.SCREENING.values()])
    assert out.shape == (12, 11)
    signs = np.where(out, 1, -1)
    np.testing.assert_array_equal(signs.T @ signs, 12 * np.eye(11))
    np.testing.assert_array_equal(signs.sum(axis=0), 0)
    assert not out[-1].any()
    members = [ingredient for factor in arms.SCREENED.values() for ingredient in factor]
    assert sorted(members) == sorted(arms.ABLATIONS.keys() - {"fractures"})
    assert arms.expand(["screen-each"]) == list(arms.SCREENING)


def test_a_run_of_the_screening_leaves_out_its_factors(arms: ModuleType, tmp_path: Path) -> None:
    for name, factors in arms.SCREENING.items():
        arm = arms.make_arm(name, tmp_path, ["bones"], ["ct"])
        changes = [word for option, word in zip(arm.options, arm.options[1:], strict=False) if option == "--set"]
        keys = {key for factor in factors for member in arms.SCREENED[factor] for key in arms.ABLATIONS[member]}
        assert sorted(changes) == sorted(f"{key}=0" for key in keys)
        load_recipe(SCRIPTS.parent / "configs" / "synthesis" / "training.yaml", changes)
        assert arm.is_ablation
    with pytest.raises(SystemExit, match="screen-01 needs --backgrounds"):
        arms.make_arm("screen-01", tmp_path, ["bones"], [])


def test_runs_of_the_screening_have_seeds_of_their_own(arms: ModuleType, tmp_path: Path) -> None:
    runs = [arms.make_arm(name, tmp_path, ["bones"], ["ct"]) for name in arms.SCREENING]
    seeds = [run.training_seed(seed) for seed in (1, 2) for run in runs]
    assert seeds == list(range(1, 25))
    assert arms.make_arm("own", tmp_path, [], []).training_seed(3) == 3


def test_the_screening_is_tested_on_films_of_the_whole_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that are asked for, without running them."""
    module = importlib.import_module("domain_gap.steps")
    program = runpy.run_path(str(SCRIPTS / "domain_gap.py"))
    asked: list[tuple[str, str]] = []

    class StoppedError(Exception):
        pass

    def run(self: Any, folder: Path, name: str, command: list[str], code: Path, **notes: Any) -> None:
        asked.append((folder.name, name))
        raise StoppedError

    monkeypatch.setattr(module.Runner, "run", run)
    call = ["--out", str(tmp_path / "out"), "--films", str(real_films(tmp_path / "films")), "--arms", "screen-02"]
    with pytest.raises(StoppedError):
        program["main"]([*call, "--backgrounds", "ct", *TINY])
    assert asked == [("outside", "films-test")]


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(float, 12, elements=st.floats(-9.0, 9.0)))
def test_effects_are_those_of_a_linear_model(worth: np.ndarray[Any, Any]) -> None:
    """Runs made from a mean and what each factor is worth give just these back (closed form)."""
    from domain_gap.arms import SCREENED, SCREENING
    from domain_gap.screening import effects

    gain = dict(zip(SCREENED, worth[1:], strict=True))
    values = {run: worth[0] + sum(gain[factor] for factor in out) for run, out in SCREENING.items()}
    assert effects(values) == pytest.approx(gain, abs=1e-9)


def test_margin_of_error_is_lenths(arms: ModuleType) -> None:
    """By hand: effects 1 to 10 and 100; median 6, s0 9, those below 22.5 have median 5.5, so 8.25 times t(11/3)."""
    screening = importlib.import_module("domain_gap.screening")
    sizes = dict(zip(arms.SCREENED, [*range(1, 11), -100], strict=True))
    limit, freedom = screening.margin_of_error(sizes) / 8.25, 11 / 3
    t = np.linspace(-limit, limit, 20_001)
    scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
    density = scale * (1 + t**2 / freedom) ** (-(freedom + 1) / 2)
    assert np.sum((density[1:] + density[:-1]) / 2 * np.diff(t)) == pytest.approx(0.95, abs=1e-6)
    assert screening.margin_of_error(dict.fromkeys(arms.SCREENED, 0.0)) == 0.0


def test_the_screening_table_marks_what_stands_out(arms: ModuleType) -> None:
    screening = importlib.import_module("domain_gap.screening")
    quiet = dict(zip(arms.SCREENED, 0.01 * np.arange(-5, 6), strict=True))

    def run(out: tuple[str, ...]) -> dict[str, Any]:
        median = 5.0 + sum(quiet[factor] for factor in out) + 3.0 * ("implants" in out)
        return {"seeds": {"1": {"val10": {"found": 57, "corner_median_percent_of_depth": median}}}}

    done = {name: run(out) for name, out in arms.SCREENING.items()}
    table = screening.screening_table(done)
    assert "| implants | +0.0 | **+3.00** |" in table
    assert table.count("**") == 2
    assert screening.screening_table({}) == ""
    del done["screen-05"]
    assert screening.screening_table(done) == "Screening: 11 of 12 runs are done, to be done: screen-05."


def test_the_first_simulator_is_run_from_its_own_tree_with_one_folder(arms: ModuleType, tmp_path: Path) -> None:
    arm = arms.make_arm("first", tmp_path, ["one", "two"], ["ct"])
    assert arm.code == tmp_path / "first-simulator"
    assert arm.options == ("--templates", "one")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("outside", ([], [], []), "outside needs --templates or --backgrounds"),
        ("without-ct", (["bones"], [], []), "without-ct needs --backgrounds"),
        ("first", ([], [], ["rows=128"]), "first simulator has no --set"),
    ],
)
def test_arms_that_cannot_be_made_are_said(
    arms: ModuleType, tmp_path: Path, name: str, given: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        arms.make_arm(name, tmp_path, *given)


def test_unknown_arms_are_said_and_each_is_written_out(arms: ModuleType) -> None:
    assert arms.expand(["own", "without-each", "without-gas"]) == ["own", *(f"without-{i}" for i in arms.ABLATIONS)]
    with pytest.raises(SystemExit, match="arm without-bones is unknown"):
        arms.expand(["without-bones"])


@pytest.mark.parametrize(
    ("values", "digits", "text"),
    [([], 1, "–"), ([None], 1, "–"), ([55, 55], 1, "55"), ([54, 57], 1, "55.5 (54 to 57)"), ([3.456], 2, "3.46")],
)
def test_spread(report: ModuleType, values: list[float | None], digits: int, text: str) -> None:
    assert report.spread(values, digits) == text


def test_two_runs_in_one_folder_are_refused(steps: ModuleType, tmp_path: Path) -> None:
    with steps.open_lock(tmp_path), pytest.raises(SystemExit, match="another run"):
        steps.open_lock(tmp_path)
    steps.open_lock(tmp_path).close()


def test_a_step_that_fails_says_where_its_log_is(steps: ModuleType, tmp_path: Path) -> None:
    with (
        steps.open_lock(tmp_path) as lock,
        pytest.raises(SystemExit, match=r"ended with 3 \(no luck\); see .*try\.log"),
    ):
        steps.Runner(1, 0, lock).run(tmp_path, "try", ["-c", "print('no luck'); raise SystemExit(3)"], tmp_path)
    assert not (tmp_path / "times.json").exists()


def test_a_run_told_to_stop_takes_its_step_and_the_workers_of_that_along(steps: ModuleType, tmp_path: Path) -> None:
    """The step starts a worker of its own; both are gone when the run is, and the folder is free."""
    step = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])"
    step += "; open('pid', 'w').write(str(p.pid)); time.sleep(300)"
    run = "import sys, signal; from pathlib import Path; from domain_gap.steps import Runner, open_lock"
    run += "; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); here = Path('.').resolve()"
    run += f"; Runner(1, 0, open_lock(here)).run(here, 'try', ['-c', {step!r}], here)"
    env = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen([sys.executable, "-c", run], cwd=tmp_path, env=env) as process:
        worker = wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.terminate()
        assert process.wait(30) == 143
    assert wait_for(lambda: not is_running(int(worker)), 20.0)
    steps.open_lock(tmp_path).close()


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of ``what``."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def is_running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def real_films(folder: Path) -> Path:
    """A folder laid out like that of the real films, with one made-up film."""
    film = fake_film(0, (256, 160))
    (folder / "val10" / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "val10" / "images" / "a.png"), film.image)
    order = [0, 1, 3, 2]
    document = {
        "images": [{"id": 1, "file_name": "images/a.png"}],
        "annotations": [
            {"image_id": 1, "order_from_top": i, "corners_AS_PS_PI_AI": points[order].tolist()}
            for i, points in enumerate(film.points_px)
        ],
    }
    (folder / "val10" / "annotations.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def times_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("*/times.json"))}


@pytest.mark.slow
def test_two_arms_from_films_to_table_and_not_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(SCRIPTS / "domain_gap.py"))["main"]
    out = tmp_path / "out"
    call = ["--out", str(out), "--films", str(real_films(tmp_path / "films")), "--arms", "own", "without-gas"]
    call += ["--steps", "2", "--nice", "0", *TINY, *TINY_TRAINING]
    main(call)
    first, text = times_of(out), capsys.readouterr().out
    assert first.keys() == {"own", "without-gas"}
    assert first["own"].keys() == {
        *("films-train", "films-validation", "films-test", "train-1", "val10-1", "on-own-1"),
    }
    assert all(note["wall_s"] > 0 and note["cpu_s"] > 0 for notes in first.values() for note in notes.values())
    assert "| without-gas | 1 | 0" in text
    results = json.loads((out / "results.json").read_text())
    assert results["own"]["seeds"]["1"]["steps"] == 2
    assert results["own"]["films"]["train"]["count"] == 4
    assert results["without-gas"]["seeds"]["1"]["val10"]["annotated_above_sacrum"] == 5
    assert results["without-gas"]["seeds"]["1"]["simulated"]["own"]["lateral_films"] == 2

    (out / "without-gas" / "val10-1.json").unlink()
    (out / "without-gas" / "times.json").unlink()
    main(call)
    again = times_of(out)
    assert again["own"] == first["own"]
    assert again["without-gas"].keys() == {"val10-1"}
    assert "times unknown: without-gas 1" in capsys.readouterr().out

    with pytest.raises(SystemExit, match="trained for 2 steps, not 3"):
        main([*call, "--steps", "3"])
    with pytest.raises(SystemExit, match="not with"):
        main([*call, "--train-films", "5"])


class Blind:
    """Finds nothing."""

    def locate(self, radiograph: Any) -> SpineLandmarks:
        from kummell_ai.anatomy import Facing

        return SpineLandmarks((), radiograph.reference, Facing.LEFT, 1.0)


class Shifted:
    """Knows the truth of fake films, and puts every corner 3 px to the right; adds one body far off."""

    def __init__(self, films: dict[str, Any], shards: ModuleType) -> None:
        self.films, self.shards = films, shards

    def locate(self, radiograph: Any) -> SpineLandmarks:
        from dataclasses import replace

        truth = self.shards.truth_of(self.films[radiograph.reference.name])
        moved = [replace(v, points_px=v.points_px + np.array([3.0, 0.0])) for v in truth.vertebrae]
        stray = replace(truth.vertebrae[2], points_px=truth.vertebrae[2].points_px + np.array([200.0, 0.0]))
        return replace(truth, vertebrae=(*moved, stray), lateral_probability=1.0)


def test_a_known_error_on_shards_is_told(tmp_path: Path) -> None:
    """Corners 3 px off are 3 / depth off, five bodies above S1 are found, the stray one is false."""
    from kummell_ai.training.samples import ShardReader

    shards = importlib.import_module("evaluate_shards")
    film = ShardReader(fake_shards(tmp_path, 1))[0]
    told = shards.summarise([shards.judge(film, Shifted({f"seed {film.seed}": film}, shards))])
    points = film.points_px.astype(np.float64)
    depth = [v.depth_px for v in shards.truth_of(film).vertebrae[:-1]]
    assert len(depth) == len(points) - 1
    expected = np.median(np.repeat(300.0 / np.array(depth), len(VertebralLandmark) - 2))
    assert told["corner_median_percent_of_depth"] == pytest.approx(expected)
    assert (told["vertebrae"], told["found"], told["false_vertebrae"]) == (5, 5, 1)
    assert told["named_right_percent"] == 100.0


def test_nothing_found_gives_no_error_rather_than_a_false_one(tmp_path: Path) -> None:
    from kummell_ai.training.samples import ShardReader

    shards = importlib.import_module("evaluate_shards")
    reader = ShardReader(fake_shards(tmp_path, 4))
    told = shards.summarise([shards.judge(reader[i], Blind()) for i in range(4)])
    assert (told["lateral_films"], told["frontal_films"]) == (3, 1)
    assert told["lateral_films_refused"] == 3
    assert told["found"] == 0
    assert told["corner_median_percent_of_depth"] is None
