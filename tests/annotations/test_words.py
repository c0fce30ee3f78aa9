"""A file that is not what its form asks for is refused in words that name the entry and say what is expected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations import read_annotations, read_coco, write_coco, write_cvat
from kummell_ai.annotations.checked import MAX_PX
from kummell_ai.cli import exits, models
from kummell_ai.errors import InputError
from tests.annotations import sets
from tests.annotations.test_bad_files import lines_of, run
from tests.annotations.test_public_sets import buu_text, mendeley_json, write_buu, write_marks, write_mendeley
from tests.annotations.test_read import Oracle
from tests.annotations.test_tools import WRITERS

RAW = re.compile(
    r"NoneType|object|subscriptable|unpack|could not convert|isoformat|set_int_max|not a valid|ndices|rgument"
)
"""What Python and numpy say of a value of another kind than a program takes it for."""

Change = Callable[[Any], object]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_annotations(path, facing=None)
    return str(refused.value)


def of_json(form: str, folder: Path, change: Change) -> Path:
    """A set of one film in the form, its document changed."""
    sets.write_film(folder / "films" / "a.png")
    if form == "coco":
        write_coco(folder / "annotations.json", [sets.film()])
        path = file = folder / "annotations.json"
    else:
        path = WRITERS[form](folder, [sets.film()])
        file = folder / "films" / "a.json" if form == "labelme" else path
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return path


LABELME: list[tuple[Change, str]] = [
    (lambda d: d.update(shapes=None), "shapes: nothing stands there; expected a list"),
    (lambda d: d.update(shapes=["a"]), "shape 1: 'a' stands there; expected values by name"),
    (lambda d: d["shapes"][2].update(points=None), "points of 'L1 inferior_anterior': nothing stands there; expected"),
    (lambda d: d["shapes"][2].update(points=[[1]]), "a point of 'L1 inferior_anterior' lies at [1]; expected x and y"),
    (
        lambda d: d["shapes"][2].update(points=[["a", 1]]),
        "x of a point of 'L1 inferior_anterior' is 'a'; expected a number",
    ),
    (lambda d: d["shapes"][2].update(label=3), "the label is 3; expected a text"),
    (lambda d: d["shapes"][2].pop("points"), "'points' is missing in shape 3"),
    (lambda d: d.update(imagePath=None), "imagePath is nothing; expected a text"),
    (lambda d: d.update(kummell_ai=[1]), "kummell_ai: [1] stands there; expected values by name"),
    (lambda d: d["kummell_ai"].update(facing="up"), "facing is 'up'; expected one of left, right, unknown"),
    (lambda d: d["kummell_ai"].update(acquired="May"), "acquired is 'May'; expected a date and time"),
    (lambda d: d["kummell_ai"].update(spacing=3), "spacing: 3 stands there; expected values by name"),
]

COCO: list[tuple[Change, str]] = [
    (lambda d: d.update(images=None), "images: nothing stands there; expected a list"),
    (lambda d: d.update(annotations=[None]), "entry 1 of annotations: nothing stands there; expected values by name"),
    (lambda d: d["annotations"][1].update(keypoints=None), "keypoints of annotation 2: nothing stands there"),
    (lambda d: d["annotations"][1].update(attributes=[1]), "attributes of annotation 2: [1] stands there"),
    (lambda d: d["annotations"][1].pop("image_id"), "'image_id' is missing in annotation 2"),
    (lambda d: d["annotations"][1]["keypoints"].__setitem__(0, "a"), "x of superior_anterior in annotation 2 is 'a'"),
    (lambda d: d["annotations"][1]["attributes"].update(level=3), "level of annotation 2 is 3; expected a text"),
    (
        lambda d: d["annotations"][1]["attributes"].update(covariance_px=[1, 2]),
        "covariance_px of annotation 2 has 2 numbers; expected four for each of 6 points",
    ),
    (lambda d: d["images"][0].update(spacing={"row_mm": "x", "column_mm": 1}), "row_mm is 'x'; expected a number"),
    (lambda d: d["images"][0].update(spacing={"row_mm": 1}), "'column_mm' is missing in spacing"),
    (lambda d: d["images"][0].update(facing=[1]), "facing is [1]; expected one of left, right, unknown"),
    (lambda d: d["images"][0].update(acquired=3), "acquired is 3; expected a date and time"),
    (lambda d: d["images"][0].update(id=[1]), "images: a value in it is of another kind"),
]

LABEL_STUDIO: list[tuple[Change, str]] = [
    (lambda d: d[0].update(annotations=[None]), "an annotation of the task: nothing stands there"),
    (lambda d: d[0].update(data=3), "data of the task: 3 stands there; expected values by name"),
    (lambda d: d[0]["annotations"][0].update(result=None), "result of the annotation: nothing stands there"),
    (lambda d: result_of(d).update(value=None), "value: nothing stands there; expected values by name"),
    (lambda d: result_of(d)["value"].update(x="12%"), "x is '12%'; expected a number"),
    (lambda d: result_of(d)["value"].update(keypointlabels=None), "keypointlabels: nothing stands there"),
    (lambda d: result_of(d)["value"].pop("x"), "'x' is missing in result "),
    (lambda d: result_of(d).update(parentID=[1]), " of the task: a value in it is of another kind"),
]


def result_of(document: Any) -> Any:
    """The first keypoint of the first task."""
    return next(r for r in document[0]["annotations"][0]["result"] if r["type"] == "keypointlabels")


FORMS = {"labelme": LABELME, "coco": COCO, "label-studio": LABEL_STUDIO}


@pytest.mark.parametrize(("form", "change", "text"), [(form, *case) for form, cases in FORMS.items() for case in cases])
def test_the_entry_is_named(form: str, change: Change, text: str, tmp_path: Path) -> None:
    told = refusal(of_json(form, tmp_path, change))
    assert text in told
    assert not RAW.search(told)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('points="', 'points="a', "x of a point of 'superior_anterior' is 'a"),
        ('points="', 'points="1,2;', "2 points are one 'superior_anterior'; expected one"),
        (">{", ">[", "kummell_ai of the tag film is '["),
        ('label="superior_anterior"', "", "'label' is missing in <skeleton> 2 of the image"),
    ],
)
def test_the_entry_of_cvat_is_named(old: str, new: str, text: str, tmp_path: Path) -> None:
    sets.write_film(tmp_path / "a.png")
    file = tmp_path / "annotations.xml"
    write_cvat(file, [sets.film("a.png")])
    file.write_text(file.read_text().replace(old, new, 1))
    told = refusal(file)
    assert text in told
    assert not RAW.search(told)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (
            lambda p: write_buu(p, buu_text().replace(",0\n", ",left\n", 1)),
            "a value of row 1 is 'left'; expected a number",
        ),
        (
            lambda p: write_marks(p, "L1 1 2 3 4 5 six 7 8"),
            "a value among the points of L1 is 'six'; expected a number",
        ),
        (lambda p: write_mendeley(p, "a.txt", "0 a" + " 1" * 15), "a value of line 1 is 'a'; expected a number"),
        (
            lambda p: write_mendeley(p, "a.json", mendeley_json() | {"keypoints": [[[1, 2]]] * 6}),
            "keypoints of body 1 are [[1, 2]]; expected four times x, y, visible",
        ),
        (
            lambda p: write_mendeley(p, "a.json", mendeley_json() | {"keypoints": [None] * 6}),
            "keypoints of body 1: nothing stands there; expected a list",
        ),
        (lambda p: write_mendeley(p, "a.json", mendeley_json() | {"boxes": None}), "boxes: nothing stands there"),
    ],
)
def test_the_entry_of_a_public_set_is_named(write: Callable[[Path], Path], text: str, tmp_path: Path) -> None:
    told = refusal(write(tmp_path))
    assert text in told
    assert not RAW.search(told)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            '{"a":\n ' + "1" * 5000 + "}",
            "no readable JSON (a number of more than 4300 digits, 111111111111..., on line 2)",
        ),
        ("[" * 100_000, "no readable JSON (brackets within brackets without end)"),
        ("{\n", "no readable JSON (Expecting property name enclosed in double quotes, line 2, column 1)"),
    ],
)
def test_what_is_no_json_says_where(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text(content)
    for read in (read_coco, read_annotations):
        with pytest.raises(InputError) as refused:
            read(tmp_path / "annotations.json")
        assert str(refused.value) == f"annotations.json: {text}; export it again"


def absurd(folder: Path) -> Iterator[tuple[str, Path]]:
    """A set of each form with one coordinate of 1e308 px, or of slightly too many."""
    for value in (1e308, -1e308, 1.01 * MAX_PX):
        far: dict[str, Change] = {
            "labelme": lambda d, v=value: d["shapes"][8].update(points=[[v, 3.0]]),
            "coco": lambda d, v=value: d["annotations"][1]["keypoints"].__setitem__(12, v),
            "label-studio": lambda d, v=value: result_of(d)["value"].update(x=v),
        }
        for form, change in far.items():
            yield form, of_json(form, folder / f"{form}{value}", change)
        file = folder / f"{value}.xml"
        write_cvat(file, [sets.film("a.png")])
        file.write_text(re.sub(r'points="[^,]*', f'points="{value}', file.read_text(), count=1))
        yield "cvat", file
        yield "buu-lspine", write_buu(folder / f"b{value}", re.sub(r"^[^,]*", f"{value}", buu_text()))
        yield "nhanes2", write_marks(folder / f"n{value}", f"L1 {value} 2 3 4 5 6 7 8")
        document = mendeley_json()
        document["keypoints"][0][0][0] = value
        yield "mendeley", write_mendeley(folder / f"m{value}", "a.json", document)


@pytest.mark.filterwarnings("error")
def test_a_coordinate_beyond_any_film_is_refused_when_it_is_read(tmp_path: Path) -> None:
    for form, path in absurd(tmp_path):
        with pytest.raises(InputError, match=f"not understood as .*({MAX_PX:,.0f} at most|{MAX_PX:,.0f} px|in px)"):
            read_annotations(path, form, facing=Facing.LEFT)


def test_evaluate_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: Oracle())
    path = of_json("labelme", tmp_path / "set", lambda d: d["shapes"][8].update(points=[[1e308, 1e308]]))
    assert run(path, tmp_path / "out") == exits.NONE_USABLE
    first, _ = lines_of(capsys)
    assert "superior_middle of L2 lies at 1e+308, 1e+308; expected finite numbers of px, 1,000,000 at most" in first


def test_a_film_is_no_larger_than_that() -> None:
    from kummell_ai.annotations.source import whole_px

    assert whole_px("1000000", "width") == 1_000_000
    with pytest.raises(ValueError, match="width is 1000001; expected a whole number of px"):
        whole_px(1_000_001, "width")
