"""Films are read ahead, judged one by one and let go."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.errors import InputError, KummellError
from kummell_ai.evaluation import evaluate_dataset
from kummell_ai.evaluation.prefetch import prefetched
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.evaluation.tables import film_rows, segment_rows, vertebra_rows
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests.evaluation.test_evaluation import Fake, dataset, moved


def test_items_come_in_order_and_not_too_early() -> None:
    made: list[int] = []
    used = 0

    def items() -> Iterator[int]:
        for i in range(20):
            made.append(i)
            yield i

    for used, item in enumerate(prefetched(items(), ahead=2)):
        assert item == used
        assert len(made) <= used + 3
    assert used == 19


def test_items_are_made_in_another_thread() -> None:
    def items() -> Iterator[int]:
        yield threading.get_ident()

    assert list(prefetched(items())) != [threading.get_ident()]


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise InputError("film 3 is broken; export it again")

    ahead = prefetched(items(), ahead=3)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(InputError, match="film 3 is broken"):
        next(ahead)


def test_stopping_early_waits_for_no_more_items() -> None:
    def items() -> Iterator[int]:
        yield from range(10**9)

    for item in prefetched(items()):
        if item == 3:
            break


def test_few_films_are_in_memory_at_once(tmp_path: Path) -> None:
    """Pixels of at most four films: the one in work, two read ahead, and the one that is being read."""
    seen: list[Any] = []
    alive: list[int] = []

    class Watching(Fake):
        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            seen.append(weakref.ref(radiograph.pixels))
            alive.append(sum(ref() is not None for ref in seen))
            return super().locate(radiograph)

    path = dataset(tmp_path, tuple(f"{i}.png" for i in range(12)))
    result = evaluate_dataset(path, Watching(), keep_worst=3)
    assert max(alive) <= 4
    assert len(result.worst) == 3
    assert all(film.seconds >= 0 and film.decode_seconds > 0 for film in result.films)
    assert result.wall_seconds > 0


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    path = dataset(tmp_path, (*(f"{i}.png" for i in range(5)), "frontal.png"))
    (tmp_path / "3.png").write_bytes(b"no film")
    seen: list[tuple[int, int]] = []
    alone = evaluate_dataset(path, Fake(), keep_worst=2)
    apart = evaluate_dataset(
        path,
        Fake(),
        keep_worst=2,
        workers=2,
        make_predictor=Fake,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(i + 1, 6) for i in range(6)]
    assert apart.unused == alone.unused
    assert [film.name for film in apart.unused] == ["3.png"]
    assert apart.rows == alone.rows
    assert [w.film.file_name for w in apart.worst] == [w.film.file_name for w in alone.worst]
    assert [tables_of(film) for film in apart.films] == [tables_of(film) for film in alone.films]
    with pytest.raises(ValueError, match="workers is 2; more than one need make_predictor"):
        evaluate_dataset(path, Fake(), workers=2)


class Ending(Fake):
    """Ends its process on one film, as the system does where memory runs out."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        if radiograph.reference.name == "3.png":
            os._exit(3)
        return super().locate(radiograph)


def test_a_process_ended_from_outside_is_said(tmp_path: Path) -> None:
    path = dataset(tmp_path, tuple(f"{i}.png" for i in range(6)))
    with pytest.raises(KummellError, match=r"a worker was ended from outside \(2 workers\).*fewer workers if memory"):
        evaluate_dataset(path, Fake(), workers=2, make_predictor=Ending)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")]
)
def test_a_film_that_takes_too_much_memory_is_left_out(error: Exception, tmp_path: Path) -> None:
    class Needy(Fake):
        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            if radiograph.reference.name == "1.png":
                raise error
            return super().locate(radiograph)

    result = evaluate_dataset(dataset(tmp_path, ("0.png", "1.png", "2.png")), Needy())
    assert [film.name for film in result.films] == ["0.png", "2.png"]
    (unused,) = result.unused
    assert unused.name == "1.png"
    assert unused.reason == "1.png: takes more memory than there is; close other programs, or scale the film down"


def tables_of(film: FilmResult) -> list[Any]:
    """A film's rows of the tables, without what the clock says."""
    (row,) = film_rows([replace(film, seconds=None, decode_seconds=None)])
    return [row, list(vertebra_rows([film])), list(segment_rows([film]))]


def test_the_worst_films_are_kept_with_what_was_located(tmp_path: Path) -> None:
    class OneBad(Fake):
        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            found = super().locate(radiograph)
            return moved(found, 9, 0) if radiograph.reference.name == "1.png" else found

    path = dataset(tmp_path, ("0.png", "1.png", "2.png", "frontal.png"))
    result = evaluate_dataset(path, OneBad(), keep_worst=2)
    assert [w.film.file_name for w in result.worst] == ["frontal.png", "1.png"]
    worst = result.worst[1]
    expected = moved(worst.film.landmarks, 10, 0).vertebrae[0].points_px
    assert worst.predicted.vertebrae[0].points_px == pytest.approx(expected)
    assert evaluate_dataset(path, OneBad()).worst == ()


def test_a_result_knows_its_film(tmp_path: Path) -> None:
    from kummell_ai.annotations import read_coco, write_coco

    path = dataset(tmp_path, ("a.png", "frontal.png"))
    films = [
        replace(f, landmarks=replace(f.landmarks, reference=replace(f.landmarks.reference, patient_id="P7")))
        for f in read_coco(path)
    ]
    write_coco(path, films)
    for film in evaluate_dataset(path, Fake()).films:
        assert film.patient == "P7"
        assert str(film.index_level) == "L1"
        assert [str(v.level) for v in film.needed] == ["T12", "L1", "L2"]
        assert film.has_level_landmark
        assert film.is_metric
