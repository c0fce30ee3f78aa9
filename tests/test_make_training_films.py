"""Films for the first stage, and crops of the same films for the second."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.errors import InputError
from kummell_ai.synthesis.recipe import load_recipe
from kummell_ai.training.crop_samples import CropReader
from kummell_ai.training.samples import ShardReader, ShardWriter
from kummell_ai.training.shards import made_by
from tests.training.fakes import fake_film

ROOT = Path(__file__).parents[1]


def test_one_film_teaches_both_stages(tmp_path: Path) -> None:
    films, crops, apart = tmp_path / "films", tmp_path / "crops", tmp_path / "apart"
    few = ("--seed", "9", "--set", "rows=256")
    for script, words in (
        ("make_training_films", ("--out", films, "--crops", crops, "--count", "2", "--set", "frontal=0", *few)),
        ("make_crops", ("--out", apart, "--films", "2", "--rows", "256", *few[:2])),
    ):
        command = [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *map(str, words)]
        subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    assert len(ShardReader(films, None)) == 2
    together, alone = CropReader(crops), CropReader(apart)
    assert len(together) == len(alone) > 8
    for k in range(len(alone)):
        np.testing.assert_array_equal(together[k].image, alone[k].image)
        np.testing.assert_array_equal(together[k].points, alone[k].points)


def test_films_that_are_there_are_told_and_others_refused(tmp_path: Path) -> None:
    def make(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts" / "make_training_films.py"), "--out", str(tmp_path / "films")]
        return subprocess.run([*command, *words], check=False, cwd=ROOT, capture_output=True, text=True)

    few = ("--seed", "9", "--set", "rows=128", "--count", "2")
    assert make(*few).stdout.splitlines() == ["2 films made"]
    again = make(*few)
    assert (again.returncode, again.stdout.splitlines()) == (0, ["2 films are there already", "0 films made"])
    for words, text in (
        (("--count", "4"), "films=2, asked for is 4"),
        (("--seed", "8"), "seed=9, asked for is 8"),
        (("--crops", str(tmp_path / "crops")), "crops=False, asked for is True"),
    ):
        refused = make(*few, *words)
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert f"shard_00000.npz was made with {text}; give another folder" in line
    assert len(ShardReader(tmp_path / "films", None)) == 2


def test_full_shards_stay_when_more_films_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    script = importlib.import_module("make_training_films")
    recipe, film = load_recipe(None, []), fake_film(0, (64, 64))
    with ShardWriter(tmp_path, made_by=made_by(recipe, 5, script.FILMS_PER_SHARD, crops=False)) as writer:
        for _ in range(script.FILMS_PER_SHARD):
            writer.append(film)
    jobs = [(tmp_path, None, k, 5 + k * script.FILMS_PER_SHARD, script.FILMS_PER_SHARD, recipe) for k in range(2)]
    assert script.films_there(jobs) == script.FILMS_PER_SHARD
    with pytest.raises(InputError, match=r"recipe\.film\.noise=1\.0, asked for is 0\.5"):
        script.films_there([(*job[:5], load_recipe(None, ["film.noise=0.5"])) for job in jobs])
