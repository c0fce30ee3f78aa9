"""Films read and looked at in several processes give the results of one, in order, each fault in its place."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from kummell_ai.cli import options
from kummell_ai.cli.main import build_parser, main

EXAMPLE = Path(__file__).parents[1] / "examples" / "patient-01"
CLOSE = 2e-3
"""Largest difference, mm, degrees or per cent: sums are taken in another order by another number of threads."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's films, and a file that is no film among them."""
    folder = tmp_path_factory.mktemp("films")
    for path in sorted(EXAMPLE.glob("*.dcm")):
        shutil.copy(path, folder)
    (folder / "SIM00000004-0-zz.dcm").write_bytes(b"no film")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def same(one: Path, other: Path) -> None:
    first, second = rows(one), rows(other)
    assert len(first) == len(second) > 0
    for a, b in zip(first, second, strict=True):
        for key, value in a.items():
            try:
                assert float(value) == pytest.approx(float(b[key]), abs=CLOSE, rel=1e-3)
            except ValueError:
                assert value == b[key]


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_measure(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(options, "cores", lambda: 2)
    for workers, switch in (("1", ["--workers", "1"]), ("2", ["--fast"])):
        out = tmp_path / workers
        code, result = call(capsys, "measure", str(films), "--out", str(out), *switch)
        assert code == 2
        assert [Path(str(f["film"])).stem[-8:] for f in result["films"]] == ["0-pre-op", "-post-op", "ollow-up"]  # type: ignore[attr-defined]
        told.append([result["films"], result["failed"], result["warnings"]])
    assert told[0] == told[1]
    assert len(told[0][1]) == 1  # type: ignore[arg-type]
    for name in ("measurements.csv", "angles.csv"):
        same(tmp_path / "1" / name, tmp_path / "2" / name)


def test_cohort(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for workers in ("1", "2"):
        code, result = call(capsys, "cohort", str(films), "--out", str(tmp_path / workers), "--workers", workers)
        assert code == 2
        told.append(json.dumps(result).replace(str(tmp_path / workers), "OUT"))
    assert told[0] == told[1]
    assert "zz.dcm" in told[0], "the file that is no film is told"
    same(tmp_path / "1" / "values.csv", tmp_path / "2" / "values.csv")
    assert sorted(p.name for p in (tmp_path / "1").rglob("*")) == sorted(p.name for p in (tmp_path / "2").rglob("*"))


def test_fast_is_a_process_a_core(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["measure", "film.dcm", "--out", "out"]
    for cores, processes in ((1, 1), (4, 4), (64, options.MOST_PROCESSES)):
        monkeypatch.setattr(options, "cores", lambda cores=cores: cores)
        assert build_parser().parse_args([*words, "--fast"]).workers == processes
        assert build_parser().parse_args(words).workers == 1
    for number in ("1", "2"):
        assert main([*words, "--workers", number, "--fast"]) == 1
        assert "not allowed with argument" in capsys.readouterr().err
