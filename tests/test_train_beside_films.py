"""The one command that makes films and trains both stages beside them: what it asks for, and that it leaves nothing."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kummell_ai.errors import KummellError
from kummell_ai.training.config import load_config
from kummell_ai.training.refine_config import load_refine_config

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        spec = importlib.util.spec_from_file_location("train_beside_films", ROOT / "scripts" / "train_beside_films.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["train_beside_films"] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return module


def option(words, name):
    return words[words.index(name) + 1]


def test_no_film_is_made_twice(script: ModuleType, tmp_path: Path) -> None:
    films = script.makers(tmp_path, 15, 5, ("--templates", "t"))
    seeds = [int(option(maker.words, "--seed")) for maker in films]
    training = films[:4]
    assert sorted(set(seeds)) == [5 + 10_000_000 * k for k in range(5)]
    assert len({option(maker.words, "--first-shard") for maker in training}) == 4
    assert sum(int(option(maker.words, "--workers")) for maker in training) == 15
    assert [maker.name for maker in training if "t" in maker.words] == ["others", "finest"]
    assert {option(maker.words, "--out") for maker in films[4:]} == {
        str(tmp_path / "held-films"), str(tmp_path / "held-crops"),
    }  # fmt: skip


def test_both_trainings_are_asked_for_what_their_configurations_know(script: ModuleType, tmp_path: Path) -> None:
    args = argparse.Namespace(work=tmp_path, init=tmp_path / "m", minutes=3.0, first="f.yaml", second="s.yaml")
    words = script.trainings(args, ["grey_changes=wide"])
    first = load_config(ROOT / "configs" / "train_gpu.yaml", words["first"][4:])
    second = load_refine_config(ROOT / "configs" / "refine_gpu.yaml", words["second"][4:])
    for config in (first, second):
        assert config.grey_changes == "wide"
        assert config.max_minutes == 3.0
        assert config.data_note == "simulated lateral films"
        assert config.init == str(tmp_path / "m")
    assert (first.shards, second.crops) == (str(tmp_path / "films"), str(tmp_path / "crops"))
    assert len({first.runs, second.runs, first.out, second.out}) == 4


def test_looks_are_counted(script: ModuleType, tmp_path: Path) -> None:
    for name, count in (("shard_00001.npz", 3), ("shard_00007.npz", 2), ("other.npz", 9)):
        np.savez(tmp_path / name, spacing_mm=np.zeros(count))
    assert script.counted(tmp_path, "shard_*.npz") == 5


def test_a_process_that_fails_is_said_and_the_others_end(script: ModuleType, tmp_path: Path) -> None:
    running = script.Running(tmp_path)
    running.start("sleeper", ["-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"])
    running.start("failing", ["-c", "import sys; print('no such film'); sys.exit(3)"])
    running._processes["failing"].wait(60)
    with pytest.raises(KummellError, match=r"failing ended with code 3: no such film; see .*failing\.txt"):
        running.check("sleeper", "failing")
    while not (said := (tmp_path / "sleeper.txt").read_text().strip()):
        time.sleep(0.02)
    running.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(int(said), 0)
