"""The JSON form, and the provenance it carries."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest

import kummell_ai
from kummell_ai.anatomy import Phase
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import DISCLAIMER
from kummell_ai.measurement.serialise import to_json
from tests.measurement.spines import SIZE, L, film, measured, spine

UTC = dt.UTC


def test_film() -> None:
    landmarks = spine({L.L1: 13.0}, name="IM1", acquired=dt.datetime(2024, 1, 2, 3, 4))
    landmarks.vertebrae[0].points_px[0] = np.nan
    landmarks.vertebrae[0].covariance_px[0] = np.nan  # type: ignore[index]
    found = json.loads(json.dumps(to_json(measured(landmarks)), allow_nan=False))
    assert found["schema"] == "kummell_ai.film/1"
    assert set(found) == {"schema", "film", "level_names", "vertebrae", "segments", "findings", "provenance"}
    assert found["film"]["name"] == "IM1"
    assert found["film"]["size_px"] == list(SIZE)
    assert found["film"]["facing"] == "right"
    assert found["film"]["acquired"] == "2024-01-02T03:04:00"
    assert found["film"]["spacing"]["row_mm"] == 0.25
    first, l1 = found["vertebrae"][0], found["vertebrae"][2]
    assert first["landmarks"]["superior_anterior"] is None
    assert first["landmark_covariance_px2"]["superior_anterior"] is None
    assert [f["code"] for f in first["findings"]] == ["corner-not-seen"]
    assert first["measurements"]["anterior_height"]["value"] is None
    assert l1["level"] == "L1"
    assert l1["landmarks"]["superior_posterior"] == [160.0, 368.0]
    assert l1["landmark_covariance_px2"]["superior_posterior"] == [[4.0, 0.0], [0.0, 4.0]]
    height = l1["measurements"]["anterior_height"]
    assert set(height) == {"value", "unit", "interval_95", "caveat"}
    assert height["value"] == pytest.approx(13.0)
    assert height["interval_95"][0] < 13.0 < height["interval_95"][1]
    cobb = next(s for s in found["segments"] if s["id"] == "segmental_cobb" and s["index_level"] == "L1")
    assert cobb["endplates"] == "T12 superior to L2 inferior"
    assert found["provenance"]["statement"] == DISCLAIMER


def test_film_without_spacing_covariance_and_names() -> None:
    landmarks = spine(sigma_px=None)
    bodies = tuple(replace(v, level=None, level_probability=None) for v in landmarks.vertebrae)
    found = to_json(measured(replace(landmarks, vertebrae=bodies), PixelSpacing.unknown(1.5)))
    assert found["film"]["spacing"] == {
        "row_mm": None,
        "column_mm": None,
        "pixel_aspect": 1.5,
        "calibration": "none",
        "magnification": None,
    }
    assert found["vertebrae"][0]["landmark_covariance_px2"] is None
    assert found["vertebrae"][0]["level"] is None
    assert found["vertebrae"][0]["level_probability"] is None
    json.dumps(found, allow_nan=False)


def test_report() -> None:
    films = [(f.phase, f.measurement) for f in (film(Phase.PRE_OP, 13.0), film(Phase.POST_OP, 22.0))]
    found = json.loads(json.dumps(to_json(measure_series(films)), allow_nan=False))
    assert found["schema"] == "kummell_ai.report/1"
    assert found["index_level"] == "L1"
    assert [f["phase"] for f in found["films"]] == ["pre-op", "post-op"]
    correction = found["corrections"][0]
    assert correction["name"] == "correction"
    change = correction["changes"]["anterior_height"]
    assert change["change"]["value"] == pytest.approx(9.0)
    assert change["verdict"] == "improved"
    assert change["mdc95"] > 0
    assert correction["derived"]["height_restoration"]["unit"] == "mm"
    assert found["findings"][0]["level"] == "L1"


def test_provenance() -> None:
    made = build_provenance(
        model="spine-1",
        weights_sha256="ab",
        input_sha256=["cd", None],
        options={"z": 1, "a": (0.2, 0.2)},
        created=dt.datetime(2024, 5, 6, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    )
    assert made.software == f"kummell_ai {kummell_ai.__version__}"
    assert made.created == dt.datetime(2024, 5, 6, 0, tzinfo=UTC)
    assert made.created.tzinfo is UTC
    assert made.options == (("a", "(0.2, 0.2)"), ("z", "1"))
    assert made.input_sha256 == ("cd", None)


def test_provenance_now() -> None:
    before = dt.datetime.now(UTC)
    assert before <= build_provenance().created <= dt.datetime.now(UTC)


def test_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="created is 2024-01-01T00:00:00 without a time zone"):
        build_provenance(created=dt.datetime(2024, 1, 1))
