"""What a mixed model makes of phases and patients without a value."""

from __future__ import annotations

import numpy as np
import pytest

from kummell_ai.statistics import omnibus


def table() -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.normal(size=(9, 1)) + rng.normal(size=(9, 3)) + [0.0, 1.0, 0.5]


def test_a_phase_that_nobody_has_cannot_be_modelled() -> None:
    values = np.column_stack([table(), np.full(9, np.nan)])
    with pytest.raises(ValueError, match="9 patients with 27 values are given; a mixed model needs more"):
        omnibus.mixed_model(values)


def test_a_patient_without_any_value_changes_nothing() -> None:
    values = table()
    values[2, 1] = np.nan
    one, other = (omnibus.mixed_model(t) for t in (values, np.vstack([values, np.full((1, 3), np.nan)])))
    assert one == other


@pytest.mark.parametrize("value", [0.0, -7.5, 1e6])
def test_values_that_are_all_alike_show_no_phase(value: float) -> None:
    values = np.full((6, 3), value)
    values[0, 1] = np.nan
    found = omnibus.mixed_model(values)
    assert (found.statistic, found.p, found.epsilon) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("missing", [0, 4])
def test_a_mixed_model_knows_neither_unit_nor_order(scale: float, missing: int) -> None:
    values = table()
    values.ravel()[np.random.default_rng(1).choice(27, missing, replace=False)] = np.nan
    order = np.random.default_rng(2).permutation(9)
    one, other = omnibus.mixed_model(values), omnibus.mixed_model(scale * values[order])
    assert (other.statistic, other.p, other.epsilon) == pytest.approx((one.statistic, one.p, one.epsilon), rel=1e-5)
