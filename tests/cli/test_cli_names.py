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
from kummell_ai.cli import console, files
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


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "gb18030", "latin-1"])
def test_json_is_json_on_any_output(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    console.tell_json({"film": "é😀.dcm", "broken": "caf\udce9"})
    stream.flush()
    said = stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert json.loads(said.decode(encoding)) == {"film": "é😀.dcm", "broken": "caf\udce9"}
    assert said.isascii() == (encoding != "utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow these names")
def test_a_folder_that_is_no_text_is_spelled_out_in_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9"))
    os.mkdir(folder)
    assert main(["series", folder, "--out", str(tmp_path / "out"), "--phases", "pre-op"]) == 1
    assert "caf\\xe9 is a folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow these names")
def test_names_that_are_no_text_can_be_deidentified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, folder = tmp_path / "in" / "plain", os.path.join(os.fsencode(tmp_path), b"in", b"caf\xe9")
    for seed, phase in enumerate(made_up.DATES):
        write_dicom(films / f"{seed}.dcm", phase, patient_id="", seed=seed)
    os.rename(films, folder)
    words = ["--out", str(tmp_path / "out"), "--deidentify", "k\udcff"]
    assert main(["cohort", str(tmp_path / "in"), *words]) == 0
    assert "3 films name no patient: taken for one patient" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "out").rglob("*.html") if "caf" in path.read_text(encoding="utf-8")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_cohort_waits_for_no_pipe_and_reads_no_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    out = ["--out", str(tmp_path / "out")]
    for source in (tmp_path / "pipe", "/dev/zero"):
        assert main(["cohort", str(source), *out]) == 1
        assert "is no regular file; give a manifest or a folder of films" in capsys.readouterr().err
    rows = "film,patient_id\n/dev/null,P\n.,P\npipe,P\nnone.dcm,P\nfilms\\none.dcm,P\n"
    (tmp_path / "m.csv").write_text(rows)
    assert main(["cohort", str(tmp_path / "m.csv"), *out, "--clinical", str(tmp_path / "pipe")]) == 1
    assert "pipe: is no regular file; give a CSV file" in capsys.readouterr().err
    assert main(["cohort", str(tmp_path / "m.csv"), *out]) == 3
    said = capsys.readouterr().err
    assert said.count("is no regular file; name a film, relative to the manifest") == 3
    assert "m.csv row 5: none.dcm: is not there; check the path, relative to the manifest\n" in said
    assert "check the path, relative to the manifest (write / between folders)\n" in said
