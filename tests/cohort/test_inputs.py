"""Spreadsheets as people save them, and the line each fault gets."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.cohort.manifest import read_manifest
from kummell_ai.cohort.problems import Fault
from kummell_ai.cohort.pseudonym import Pseudonyms
from kummell_ai.cohort.scores import read_scores
from kummell_ai.cohort.spreadsheet import decode
from kummell_ai.errors import InputError
from kummell_ai.imaging.radiograph import ImageReference

WIDE = "patient_id,vas_pre,vas_post,vas_last,frankel_pre\n"


def scores(tmp_path: Path, text: str, encoding: str = "utf-8") -> tuple[list[tuple[str, str, float]], list[str]]:
    path = tmp_path / "scores.csv"
    path.write_bytes(text.encode(encoding))
    found, problems = read_scores(path)
    return [(o.patient_id, o.phase.value, o.value) for o in found], [problem.line for problem in problems]


def test_surgical_segments_of_a_manifest(tmp_path: Path) -> None:
    rows = ["a.dcm,T12 L2", "b.dcm,T12-L2", "c.dcm,L2 T12", "d.dcm,T12", "e.dcm,T12 L9", "f.dcm,"]
    (tmp_path / "m.csv").write_text("\n".join(["film,surgical_segment", *rows]) + "\n")
    films, problems = read_manifest(tmp_path / "m.csv")
    segment = (VertebralLevel.T12, VertebralLevel.L2)
    assert [film.surgical_segment for film in films] == [segment, segment, None, None, None, None]
    assert [problem.fault for problem in problems] == [Fault.UNKNOWN_LEVEL] * 3
    assert problems[0].line == (
        "m.csv row 4: surgical_segment is 'L2 T12'; two levels, the cranial one first, are expected, such as T12 L2; "
        "the levels with screws are taken: correct it"
    )
    assert problems[2].line.startswith("m.csv row 6: surgical_segment: 'L9' is no vertebral level")


def test_a_row_a_patient(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, WIDE + "P1,8,2,NA,c\n")
    assert found == [("P1", "pre-op", 8.0), ("P1", "post-op", 2.0), ("P1", "pre-op", 2.0)]
    assert problems == []


def test_a_row_a_visit_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, "patient_id;phase;odi\nP1;术前;62,5\nP1;post;20\nP1;later;1\n")
    assert found == [("P1", "pre-op", 62.5), ("P1", "post-op", 20.0)]
    assert problems == [
        "scores.csv row 2: 1 number with a decimal comma, '62,5' the first, read as 62.5; write a point to be sure",
        "scores.csv row 4: patient_id or phase is missing or unknown; the row is not used: fill it in",
    ]


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "GB 18030"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16")])
def test_another_encoding_is_read_and_said(tmp_path: Path, encoding: str, name: str) -> None:
    found, problems = scores(tmp_path, "patient_id,vas_pre\n王一,7\n", encoding)
    assert found == [("王一", "pre-op", 7.0)]
    text = "check the letters of this row, and save it as UTF-8 to be sure"
    assert problems == [f"scores.csv row 2: the file is read as {name}; {text}"]


@pytest.mark.parametrize(
    "text",
    ["Müller", "MÜLLER", "Bär", "Özil", "Größe", "Jürgen Groß", "Øystein Sørensen", "José", "François", "Köhler 20°C"],
)
def test_accented_letters_are_no_chinese_characters(tmp_path: Path, text: str) -> None:
    """Of these all but Groß and José are GB 18030, too: an accented letter and the next would be one character."""
    found, problems = scores(tmp_path, f"patient_id,vas_pre\n{text},7\n", "cp1252")
    assert found == [(text, "pre-op", 7.0)]
    assert problems == [
        "scores.csv row 2: the file is read as Windows-1252; check the letters of this row, and save it as UTF-8 to be "
        "sure"
    ]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "L1椎体",
            "T12压缩性骨折",
            "张伟 M",
            "A型",
            "VAS评分",
            "O分型A",
            "PVP术L1",
            "VAS王A",
            "a王b",
            "朱镕基",
            "M张",
            "张M",
        ),
        *("患者ID号码A", "X线片", "Cobb角", "李 Müller"),
    ],
)
def test_chinese_text_beside_latin_letters_stays(text: str) -> None:
    """The last has no ü in GB 18030 that Windows-1252 would share."""
    for data in (text, f"patient_id,note\nP1,{text}\nP2,\n"):
        assert decode(data.encode("gb18030")) == (data, "GB 18030")


def test_most_of_the_words_count() -> None:
    """A character out of use between two Latin letters, which an accented word could be, in a Chinese table."""
    assert decode("x咩y".encode("gb18030"))[1] == "Windows-1252"
    chinese = "姓名,诊断,备注\n张伟,骨折,x咩y\n"
    assert decode(chinese.encode("gb18030")) == (chinese, "GB 18030")


@given(st.lists(st.text("张伟王一李娜椎体骨折压缩性术后评分型组 LTMab127,\n", max_size=20), max_size=5).map("\n".join))
def test_text_in_common_characters_is_read_as_it_was_written(text: str) -> None:
    assume(not text.isascii())
    data = text.encode("gb18030")
    decoded, encoding = decode(data)
    assert decoded == text or encoding == "UTF-8"  # two bytes of a short text may happen to be UTF-8


def test_out_of_range_is_left_out_and_the_rest_stays(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, WIDE + "P1,11,2,,F\n")
    assert found == [("P1", "post-op", 2.0)]
    assert problems == [
        "scores.csv row 2: vas_pre is '11'; expected 0 to 10; the value is left out: correct it",
        "scores.csv row 2: frankel_pre is 'F'; expected A to E; the value is left out: correct it",
    ]


def test_a_patient_twice_is_not_guessed(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, WIDE + "P1,8,2,,\nP2,7,1,,\nP1,5,2,,\n")
    assert {patient for patient, _, _ in found} == {"P2"}
    assert problems == [f"scores.csv row {n}: patient P1 stands 2 times; none is used: keep one" for n in (2, 4)]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"PK\x03\x04xlsx", "is a workbook"),
        (b"patient_id,vas_pre\n", "has 1 row; a header and at least 1 row beneath it"),
        (b"name,pain\na,1\n", "patient_id and scores are needed"),
        (b"patient_id,vas_pre,VAS pre\na,1,2\n", "column vas_pre stands more than once"),
        (b"patient_id,vas_pre\n" + b"a" * 200_000 + b",1\n", "is no table"),
    ],
)
def test_a_file_of_no_use_is_refused(tmp_path: Path, data: bytes, match: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=match):
        read_scores(path)
    with pytest.raises(InputError, match="No such file"):
        read_scores(tmp_path / "absent.csv")


def test_a_row_that_a_decimal_comma_splits_is_not_used(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, "patient_id,vas_pre,vas_post\nP1,7,5,2\nP2,7,2\n,,,,\nP3,7,5,\n")
    assert found == [("P2", "pre-op", 7.0), ("P2", "post-op", 2.0)]
    text = "4 cells for 3 columns; the row is not used: check its commas"
    assert problems == [f"scores.csv row {n}: {text}" for n in (2, 5)], "a blank cell more ends a shifted row, too"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_blank_cells_at_the_end_are_no_fault(tmp_path: Path, separator: str) -> None:
    rows = "patient_id,vas_pre,vas_post\nP1,7,2,,\nP2,8,1, \n,,,,\nP3,6,,,\n".replace(",", separator)
    found, problems = scores(tmp_path, rows)
    assert [value for _, _, value in found] == [7.0, 2.0, 8.0, 1.0, 6.0]
    assert problems == []


def test_a_blank_cell_more_is_no_shift_where_commas_part_no_cells(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, "patient_id;vas_pre;vas_post\nP1;7,5;2;\nP2;7;2;9\n")
    assert [value for _, _, value in found] == [7.5, 2.0]
    assert [line.partition(":")[0] for line in problems] == ["scores.csv row 3", "scores.csv row 2"]


def test_a_quote_that_is_not_closed_swallows_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no table from row 3 on .*close the quotes of that row"):
        scores(tmp_path, 'patient_id,vas_pre\nP1,7\nP2,"8\nP3,9\nP4,9\n')


def test_columns_that_a_manifest_does_not_know_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("film,patient,manual_cobb,manual_wedge_angle_deg\na.dcm,P1,12,3\n")
    _, problems = read_manifest(path)
    assert [(p.fault, p.line) for p in problems] == [
        (
            Fault.UNKNOWN_COLUMN,
            "m.csv row 1: columns 'patient', 'manual_cobb' are not known and not used; check their names",
        )
    ]


def test_one_unknown_column_is_told_as_one(tmp_path: Path) -> None:
    _, problems = scores(tmp_path, "patient_id,vas_pre,colour\nP1,7,red\n")
    assert problems == ["scores.csv row 1: column 'colour' is not known and not used; check its name"]


def test_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        "film,patient_id,phase,surgery_date,index_level,manual_wedge_angle_deg\n"
        "a.dcm,P1,pre,2024-03-05,L1 T8,23.5\na.dcm,P1,post,,,\nb.dcm,P1,soon,5.3.24,X9,wide\n,P1,,,,\n"
    )
    films, problems = read_manifest(path)
    assert [(f.patient_id, f.phase, [*map(str, f.index_levels)], f.manual) for f in films] == [
        ("P1", Phase.PRE_OP, ["L1", "T8"], (("wedge_angle", 23.5),)),
        ("P1", None, [], ()),
    ]
    assert {p.fault for p in problems} == {
        *(Fault.COPY, Fault.UNKNOWN_PHASE, Fault.UNKNOWN_LEVEL, Fault.BAD_DATE, Fault.BAD_NUMBER, Fault.INCOMPLETE_ROW)
    }
    assert [p.place for p in problems] == ["m.csv row 3", *["m.csv row 4"] * 4, "m.csv row 5"]
    path.write_text("film,patient_id,index_level\na.dcm,P1,S1\n")
    (film,), (problem,) = read_manifest(path)
    assert film.index_levels == ()
    assert "S1 is the sacrum, an injured vertebra is T1 to L6" in problem.text
    path.write_text("path\nx\n")
    with pytest.raises(InputError, match="a column film is needed"):
        read_manifest(path)


def test_a_film_in_two_rows_names_its_patients_where_there_are_two(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("film,patient_id\na.dcm,P1\na.dcm,P2\na.dcm,P1\na.dcm,\n")
    films, problems = read_manifest(path, shown=str.lower)
    assert len(films) == 1
    assert [problem.line for problem in problems] == [
        "m.csv row 3: a.dcm is given to two patients, p1 and p2; m.csv row 2 counts: correct one of the rows",
        "m.csv row 4: a.dcm stands at m.csv row 2 already; this row is not used: name each film once",
        "m.csv row 5: a.dcm stands at m.csv row 2 already; this row is not used: name each film once",
    ]


def test_pseudonyms_hold_nothing_and_keep_intervals() -> None:
    names = Pseudonyms("secret")
    raw = ImageReference("Li_1.dcm", "/x/Li_1.dcm", "ab", "LI-7", "Li", "F", "1.2", acquired=dt.datetime(2024, 3, 4, 9))
    later = ImageReference("Li_2.dcm", patient_id="LI-7", acquired=dt.datetime(2024, 5, 4, 9))
    a, b = names.reference(raw, "LI-7", 1, 0), names.reference(later, "LI-7", 2, 1)
    assert not any(secret in repr(a) for secret in ("Li", "LI-7", "2024", "'ab'", "1.2"))
    assert a.acquired is not None
    assert b.acquired is not None
    assert (b.acquired.date() - a.acquired.date()).days == 61
    assert Pseudonyms("other").patient("LI-7") != names.patient("LI-7")


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("anterior_height_mm", "-1", "above 0 to 80 mm"),
        ("anterior_height_mm", "0", "above 0 to 80 mm"),
        ("anterior_height_mm", "999", "above 0 to 80 mm"),
        ("segmental_cobb_deg", "1e300", "-120 to 120°"),
        ("wedge_angle_deg", "-120,5", "-120 to 120°"),
    ],
)
def test_readings_that_no_spine_has_are_left_out(tmp_path: Path, column: str, value: str, expected: str) -> None:
    (tmp_path / "m.csv").write_text(f"film;manual_{column}\na.dcm;{value}\n")
    films, problems = read_manifest(tmp_path / "m.csv")
    assert films[0].manual == ()
    assert problems[-1].fault is Fault.OUT_OF_RANGE
    assert problems[-1].line == (
        f"m.csv row 2: manual_{column} is {value!r}; expected {expected}; the reading is left out: correct it"
    )


def test_readings_at_the_limits_count_and_missing_ones_are_missing(tmp_path: Path) -> None:
    columns = "film,manual_anterior_height_mm,manual_segmental_cobb_deg,manual_wedge_angle_deg"
    (tmp_path / "m.csv").write_text(f"{columns}\na.dcm,80,-120,120\nb.dcm,NA,n/a,-\nc.dcm,0.1,x,\n")
    films, problems = read_manifest(tmp_path / "m.csv")
    assert [dict(film.manual) for film in films] == [
        {"anterior_height": 80.0, "segmental_cobb": -120.0, "wedge_angle": 120.0}, {}, {"anterior_height": 0.1}
    ]  # fmt: skip
    assert [(problem.fault, problem.place) for problem in problems] == [(Fault.BAD_NUMBER, "m.csv row 4")]


@pytest.mark.parametrize("line", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "sep=;;;\r\n"])
def test_the_separator_that_excel_names_is_no_row(tmp_path: Path, line: str) -> None:
    found, problems = scores(tmp_path, line + "patient_id;vas_pre\nP1;11\nP2;7\n")
    assert found == [("P2", "pre-op", 7.0)]
    assert problems == ["scores.csv row 2: vas_pre is '11'; expected 0 to 10; the value is left out: correct it"]


def test_a_separator_of_its_own_is_taken(tmp_path: Path) -> None:
    assert scores(tmp_path, "sep=|\npatient_id|vas_pre\nP1|7,5\n")[0] == [("P1", "pre-op", 7.5)]


def test_lines_may_end_as_on_an_old_mac(tmp_path: Path) -> None:
    found, problems = scores(tmp_path, 'patient_id,vas_pre\rP1,7\r"P\r2",8\r')
    assert (found, problems) == ([("P1", "pre-op", 7.0), ("P\r2", "pre-op", 8.0)], [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match=f"^{path.name}: is no regular file; give a CSV file$"):
            read_scores(path)


def test_pseudonyms_of_text_that_is_not_utf8() -> None:
    # made by Pseudonyms("secret").patient(...) before bytes that are no text were taken
    assert Pseudonyms("secret").patient("KUM-001") == "P-3DFD0EBA51"
    assert Pseudonyms("Schlüssel").patient("王一") == "P-B46372480F"
    odd = {Pseudonyms(key).patient(name) for key in ("k\udcff", "k") for name in ("caf\udce9", "caf\udce8")}
    assert len(odd) == 4


def test_a_day_before_the_first_film_is_no_date_and_both_words_for_a_phase_are_known(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "film,phase,surgery_date\na.dcm,pre-op,0001-01-01\nb.dcm,Last,\nc.dcm,x,1895-12-01\n"
    )
    films, problems = read_manifest(tmp_path / "m.csv")
    assert [film.phase for film in films] == [Phase.PRE_OP, Phase.FOLLOW_UP, None]
    assert [film.surgery_date for film in films] == [None, None, dt.date(1895, 12, 1)]
    assert [problem.line for problem in problems] == [
        "m.csv row 2: surgery_date '0001-01-01' is no date; it is not used: write YYYY-MM-DD",
        "m.csv row 4: phase 'x' is not pre, post or last (or pre-op, post-op or follow-up); it is found from the "
        "films: correct it",
    ]
