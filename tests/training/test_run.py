import shutil
from pathlib import Path

import pytest
import torch

from kummell_ai.errors import CheckpointError, ConfigError, InputError
from kummell_ai.landmarks.checkpoint import load_bundle
from kummell_ai.training import keeping
from kummell_ai.training.config import TrainConfig, load_config
from kummell_ai.training.refine_config import RefineConfig
from kummell_ai.training.run import export, train
from kummell_ai.training.samples import ShardWriter
from kummell_ai.training.shards import NOT_RECORDED
from tests.training.fakes import fake_film, fake_shards

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("train*.yaml"))
TINY = [
    "rows=64",
    "columns=64",
    "batch_size=2",
    "films_per_epoch=4",
    "validation_films=2",
    "workers=0",
    "threads=1",
    "precision=32-true",
    "accelerator=cpu",
    "compile=false",
    "max_minutes=null",
    "max_steps=4",
    "network={deepest: 32, context: 16, decoder: 16, level: 16}",
]


@pytest.fixture
def paths(tmp_path):
    fake_shards(tmp_path / "train", 4, (64, 64))
    fake_shards(tmp_path / "validation", 2, (64, 64), first=100)
    return [
        f"shards={tmp_path / 'train'}",
        f"validation_shards={tmp_path / 'validation'}",
        f"runs={tmp_path / 'runs'}",
        f"out={tmp_path / 'model'}",
    ]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_configuration_runs(config, paths, tmp_path):
    folder = tmp_path / "model"
    assert train(config, [*TINY, *paths, "fast_dev_run=true"]) is None
    assert not any(folder.iterdir()), "a trial writes no model"
    assert not (tmp_path / "runs" / "checkpoints").exists()
    assert train(config, [*TINY, *paths, "max_steps=1"]) == folder
    bundle = load_bundle(folder)
    assert bundle.info["recipe"]["batch_size"] == 2
    assert "trained from random weights" in (folder / "README.md").read_text()


def test_a_run_that_was_stopped_goes_on(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=2"])
    train(None, [*TINY, *paths, "max_steps=4"])
    last = tmp_path / "runs" / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=False)
    assert state["global_step"] == 4
    assert int(state["state_dict"]["averaged_steps"]) == 4
    exported = export(last, tmp_path / "exported", None, [*TINY, *paths])
    first, second = load_bundle(tmp_path / "model"), load_bundle(exported)
    assert first.weights_sha256 == second.weights_sha256
    assert first.info["metrics"].keys() >= {"found_share", "error_px_median"}


def test_a_run_from_before_a_setting_existed_goes_on_with_its_default(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=2"])
    last = tmp_path / "runs" / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=False)
    del state["recipe"]["grey_changes"]
    torch.save(state, last)
    with pytest.raises(ConfigError, match="holds a run with grey_changes=usual, asked for is wide"):
        train(None, [*TINY, *paths, "max_steps=3", "grey_changes=wide"])
    train(None, [*TINY, *paths, "max_steps=3"])
    assert torch.load(last, weights_only=False)["global_step"] == 3


def test_a_run_starts_from_the_network_of_a_model(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=1"])
    again = [*TINY, *paths, f"init={tmp_path / 'model'}", f"out={tmp_path / 'next'}", f"runs={tmp_path / 'again'}"]
    train(None, [*again, "max_steps=1", "learning_rate=0", "ema_decay=1"])  # moves nothing but batch statistics
    before, after = (load_bundle(tmp_path / name).network.state_dict() for name in ("model", "next"))
    card = (tmp_path / "next" / "README.md").read_text()
    assert f"trained on from kummell-corners ({load_bundle(tmp_path / 'model').weights_sha256[:12]})" in card
    weights = [name for name in before if "running" not in name]
    assert all(torch.equal(before[name], after[name]) for name in weights)
    with pytest.raises(ConfigError, match=r"init has sizes of its own .*; give the sizes of the model it names"):
        train(None, [*again, "resume=false", "network.deepest=48"])


def test_a_run_of_another_configuration_is_not_gone_on_with(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=1"])
    for other, text in (("seed=7", "seed=1, asked for is 7"), ("network.level=24", "holds a run with network=")):
        with pytest.raises(ConfigError, match=text):
            train(None, [*TINY, *paths, "max_steps=2", other])
    train(None, [*TINY, *paths, "max_steps=2"])


def test_a_run_that_diverges_writes_no_model(paths, tmp_path):
    with pytest.raises((ConfigError, CheckpointError), match="use a lower learning_rate"):
        train(None, [*TINY, *paths, "max_steps=12", "learning_rate=1e30", "gradient_clip=0", "warmup_steps=0"])
    assert not (tmp_path / "model" / "model.json").exists()


def test_a_folder_that_cannot_be_written_is_said_before_the_training(paths, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"out is .*file/model, which cannot be written"):
        train(None, [*TINY, *paths, f"out={tmp_path / 'file' / 'model'}"])
    assert not (tmp_path / "runs").exists()


def test_what_is_local_stays_out_of_the_recipe():
    local = {"runs", "out", "init", "resume", "fast_dev_run", "checkpoint_minutes", "pictures_every", "compile"}
    assert TrainConfig().as_dict().keys() - TrainConfig().recipe().keys() == local | {"shards", "validation_shards"}
    assert RefineConfig().as_dict().keys() - RefineConfig().recipe().keys() == local | {"crops", "validation_crops"}


def test_no_shards_is_said(tmp_path):
    with pytest.raises(InputError, match=r"holds no shard_\*\.npz"):
        train(None, [f"shards={tmp_path}", f"validation_shards={tmp_path}"])


class Compiled(torch.nn.Module):
    """Stands in for what `torch.compile` gives: a module that holds the network."""

    def __init__(self, network):
        super().__init__()
        self.inner, self.calls = network, 0

    def forward(self, film):
        self.calls += 1
        return self.inner(film)


def test_a_compiled_network_takes_the_steps_and_is_kept_under_its_own_names(paths, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(torch, "compile", lambda network: made.append(Compiled(network)) or made[-1])
    train(None, [*TINY, *paths, "max_steps=3", "compile=true"])
    assert [compiled.calls for compiled in made] == [3]
    compiled = torch.load(tmp_path / "runs" / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"]
    train(None, [*TINY, *paths, "max_steps=3", f"runs={tmp_path / 'plain'}"])
    plain = torch.load(tmp_path / "plain" / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"]
    assert compiled.keys() == plain.keys()
    for name, value in plain.items():
        assert torch.equal(compiled[name], value), name


def test_a_run_that_goes_on_remembers_what_it_started_from(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=1"])
    first = load_bundle(tmp_path / "model").weights_sha256
    again = [*TINY, *paths, f"out={tmp_path / 'next'}", f"runs={tmp_path / 'again'}"]
    train(None, [*again, "max_steps=1", f"init={tmp_path / 'model'}"])
    train(None, [*again, "max_steps=2"])
    card = (tmp_path / "next" / "README.md").read_text()
    assert f"trained on from kummell-corners ({first[:12]})" in card
    last = tmp_path / "again" / "checkpoints" / "last.ckpt"
    exported = export(last, tmp_path / "exported", None, [*again, "max_steps=2"])
    assert load_bundle(exported).info["init"]["weights_sha256"] == first
    with pytest.raises(ConfigError, match="a run that started from random weights, not from this init"):
        train(None, [*TINY, *paths, "max_steps=2", f"init={tmp_path / 'next'}"])


def test_what_was_logged_is_there_when_the_checkpoint_is(paths, tmp_path, monkeypatch):
    found = []

    def look(self, checkpoint, path, storage_options=None):
        found.extend((tmp_path / "runs" / "log" / "version_0").glob("metrics.csv"))

    monkeypatch.setattr(keeping.WholeFileIO, "save_checkpoint", look)
    train(None, [*TINY, *paths, "max_steps=2"])
    assert found


def test_lightning_advertises_nothing(paths, caplog, capsys):
    caplog.set_level("INFO", logger="lightning")
    train(None, [*TINY, *paths, "max_steps=1"])
    said = caplog.text + "".join(capsys.readouterr())
    assert "Tip" not in said
    assert "weights_only" not in said


@pytest.mark.parametrize("content", [None, b"", b"junk"])
def test_what_is_no_checkpoint_is_said(content, paths, tmp_path):
    file = tmp_path / "a.ckpt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ckpt: no checkpoint of a run"):
        export(file, tmp_path / "out", None, [*TINY, *paths])


def last_of(runs):
    return torch.load(runs / "checkpoints" / "last.ckpt", weights_only=False)


def test_a_run_is_not_gone_on_with_by_other_films(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=2"])
    other = fake_shards(tmp_path / "others", 4, (64, 64), first=50)
    for key in ("shards", "validation_shards"):
        with pytest.raises(
            ConfigError,
            match=rf"runs holds a run with shard_00000\.npz among its {key}, .*others has another of that name; "
            rf"give another folder as runs, or the {key} it began with to go on",
        ):
            train(None, [*TINY, *paths, f"{key}={other}", f"out={tmp_path / 'b'}", "data_note=B"])
    (other / "shard_00000.npz").rename(other / "shard_00001.npz")
    with pytest.raises(ConfigError, match="others has none of that name"):
        train(None, [*TINY, *paths, f"shards={other}", f"out={tmp_path / 'b'}"])
    assert not (tmp_path / "b" / "model.json").exists()
    assert last_of(tmp_path / "runs")["global_step"] == 2


def test_a_run_goes_on_with_its_films_elsewhere_and_with_more_of_them(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=2", "validation_films=2"])
    for name in ("train", "validation"):
        shutil.copytree(tmp_path / name, tmp_path / "moved" / name)
        shutil.rmtree(tmp_path / name)
        fake_shards(tmp_path / "moved" / name, 3, (64, 64), first=200)
    moved = tmp_path / "moved"
    places = [f"shards={moved / 'train'}", f"validation_shards={moved / 'validation'}"]
    train(None, [*TINY, *paths, *places, "max_steps=3", "validation_films=1"])
    state = last_of(tmp_path / "runs")
    assert state["global_step"] == 3
    assert [len(state["FilmDataModule"][key]) for key in ("shards", "validation_shards")] == [2, 1]


def test_a_run_from_before_films_were_known_goes_on(paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=2"])
    state = last_of(tmp_path / "runs")
    del state["FilmDataModule"]
    torch.save(state, tmp_path / "runs" / "checkpoints" / "last.ckpt")
    other = fake_shards(tmp_path / "others", 4, (64, 64), first=50)
    train(None, [*TINY, *paths, f"shards={other}", "max_steps=3"])
    assert last_of(tmp_path / "runs")["global_step"] == 3


@pytest.mark.parametrize("budget", ["max_steps=2", "max_minutes=1e-6"])
def test_a_finished_run_trains_nothing_and_keeps_its_card(budget, paths, tmp_path, caplog):
    tiny = [each for each in [*TINY, *paths] if not each.startswith(("max_steps", "max_minutes"))] + [budget]
    train(None, [*tiny, "name=ours", "data_note=300 films of ours"])
    before = last_of(tmp_path / "runs")
    caplog.set_level("INFO", logger="lightning.pytorch")
    train(None, [*tiny, "name=theirs", "data_note=300 films of theirs", f"out={tmp_path / 'again'}"])
    assert f"This run is finished ({before['global_step']} steps): nothing was trained" in caplog.text
    first, second = load_bundle(tmp_path / "model"), load_bundle(tmp_path / "again")
    assert first.info == second.info
    assert first.weights_sha256 == second.weights_sha256
    assert (second.name, second.info["data"]) == ("ours", "300 films of ours")
    assert last_of(tmp_path / "runs")["global_step"] == before["global_step"]


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "half"])
def test_a_damaged_checkpoint_is_said(content, paths, tmp_path):
    train(None, [*TINY, *paths, "max_steps=1"])
    last = tmp_path / "runs" / "checkpoints" / "last.ckpt"
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InputError, match=r"last\.ckpt: no checkpoint of a run, .*; copy it again, .* resume=false"):
        train(None, [*TINY, *paths, "max_steps=2"])
    train(None, [*TINY, *paths, "max_steps=2", "resume=false"])
    assert last_of(tmp_path / "runs")["global_step"] == 2


def test_a_pickle_that_is_no_checkpoint_is_said(paths, tmp_path):
    torch.save({"weights": 1}, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"a\.ckpt: no checkpoint of a run; give its checkpoints/last\.ckpt"):
        export(tmp_path / "a.ckpt", tmp_path / "out", None, [*TINY, *paths])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_budget_given_counts(config):
    given = load_config(config, ["max_steps=7"])
    assert (given.max_minutes, given.max_steps) == (None, 7)
    assert load_config(config, ["max_minutes=2"]).max_minutes == 2.0
    assert load_config(config, ["max_minutes=null", "max_steps=7"]) == given
    with pytest.raises(ConfigError, match="max_minutes=2 and max_steps=7 are two budgets of one run; give one"):
        load_config(config, ["max_minutes=2", "max_steps=7"])


def test_budget_and_log_are_said_at_the_start(paths, tmp_path, caplog):
    caplog.set_level("INFO", logger="lightning.pytorch")
    train(None, [*TINY, *paths, "max_steps=2"])
    log = tmp_path / "runs" / "log" / "version_0" / "metrics.csv"
    assert f"Budget: max_steps=2, 0 done; max_minutes=M follows the clock instead. Log: {log}" in caplog.text
    assert log.is_file()


def test_an_exported_model_has_the_recipe_of_its_run(paths, tmp_path):
    config = CONFIGS[0].parent / "train.yaml"
    train(config, [*TINY, *paths, "name=ours", "data_note=300 films of ours"])
    last = tmp_path / "runs" / "checkpoints" / "last.ckpt"
    network, places = TINY[-1], paths[:2]
    exported = load_bundle(export(last, tmp_path / "exported", config, [network, *places]))
    assert exported.info == load_bundle(tmp_path / "model").info
    recipe = exported.info["recipe"]
    assert (recipe["batch_size"], recipe["max_minutes"], recipe["max_steps"]) == (2, None, 4)
    with pytest.raises(ConfigError, match=r"is of a run with batch_size=2, asked for is 4; the model card says"):
        export(last, tmp_path / "other", config, [network, *places, "batch_size=4"])
    with pytest.raises(ConfigError, match="has other sizes than the configuration; give the run's own"):
        export(last, tmp_path / "other", config, places)


def test_a_second_stage_is_not_exported(paths, tmp_path):
    text = "is of a second stage, and first stages alone are exported; .* with max_steps=1, ends it as it is"
    with pytest.raises(ConfigError, match=rf"refine\.yaml {text}"):
        export(tmp_path / "a.ckpt", tmp_path / "out", CONFIGS[0].parent / "refine.yaml")
    torch.save({"state_dict": {}, "global_step": 1, "recipe": RefineConfig().recipe()}, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match=rf"a\.ckpt {text}"):
        export(tmp_path / "a.ckpt", tmp_path / "out", CONFIGS[0].parent / "train.yaml", paths)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_card_says_of_the_films_what_is_known(config, paths, tmp_path):
    train(config, [*TINY, *paths, "max_steps=1"])
    assert load_bundle(tmp_path / "model").info["data"] == NOT_RECORDED
    with ShardWriter(tmp_path / "made", made_by="{}") as writer:
        for seed in range(3):
            writer.append(fake_film(seed, (64, 64)))
    made = [f"shards={tmp_path / 'made'}", f"runs={tmp_path / 'simulated'}", "max_steps=1"]
    for _ in range(2):  # the second time nothing is left to train
        train(config, [*TINY, *paths, *made])
        assert load_bundle(tmp_path / "model").info["data"] == "3 simulated films"
    last = tmp_path / "simulated" / "checkpoints" / "last.ckpt"
    exported = export(last, tmp_path / "exported", config, [TINY[-1], *paths, made[0]])
    assert load_bundle(exported).info["data"] == "3 simulated films"
