"""What a film is called: in every line that is said, in every file, however odd its name is."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase
from kummell_ai.cli import files
from kummell_ai.cli.main import main
from tests import made_up
from tests.cli.conftest import read_rows, write_dicom

ODD_NAMES = [b"two\nlines.dcm", b"caf\xe9.dcm", "ü ☃.dcm".encode(), b"=cmd().dcm", b"<b>.dcm"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow these names")
@pytest.mark.parametrize("command", ["measure", "series"])
def test_a_film_may_have_any_name(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    days = list(made_up.DATES.items())
    for seed, name in enumerate(ODD_NAMES):
        plain = write_dicom(folder / "film.dcm", days[seed % 3][0], patient_id=f"P{seed}", seed=seed)
        os.rename(plain, os.path.join(os.fsencode(folder), name))
    out = tmp_path / "out"
    assert main([command, str(folder), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr().out
    json.loads(said)
    assert "\\\\xe9.dcm" in said or command == "series"
    rows = [row for table in sorted(out.rglob("measurements.csv")) for row in read_rows(table)]
    assert {row["film"] for row in rows} == {
        "two lines.dcm", "caf\\xe9.dcm", "ü ☃.dcm", "'=cmd().dcm", "<b>.dcm"
    }  # fmt: skip


def test_one_line_is_said_for_a_film_whose_name_has_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_dicom(tmp_path / "two\nlines.dcm", Phase.PRE_OP)
    assert main(["measure", str(film), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("two lines.dcm: 6 vertebrae")


def test_films_of_one_name_are_told_apart(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    (tmp_path / "in" / "post-op").mkdir(parents=True)
    (tmp_path / "in" / "post-op" / "IM_0001.dcm").write_text("no film")
    assert main(["measure", str(stored), str(tmp_path / "in"), "--out", str(out)]) == 2
    said, problems = capsys.readouterr()
    assert "pre-op/IM_0001.dcm: 6 vertebrae" in said
    assert "follow-up/IM_0001.dcm: 6 vertebrae" in said
    assert "in/post-op/IM_0001.dcm: not a DICOM" in problems
    assert {row["film"] for row in read_rows(out / "measurements.csv")} == {
        "pre-op/IM_0001.dcm", f"{stored.name}/post-op/IM_0001.dcm", "follow-up/IM_0001.dcm"
    }  # fmt: skip


def test_stems_do_not_depend_on_the_folder_one_stands_in() -> None:
    near = files.unique_stems([Path("a/IM0"), Path("b/IM0")])
    far = files.unique_stems([Path("/x/y/a/IM0"), Path("/x/y/b/IM0")])
    assert list(near.values()) == list(far.values())
    assert all(stem.startswith(("a-IM0", "b-IM0")) for stem in near.values())


NAMES = st.builds(
    "".join, st.tuples(st.sampled_from(["a", "A", "p/a", "a.dcm"]), st.sampled_from(["", ".png", ".dcm"]))
)


@given(st.lists(NAMES, unique=True, max_size=8), st.booleans())
@example(["a.dcm", "a.png", "a.dcm.png"], False)
def test_no_two_films_share_a_stem(names: list[str], beside_reports: bool) -> None:
    stems = files.unique_stems(map(Path, names), beside_reports=beside_reports)
    assert len({stem.lower() for stem in stems.values()}) == len(names)


def test_patients_whose_identifiers_differ_in_case_get_folders_that_differ_in_more(tmp_path: Path) -> None:
    for seed, patient in enumerate(("kum", "KUM")):
        write_dicom(tmp_path / "in" / f"{patient}{seed}.dcm", Phase.PRE_OP, patient, seed=seed)
    assert main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    pages = [page.parent.name.lower() for page in (tmp_path / "out").glob("*/report.html")]
    assert len(set(pages)) == 2


@pytest.mark.parametrize("name", ["a.dcm", "frontal.dcm", "empty.dcm"])
def test_a_problem_names_its_film_once(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_dicom(tmp_path / name, Phase.PRE_OP)
    if name == "a.dcm":
        film.write_text("no film")
    assert main(["measure", str(film), "--out", str(tmp_path / "out")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: ")
    assert line.count(name) == 1


def test_an_empty_path_is_not_the_working_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    for words in (
        ["measure", "", *out],
        ["measure", str(tmp_path), *out, "--model", ""],
        ["cohort", "", *out],
        ["cohort", str(tmp_path), "--out", ""],
        ["cohort", str(tmp_path), *out, "--clinical", ""],
    ):
        assert main(words) == 1
        assert "an empty path; name a file or a folder" in capsys.readouterr().err


def test_a_terminal_that_lacks_a_character_gets_it_spelled_out(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_out, encoding="ascii"))
    assert main(["series", str(stored), "--out", str(tmp_path / "out")]) == 0
    sys.stdout.flush()
    assert b"\\u2212" in bytes_out.getvalue()
