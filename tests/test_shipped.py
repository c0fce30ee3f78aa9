import sys
from pathlib import Path

import pytest

from kummell_ai import shipped


def test_models_beside_the_source_come_before_installed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    installed = tmp_path / "share" / "kummell_ai" / "checkpoints"
    for name in ("another", shipped.DEFAULT_NAME):
        (installed / name).mkdir(parents=True)
        (installed / name / "weights.safetensors").write_bytes(b"x")
    (installed / "empty").mkdir()
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "site" / "kummell_ai" / "shipped.py"))
    assert [f.name for f in shipped.model_folders()] == ["another", shipped.DEFAULT_NAME]
    assert shipped.default_model() == installed / shipped.DEFAULT_NAME
    beside = tmp_path / "site" / "checkpoints" / shipped.DEFAULT_NAME
    beside.mkdir(parents=True)
    (beside / "weights.safetensors").write_bytes(b"y")
    assert shipped.default_model() == beside


def test_a_missing_model_still_has_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "site" / "kummell_ai" / "shipped.py"))
    assert shipped.model_folders() == ()
    assert shipped.default_model() == tmp_path / "site" / "checkpoints" / shipped.DEFAULT_NAME
