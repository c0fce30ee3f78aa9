"""Scripts end with one line where a path, a key or a model is wrong, and help needs nothing that may be missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"


def run(name: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / f"{name}.py"), *words],
        cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        f"make_training_films --out o --recipe {ROOT}/configs/synthesis/training.yaml --set row=2",
        "make_training_films --out o --recipe nosuch",
        "make_training_films --out o --count 0",
        "make_crops --out o --workers 0",
        "make_crops --out o --seed -3",
        "evaluate_series --data nosuch --out o",
        "evaluate_val10 --films nosuch",
        "marks_noise --simulated nosuch",
        "marks_noise --films nosuch",
        "export_checkpoint nosuch o nosuch.yaml",
        "describe_course foo=3",
        "evaluate_shards --shards nosuch",
        "evaluate_crops --crops nosuch",
        "train_beside_films --out o --init nosuch",
        "compare_precision --data nosuch",
        "fuzz_reader --films nosuch",
        "contact_sheet_films --out sheet.jpg --templates nosuch",
        "contact_sheet_films --out sheet",
        "contact_sheet_ingredients --out o --templates nosuch",
        "benchmark_inference --model nosuch",
        "error_tail nosuch",
        "change_slopes nosuch",
        "check_statistics --runs 0",
        "evaluate_turned --films nosuch",
        "evaluate_edges --films nosuch",
        "evaluate_magnification --films nosuch",
        "evaluate_disturbed --films nosuch --out o",
        "evaluate_inverted --films nosuch",
        "evaluate_stretched --films nosuch",
        "evaluate_stretched --films . --factors 0",
    ],
)
def test_wrong_use_is_one_line(line: str, tmp_path: Path) -> None:
    done = run(*line.split(), folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(
    ("name", "package"), [("contact_sheet_templates", "matplotlib"), ("make_attenuation_table", "spekpy")]
)
def test_help_needs_no_further_package(name: str, package: str, tmp_path: Path) -> None:
    assert run(name, "--help", folder=tmp_path).returncode == 0
    if importlib.util.find_spec(package) is None:
        words = ["procedural", "--out", "sheet.png"] if name == "contact_sheet_templates" else []
        done = run(name, *words, folder=tmp_path)
        assert done.returncode == 1
        assert "pip install" in done.stderr


def test_the_tail_of_the_errors(tmp_path: Path) -> None:
    corners = ("superior_anterior", "superior_posterior", "inferior_anterior", "inferior_posterior")
    rows = ["film," + ",".join(f"{corner}_distance_mm" for corner in corners)]
    rows += [f"film-{i},0.5,0.5,0.5,{8.5 if i == 0 else 0.5}" for i in range(12)]
    (tmp_path / "vertebrae.csv").write_text("\n".join(rows))
    done = run("error_tail", str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # 47 corners of 0.5 and one of 8.5 mm
    assert lines[0] == "12 films, 48 located corners, mean error 0.667 mm"
    assert lines[2] == "beyond 2 mm: 2.1 % of the corners, 27 % of the mean"
    assert "half of those beyond 2 mm stand on 1 films" in lines
    assert lines[-1] == "without the 10 worst films: mean error 0.500 mm"
    head = rows[0] + ",predicted_flags,level"
    flagged = [head, f"{rows[1]},fractured no-contrast,T5", *(f"{row},,L{1 + i}" for i, row in enumerate(rows[2:]))]
    (tmp_path / "vertebrae.csv").write_text("\n".join(flagged))
    lines = run("error_tail", str(tmp_path), folder=tmp_path).stdout.splitlines()
    assert lines[-2:] == [
        "of 44 corners of vertebrae not flagged no-contrast 100.0 % lie within 2 mm, of all 97.9 %",
        "L1 to L5, not flagged: 0.0 % of 20 beyond 2 mm",
    ]


def test_the_slopes_of_changes(tmp_path: Path) -> None:
    columns = [
        f"{name}{end}" for name in ("anterior_height_mm", "wedge_angle_deg") for end in ("", "_true", "_low", "_high")
    ]
    rows = [f"patient_id,phase,is_index,{','.join(columns)}"]
    for i in range(60):
        # of a loss of i / 30 mm a half is read where the interval is wide, all of it where it is narrow
        half, share = (1.0, 1.0) if i % 3 == 0 else (2.0 + i % 3, 0.5)
        for phase, true in (("pre-op", 9.0), ("post-op", 20.0), ("follow-up", 20.0 - i / 30)):
            measured = 20.0 - share * (20.0 - true)
            values = f"{measured},{true},{measured - half},{measured + half}"
            rows += [f"P{i},{phase},1,{values},{values}", f"P{i},{phase},0,1,2,0,3,1,2,0,3"]
    (tmp_path / "vertebrae.csv").write_text("\n".join(rows))
    done = run("change_slopes", str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    sure, unsure = "change +1.00 (+1.00 to +1.00)", "change +0.50 (+0.50 to +0.50)"
    on_first = "error on the first film +0.00 (+0.00 to +0.00)"
    assert lines[1].startswith(f"anterior height, 20 patients, half width 1.00 to 1.00: {sure}, {on_first}")
    assert unsure in lines[2]
    assert lines[3].endswith(f"{unsure}, {on_first}, on the last -0.50 (-0.50 to -0.50)")
    (tmp_path / "vertebrae.csv").write_text("\n".join(rows[:12]))
    done = run("change_slopes", str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert "2 patients with anterior_height_mm before and after; at least 30 are needed" in done.stderr
