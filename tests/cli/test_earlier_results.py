"""What stands in the folder for results: a person's files stay, earlier results are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cli import outputs
from kummell_ai.cli.console import Problems
from kummell_ai.cli.earlier import holds_other_film, say_lost_rows
from kummell_ai.cli.main import main
from kummell_ai.errors import UsageError
from tests import made_up
from tests.cli.conftest import write_dicom


def test_an_annotation_beside_the_film_is_not_replaced(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotation = film.with_suffix(".json")
    annotation.write_text('{"version": "5.0.1", "shapes": []}')
    for command in ("measure", "series"):
        assert main([command, str(film), "--out", str(film.parent)]) == 1
        err = capsys.readouterr().err
        assert err == (
            f"kummell-ai: {annotation} is no film of this program and would be replaced; give another folder to --out\n"
        )
    assert sorted(film.parent.iterdir()) == [film, annotation]
    assert "shapes" in annotation.read_text()
    assert main(["measure", str(film), "--out", str(film.parent), "--formats", "csv"]) == 0
    with pytest.raises(UsageError, match="would be replaced"):
        outputs.write_film(film.parent, film.stem, made_up.radiograph(), made_up.measurement(), ("json",))


def check_that_it_stays(
    own: Path, text: str, command: str, film: Path, others: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's file stops a run before it starts; `measure` may still write the formats that do not replace it."""
    content = own.read_bytes()
    for more in ([], ["--dry-run"]):
        assert main([command, str(film), "--out", str(own.parent), *more]) == 1
        assert f"{own} {text}" in capsys.readouterr().err
    assert list(own.parent.iterdir()) == [own]
    if command == "measure":
        assert main([command, str(film), "--out", str(own.parent), "--formats", *others]) == 0
        assert capsys.readouterr().err == "", "it is not of an earlier run either"
    assert own.read_bytes() == content


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("measure", "pre.overlay.png"),
        ("measure", "pre.overlay.svg"),
        ("series", "pre.overlay.png"),
        ("series", "report.html"),
    ],
)
def test_a_drawing_or_page_of_a_person_is_not_replaced(
    command: str, name: str, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "out" / name
    own.parent.mkdir()
    own.write_text("by hand")
    text = "is not marked as drawn by this program and would be replaced; move it, or give another folder"
    check_that_it_stays(own, text, command, film, ["json", "csv"], capsys)
    if command == "measure":
        with pytest.raises(UsageError, match="would be replaced"):
            outputs.write_film(own.parent, "pre", made_up.radiograph(), made_up.measurement(), ("svg", "png"))
        assert own.read_text() == "by hand"


@pytest.mark.parametrize("command", ["measure", "series"])
def test_results_of_another_film_of_the_same_name_are_told(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write_dicom(tmp_path / "a" / "IM0.dcm", Phase.PRE_OP, "A")
    second = write_dicom(tmp_path / "b" / "IM0.dcm", Phase.PRE_OP, "B", seed=2)
    third = write_dicom(tmp_path / "b" / "IM1.dcm", Phase.POST_OP, "B", seed=3)
    out = tmp_path / "out"

    def said(*films: Path) -> str:
        assert main([command, *map(str, films), "--out", str(out)]) == 0
        return capsys.readouterr().err

    replaced, lost = "the results of another film, written as IM0.*, are replaced", "of an earlier run go, as the table"
    again = said(first) + said(first)
    assert replaced not in again
    assert lost not in again
    other = said(second, third)
    assert f"IM0.dcm: {replaced}" in other
    assert f"measurements.csv: rows of IM0.dcm {lost}" in other
    assert (f"series.csv: rows of A {lost}" in other) is (command == "series")
    fewer = said(second)
    assert replaced not in fewer
    assert f"measurements.csv: rows of IM1.dcm {lost}" in fewer


def test_what_cannot_be_read_as_a_film_holds_no_other(tmp_path: Path) -> None:
    reference = made_up.measurement().reference
    for content in ("", "[]", '{"film": 3}', '{"film": {"sha256": null, "frame_number": null}}'):
        (tmp_path / "a.json").write_text(content)
        assert not holds_other_film(tmp_path / "a.json", reference)
    assert not holds_other_film(tmp_path / "absent.json", reference)
    (tmp_path / "a.json").write_text('{"film": {"sha256": "00", "frame_number": null}}')
    assert holds_other_film(tmp_path / "a.json", reference)


def test_rows_that_a_table_loses_are_counted(tmp_path: Path) -> None:
    table, problems = tmp_path / "t.csv", Problems(quiet=True)
    rows = [f"{sha},{name}" for sha, name in zip("abcde", ("A", "'=B", "C", "D", "E"), strict=True)]
    table.write_text("\n".join(["film_sha256,film", *rows]) + "\n")
    say_lost_rows(table, "film_sha256", "film", ["e"], problems)
    say_lost_rows(table, "film", "film", ["A", "=B", "C", "D", "E"], problems)
    say_lost_rows(tmp_path / "absent.csv", "film", "film", [], problems)
    text = "rows of A, =B, C and 1 more of an earlier run go, as the table holds this run only"
    assert problems.warnings == [f"{table}: {text}"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("measure", "measurements.csv"),
        ("measure", "angles.csv"),
        ("series", "measurements.csv"),
        ("series", "series.csv"),
    ],
)
def test_a_table_of_a_person_is_not_replaced(
    command: str, name: str, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "out" / name
    table.parent.mkdir()
    table.write_text("patient;height by hand\n1;13,4\n")
    check_that_it_stays(table, "is no table of this program and would be replaced", command, film, ["json"], capsys)


def test_what_a_run_does_not_write_anew_is_told(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["measure", str(film), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert main([*words, "--formats", "json", "png"]) == 0
    left = "angles.csv, measurements.csv, pre.overlay.svg of an earlier run stay here"
    assert left in capsys.readouterr().err


def test_films_of_an_earlier_run_are_told(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    for _ in range(2):
        assert main(["measure", str(film), *out]) == 0
        assert capsys.readouterr().err == ""
    other = write_dicom(tmp_path / "post.dcm", Phase.POST_OP)
    assert main(["measure", str(other), *out]) == 0
    assert "pre.json, pre.overlay.png, pre.overlay.svg of an earlier run stay here" in capsys.readouterr().err
