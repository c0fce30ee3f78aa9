"""A film that is named in several ways is one input."""

from __future__ import annotations

from pathlib import Path

import pytest

from kummell_ai.cli.analysis import find_inputs
from kummell_ai.cli.console import Problems


def test_two_spellings_of_a_path_are_one_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    (tmp_path / "link.dcm").symlink_to("a.dcm")
    monkeypatch.chdir(tmp_path)
    films = [Path("a.dcm"), tmp_path / "a.dcm", tmp_path / "x" / ".." / "a.dcm", Path("link.dcm"), Path()]
    (tmp_path / "x").mkdir()
    problems = Problems()
    assert find_inputs(films, problems) == [Path("a.dcm")]
    assert problems.failed == []
