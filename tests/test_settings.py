"""What a YAML text of settings may not leave to guessing; every fault is one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kummell_ai.errors import ConfigError
from kummell_ai.settings import apply_overrides, build_settings, load_yaml, read_yaml, shown
from kummell_ai.synthesis.recipe import load_recipe
from kummell_ai.training.config import load_config
from kummell_ai.training.refine_config import names_crops

BOMB = "{a: &a [x,x,x,x,x,x,x,x,x,x]" + "".join(
    f", {new}: &{new} [{','.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
"""Eight lists, each ten times the one before: 10^8 items where they are written out."""

NO_VALUES = [
    ("2024-99-99", "'2024-99-99' is no timestamp"),
    ("9" * 5000, "is no int"),
    ("9" * 400, "is too large"),
    ("0x" + "f" * 5000, "is too large"),
    ("0x_", "'0x_' is no int"),
    ('!!int "abc"', "'abc' is no int"),
    ('!!int ""', "'' is no int"),
    ('!!float "abc"', "'abc' is no float"),
    ('!!bool "abc"', "'abc' is no bool"),
    ('!!timestamp "abc"', "'abc' is no timestamp"),
    ("[" * 3000, "nested too deep"),
    ("4:16", "'4:16' has a colon"),
    ("1:30.5", "'1:30.5' has a colon"),
    ('!!float "1:30"', "'1:30' has a colon"),
    ("0512", "'0512' has a leading zero"),
    ("{a: 1, a: 2}", "key a stands twice"),
    ("{a: &x {c: 1}, b: {<<: *x}}", "merged by <<"),
    ("\0", "characters that YAML does not allow"),
    ("[", "expected the node content"),
    ("!!python/object:os.system {}", "could not determine a constructor"),
]


@dataclass(frozen=True)
class Sample:
    share: float = 0.0
    count: int = 0
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(("text", "message"), NO_VALUES, ids=[text[:20] for text, _ in NO_VALUES])
def test_what_would_be_guessed_is_refused_from_file_and_override(tmp_path, text, message):
    path = tmp_path / "s.yaml"
    path.write_text(f"full: {text}\n")
    for read in (load_recipe, load_config, names_crops):
        with pytest.raises(ConfigError, match=message) as refused:
            read(path)
        assert str(refused.value).startswith(f"{path} cannot be read as YAML (")
        assert len(str(refused.value)) < 300 + len(str(path))
    for load in (load_recipe, load_config):
        with pytest.raises(ConfigError, match=message) as refused:
            load(None, [f"seed={text}"])
        assert str(refused.value).startswith("the value of override 'seed=")
        assert len(str(refused.value)) < 300


def test_a_key_twice_is_told_with_its_line():
    with pytest.raises(ConfigError, match=r"^line 3: key rows stands twice; keep one$"):
        load_yaml("rows: 512\nfull: 1\nrows: 128\n")


@pytest.mark.parametrize("text", ["0", "-7", "0x200", "0b11", "0.5", "007.5", "1e-3", "'4:16'", "2024-03-07", "null"])
def test_plain_values_are_read_as_before(text):
    import yaml

    assert load_yaml(text) == yaml.safe_load(text)


def test_lists_that_hold_each_other_are_not_written_out(tmp_path):
    path = tmp_path / "bomb.yaml"
    path.write_text(f"full: {BOMB}}}\n")
    with pytest.raises(ConfigError, match=r"recipe key full is \{'a': \['x', 'x'") as refused:
        load_recipe(path)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"share": "1_0"}, "share is '1_0'; expected float"),
        ({"share": 10**400}, "share is 10000.*; expected float"),
        ({"share": 16**5000}, "share is a number of thousands of digits; expected float"),
        ({"names": {"a": 1}}, "names is {'a': 1}; expected a list"),
        ({"x" * 100: 1}, r"x{37}\.\.\. is no known key"),
        ({(1, 2): 1}, r"\(1, 2\) is no known key"),
    ],
)
def test_values_of_another_type_are_told_in_short(values, message):
    with pytest.raises(ConfigError, match=message) as refused:
        build_settings(Sample, values)
    assert len(str(refused.value)) < 150


def test_numbers_in_quotes_are_numbers_still():
    assert build_settings(Sample, {"share": "2e-4"}).share == 2e-4


def test_a_long_override_is_told_in_short():
    with pytest.raises(ConfigError) as refused:
        apply_overrides({}, ["x" * 5000])
    assert len(str(refused.value)) < 150
    assert shown("x" * 5000).count("x") < 50


def test_a_file_that_cannot_be_read_is_told_without_the_words_of_the_system(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.yaml: no such file; give one as configs/x\.yaml$"):
        read_yaml(tmp_path / "nothing.yaml", "configs/x.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path, "configs/x.yaml")
    with pytest.raises(ConfigError, match=r"/dev/zero has over 1 MB"):
        read_yaml("/dev/zero", "configs/x.yaml")
