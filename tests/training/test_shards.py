"""What shards are known by when a run goes on, and what they say made them."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from kummell_ai.errors import InputError
from kummell_ai.synthesis.recipe import load_recipe
from kummell_ai.training.crop_samples import CropReader, write_crops
from kummell_ai.training.samples import ShardReader, ShardWriter
from kummell_ai.training.shards import check_made, made_by, read_facts
from tests.training.fakes import fake_film, fake_shards
from tests.training.test_refine import crops_of

RECIPE = load_recipe(None, [])


def made(seed, films, recipe=RECIPE):
    return made_by(recipe, seed, films, crops=False)


def shard(folder, films, first=0, by=None):
    with ShardWriter(folder, made_by=by) as writer:
        for seed in range(first, first + films):
            writer.append(fake_film(seed, (64, 64)))
    return folder / "shard_00000.npz"


def test_a_shard_is_known_by_what_it_holds_wherever_it_lies(tmp_path):
    path = fake_shards(tmp_path / "a", 3, (64, 64)) / "shard_00000.npz"
    copied = tmp_path / "b.npz"
    shutil.copyfile(path, copied)
    os.utime(copied, (1, 1))
    again, other = shard(tmp_path / "c", 3), shard(tmp_path / "d", 3, first=1)
    facts = read_facts(path)
    assert facts == read_facts(copied) == read_facts(again) == ShardReader(path.parent).known[path.name]
    assert (facts.looks, facts.simulated) == (3, False)
    assert read_facts(other).content != facts.content
    assert read_facts(shard(tmp_path / "e", 3, by="{}")).simulated
    copied.write_bytes(path.read_bytes()[:-100])
    assert read_facts(copied) is None
    assert read_facts(tmp_path / "none.npz") is None


def test_what_made_films_and_crops_stands_in_their_shards(tmp_path):
    by = made(5, 2)
    write_crops(tmp_path / "crops_00000.npz", crops_of(0), by)
    assert CropReader(tmp_path).known["crops_00000.npz"].simulated
    check_made(tmp_path / "crops_00000.npz", by)
    check_made(shard(tmp_path / "films", 2, by=by), by)
    assert len(ShardReader(tmp_path / "films")) == 2


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (made(5, 4), "films=2, asked for is 4; give another folder, the same settings to go on, or delete"),
        (made(6, 2), "seed=5, asked for is 6"),
        (made(5, 2, load_recipe(None, ["film.noise=0.5"])), r"recipe\.film\.noise=1\.0, asked for is 0\.5"),
        (made(5, 2).replace('"version": "', '"version": "9.'), r"version=.*, asked for is 9\."),
    ],
)
def test_a_shard_of_other_films_is_said(asked, text, tmp_path):
    with pytest.raises(InputError, match=rf"shard_00000\.npz was made with {text}"):
        check_made(shard(tmp_path, 2, by=made(5, 2)), asked)


def test_of_shards_that_do_not_say_the_seeds_have_to_do(tmp_path):
    films = shard(tmp_path, 2, first=5)
    check_made(films, made(5, 2))
    with pytest.raises(InputError, match="films=2, asked for is 4"):
        check_made(films, made(5, 4))
    crops = tmp_path / "crops_00000.npz"
    write_crops(crops, crops_of(0))
    check_made(crops, made(5, 4))  # they do not tell how many films there were
    np.savez(films, other=np.zeros(1))
    with pytest.raises(InputError, match=r"shard_00000\.npz is not a whole shard"):
        check_made(films, made(5, 2))
