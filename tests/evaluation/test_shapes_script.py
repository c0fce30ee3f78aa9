"""scripts/evaluate_shapes.py on made-up patients whose corners err alike in part."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.imaging.interval_factors import STRATA
from kummell_ai.landmarks.assembly import Uncertainty
from tests.evaluation.test_calibration import patient

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_figures_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = import_module("evaluate_shapes")
    rng = np.random.default_rng(2)
    films = [film for number in range(12) for film in patient(number, rng, 0.5, 0.5)]
    known = {"together_factors": {"cobb": dict.fromkeys(STRATA, 1.0)}, "covariance_scale": [1.0] * 4}
    script.tell(script.patients(films, Uncertainty.from_info(known)))
    text = capsys.readouterr().out
    assert text.startswith(
        "12 simulated patients with 24 films\ntrue corners of intact bodies: 0.000 mm from one shape"
    )
    corner, endplate = (line.split(": ")[1].split() for line in text.splitlines()[2:4])
    assert float(corner[0]) > float(corner[5]) > 0.0
    assert float(endplate[0]) > float(endplate[5]) > 0.0
    told = [float(line.split("told ")[1].split()[0]) for line in text.splitlines() if line.startswith("front")]
    assert told == sorted(told)
    assert told[0] < 20.0 < 80.0 < told[-1]
