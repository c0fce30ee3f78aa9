"""Films for the first stage, and crops of the same films for the second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from kummell_ai.training.crop_samples import CropReader
from kummell_ai.training.samples import ShardReader

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
