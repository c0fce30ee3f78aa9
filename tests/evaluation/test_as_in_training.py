"""What training and evaluation say of a film is the same, though neither room may import the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kummell_ai.annotations import read_coco
from kummell_ai.errors import InputError
from kummell_ai.evaluation import worst
from kummell_ai.evaluation.parts import read_film
from kummell_ai.training import module
from kummell_ai.training.annotated import read_set
from tests.evaluation.test_evaluation import SPACING, dataset


def test_a_lost_vertebra_counts_the_same() -> None:
    assert worst.LOST_PERCENT == module.LOST_PERCENT


def test_a_film_of_another_size_than_annotated_is_said_alike(tmp_path: Path) -> None:
    path = dataset(tmp_path, ("a.png",), (399, 600))
    ((_, film, found),) = read_set(path, "coco", None)
    assert isinstance(found, InputError)
    assert str(found) == "a.png: the film is 400 x 600 px, its annotation says 399 x 600; annotate this very file"
    with pytest.raises(InputError) as told:
        read_film(tmp_path, film)
    assert str(told.value) == str(found)


def test_the_pixel_size_of_the_annotation_counts(tmp_path: Path) -> None:
    (film,) = read_coco(dataset(tmp_path, ("a.png",)))
    assert read_film(tmp_path, film).spacing == SPACING
    assert not read_film(tmp_path, replace(film, spacing=None)).spacing.is_metric
