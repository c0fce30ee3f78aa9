import pytest

from kummell_ai.errors import ConfigError
from kummell_ai.training.config import load_config


def write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_nested_keys(tmp_path):
    path = write(tmp_path, "batch_size: 4\nloss: {view: 0.1}\n")
    config = load_config(path, ["learning_rate=2e-4", "loss.levels=1", "max_minutes=null", "init=null"])
    assert (config.batch_size, config.learning_rate, config.max_minutes) == (4, 2e-4, None)
    assert (config.loss.view, config.loss.levels) == (0.1, 1.0)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("learning_rat: 1.0", [], "learning_rat is no known key"),
        ("loss: {centres: 1.0}", [], r"loss\.centres is no known key"),
        ("batch_size: eight", [], "batch_size is 'eight'; expected int"),
        ("batch_size: true", [], "batch_size is True; expected int"),
        ("batch_size: 0", [], "batch_size is 0; it must be at least 1"),
        ("rows: 500", [], "use multiples of 32"),
        ("devices: 0", [], "devices is 0; it must be at least 1"),
        ("accelerator: abacus", [], "accelerator is 'abacus'; use one of"),
        ("max_minutes: -1.0", [], "max_minutes is -1"),
        ("learning_rate: -1.0", [], "learning_rate is -1.0; it must be at least 0"),
        ("learning_rate: .nan", [], "learning_rate is nan"),
        ("max_minutes: .nan", [], "max_minutes is nan"),
        ("ema_decay: 2.0", [], "ema_decay is 2.0; it must be 0 to 1"),
        ("workers: -1", [], "workers is -1"),
        ("seed: -1", [], "seed is -1"),
        ("seed: 4294967296", [], "seed is 4294967296; it must be at most 4294967295"),
        ("threads: 100000000000", [], "threads is 100000000000; it must be at most 1024"),
        ("workers: 1025", [], "workers is 1025; it must be at most 1024"),
        ("", ["devices=2000"], "devices is 2000; it must be at most 1024"),
        ("validation_films: 0", [], "validation_films is 0; it must be at least 1"),
        ("loss: {corners: -1.0}", [], r"loss\.corners is -1.0; it must be at least 0"),
        ("augmentation: {wrong_way_share: 7.0}", [], r"augmentation\.wrong_way_share is 7.0; it must be 0 to 1"),
        ("network: {deepest: 0}", [], "each part needs at least 1 channel"),
        ("loss: 3", [], "loss is 3; expected keys and values"),
        ("precision: half", [], "precision is 'half'; use one of"),
        ("- 1", [], "holds list"),
        ("a: [", [], "cannot be read as YAML"),
        ("", ["seed"], "override 'seed' has no '='"),
        ("", ["seed.x=1", "seed.x.y=1"], "has no keys of its own"),
    ],
)
def test_mistakes_are_named(tmp_path, text, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text), overrides)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        load_config(path)


def test_an_empty_file_means_the_defaults(tmp_path):
    assert load_config(write(tmp_path, "")) == load_config(None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "no.yaml")
