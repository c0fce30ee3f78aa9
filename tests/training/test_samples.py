import numpy as np
import pytest

from kummell_ai.errors import InputError
from kummell_ai.training.samples import ShardReader, ShardWriter
from tests.training.fakes import fake_film, fake_shards

SIZE = (96, 64)


def same(a, b):
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.points_px, b.points_px)
    np.testing.assert_array_equal(a.level, b.level)
    np.testing.assert_array_equal(a.states, b.states)
    return (a.view, a.spacing_mm, a.seed) == (b.view, b.spacing_mm, b.seed)


def test_films_come_back_as_they_were_written(tmp_path):
    fake_shards(tmp_path, 20, SIZE)
    reader = ShardReader(tmp_path)
    assert len(reader) == 20
    assert all(same(reader[i], fake_film(i, SIZE)) for i in range(20))


def test_new_shards_are_found_while_reading(tmp_path):
    fake_shards(tmp_path, 3, SIZE)
    reader = ShardReader(tmp_path)
    fake_shards(tmp_path, 2, SIZE, first=3)
    assert len(reader) == 3
    assert reader.rescan() == 5
    assert same(reader[4], fake_film(4, SIZE))


def test_another_size_starts_a_new_shard(tmp_path):
    with ShardWriter(tmp_path) as writer:
        for size in (SIZE, SIZE, (96, 96)):
            writer.append(fake_film(0, size))
    assert len(list(tmp_path.glob("shard_*.npz"))) == 2


def test_a_limit_is_kept(tmp_path):
    assert len(ShardReader(fake_shards(tmp_path, 20, SIZE), limit=5)) == 5


def test_a_damaged_shard_is_named(tmp_path):
    whole = next(fake_shards(tmp_path, 4, SIZE).glob("shard_*.npz"))
    data = whole.read_bytes()
    for torn in (b"PK", data[: len(data) // 2]):
        whole.write_bytes(torn)
        with pytest.raises(InputError, match=rf"{whole.name} is not a whole shard"):
            ShardReader(whole.parent)


def test_wrong_shapes_are_refused():
    film = fake_film(0, SIZE)
    with pytest.raises(ValueError, match="expected uint8"):
        film.__class__(film.image.astype(float), film.points_px, film.level, *film.states.T, "left", 1.0, 0)
    with pytest.raises(ValueError, match="expected \\(6, 4, 2\\)"):
        film.__class__(film.image, film.points_px[:2], film.level, *film.states.T, "left", 1.0, 0)
    with pytest.raises(ValueError, match="view 'up'"):
        film.__class__(film.image, film.points_px, film.level, *film.states.T, "up", 1.0, 0)
