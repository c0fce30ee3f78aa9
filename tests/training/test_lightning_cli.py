"""The trainings through LightningCLI end as they do by their own configuration, with the trainer's options beside."""

import importlib.util
import json
import shutil
from pathlib import Path

import lightning
import pytest
import torch
import yaml

from kummell_ai.cli import fit
from kummell_ai.cli.main import main
from kummell_ai.errors import ConfigError
from kummell_ai.landmarks.checkpoint import load_bundle
from kummell_ai.training.keeping import Keeper
from kummell_ai.training.lightning_cli import STAGES, train_by_cli
from kummell_ai.training.refine import train_refiner
from kummell_ai.training.run import train
from kummell_ai.training.trainer import SET_BY_CONFIG
from tests.training import test_refine
from tests.training.test_refine import folders  # noqa: F401
from tests.training.test_run import TINY, paths  # noqa: F401

FIT = Path(__file__).parents[2] / "configs" / "fit.yaml"


def words(overrides):
    return [f"--model.config.{override}" for override in overrides]


def weights(folder):
    bundle = load_bundle(folder)
    second = {} if bundle.refiner is None else bundle.refiner.state_dict()
    return {**bundle.network.state_dict(), **{f"second.{name}": value for name, value in second.items()}}


def facts(folder):
    return json.loads((folder / "model.json").read_text())


class Counter(lightning.Callback):
    steps = 0

    def on_train_batch_end(self, trainer, *_):
        Counter.steps += 1
        assert any(isinstance(callback, Keeper) for callback in trainer.callbacks), "beside those of the run"
        assert trainer.log_every_n_steps == 7


def test_the_first_stage_ends_as_it_does_without(paths, tmp_path):  # noqa: F811
    train(FIT.parent / "train.yaml", [*TINY, *paths])  # which fit.yaml names
    again = [*TINY, *paths, f"runs={tmp_path / 'again'}", f"out={tmp_path / 'other'}"]
    assert train_by_cli("first", ["--config", str(FIT), *words(again)]) == tmp_path / "other"
    own, other = weights(tmp_path / "model"), weights(tmp_path / "other")
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert facts(tmp_path / "model") == facts(tmp_path / "other")


def test_the_second_stage_ends_as_it_does_without(folders, tmp_path):  # noqa: F811
    own, other = tmp_path / "model", tmp_path / "other"
    shutil.copytree(own, other)  # the first stage
    tiny = [*test_refine.TINY, *folders, "max_steps=2"]
    train_refiner(test_refine.CONFIG, tiny)
    again = words([*tiny, f"runs={tmp_path / 'again'}", f"out={other}"])
    assert train_by_cli("second", ["--model.config", str(test_refine.CONFIG), *again]) == other
    one, two = weights(own), weights(other)
    assert any(name.startswith("second.") for name in one)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert facts(own) == facts(other)


def test_a_run_goes_on_by_either_way(paths, tmp_path):  # noqa: F811
    models = []
    for name, goes_on in (
        ("own", lambda run: train(None, run)),
        ("fit", lambda run: train_by_cli("first", words(run))),
    ):
        run = [*TINY, *paths, f"runs={tmp_path / name}", f"out={tmp_path / 'models' / name}"]
        train(None, [*run, "max_steps=2"])
        models.append(weights(goes_on(run)))
        assert torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=False)["global_step"] == 4
    own, other = models
    assert all(torch.equal(own[name], other[name]) for name in own)


def test_options_of_the_trainer_come_beside_those_of_the_run(paths, tmp_path):  # noqa: F811
    Counter.steps = 0
    callback = f"--trainer.callbacks={__name__}.Counter"
    train_by_cli("first", [*words([*TINY, *paths]), callback, "--trainer.log_every_n_steps=7"])
    assert Counter.steps == 4
    (kept,) = (tmp_path / "runs").rglob("config.yaml")
    assert yaml.safe_load(kept.read_text())["trainer"]["log_every_n_steps"] == 7


def test_a_trial_writes_nothing(paths, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["fit", "first", *words([*TINY, *paths, "fast_dev_run=true"])]) == 0
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before] == [tmp_path / "model"]
    assert not any((tmp_path / "model").iterdir())


@pytest.mark.parametrize("option", sorted(SET_BY_CONFIG))
def test_what_the_configuration_decides_is_no_option_of_the_trainer(option, paths, tmp_path):  # noqa: F811
    value = {"devices": "2", "fast_dev_run": "true", "accelerator": "gpu", "precision": "64-true"}.get(option, "3")
    with pytest.raises(ConfigError, match=rf"^trainer.{option} is .*; give model.config.\w+"):
        train_by_cli("first", [*words([*TINY, *paths]), f"--trainer.{option}={value}"])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["--model.config.rows=hundred"], 'Parser key "model.config.rows": Expected'),
        (["--model.config.rows=33"], "use multiples of 32"),
        (["--model.config.nosuch=1"], "nosuch"),
        (["--trainer.nosuch=1"], "--trainer.nosuch=1"),
        (["--config", "nosuch.yaml"], "nosuch.yaml"),
        (["--model.config.shards=nosuch"], "nosuch holds no shard_"),
        (
            ["--model.config.devices=1000", "--model.config.accelerator=gpu"],
            "accelerator=gpu, devices=1000 cannot be used",
        ),
        (["--trainer.strategy=nosuch"], "trainer.strategy=nosuch cannot be used: "),
        (["--trainer.profiler=nosuch"], "trainer.profiler=nosuch cannot be used: "),
        (["--trainer.val_check_interval=1000"], "trainer.val_check_interval=1000 cannot be used: "),
    ],
)
def test_wrong_use_is_one_line(given, text, paths, capsys):  # noqa: F811
    assert main(["fit", "first", *words([*TINY, *paths]), *given]) == 1
    err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("INFO", "GPU ", "TPU "))]
    assert len(err) == 1
    assert err[0].startswith("kummell-ai: ")
    assert text in err[0]


def test_without_its_parser_the_way_without_is_named(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(["fit", "first", "--print_config"]) == 1
    assert "pip install 'kummell-ai[fit]', or use kummell-ai train" in capsys.readouterr().err


def test_the_stages_of_the_command_are_those_of_the_trainings():
    assert fit.STAGES.keys() == STAGES.keys()


def test_the_budget_given_counts(paths, tmp_path):  # noqa: F811
    tiny = words([each for each in [*TINY, *paths] if not each.startswith(("max_minutes", "max_steps"))])
    train_by_cli("first", ["--config", str(FIT), *tiny, "--model.config.max_steps", "2"])  # its file has minutes
    recipe = facts(tmp_path / "model")["recipe"]
    assert (recipe["max_minutes"], recipe["max_steps"]) == (None, 2)
    with pytest.raises(ConfigError, match="max_minutes=3 and max_steps=2 are two budgets of one run; give one"):
        train_by_cli("first", [*tiny, "--model.config.max_steps=2", "--model.config.max_minutes=3"])
