"""Annotation files are whole or absent: what lies there stays where writing fails, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from kummell_ai.annotations import AnnotatedFilm, write_coco, write_cvat, write_label_studio, write_labelme
from kummell_ai.annotations.writing import whole_file
from tests.annotations import sets

WRITERS: dict[str, tuple[str, Callable[[Path, list[AnnotatedFilm]], object]]] = {
    "coco": ("annotations.json", lambda folder, films: write_coco(folder / "annotations.json", films)),
    "cvat": ("annotations.xml", lambda folder, films: write_cvat(folder / "annotations.xml", films)),
    "label-studio": ("tasks.json", lambda folder, films: write_label_studio(folder / "tasks.json", films)),
    "labelme": ("a.json", lambda folder, films: write_labelme(folder, films)),
}


class FullDisk:
    """A stream that takes ten characters."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def write(self, text: str) -> int:
        self.stream.write(text[:10])
        self.stream.flush()
        raise OSError(28, "No space left on device")

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)


@pytest.mark.parametrize("form", WRITERS)
def test_a_full_disk_leaves_the_file_that_was_there(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, write = WRITERS[form]
    (tmp_path / name).write_text("of before")
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: FullDisk(real(self, *a, **k)))  # type: ignore[arg-type]
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, [sets.film("a.png")])
    monkeypatch.undo()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "of before")]


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.json") as stream:
        stream.write("{}")
        assert not (tmp_path / "a.json").exists()
    assert (tmp_path / "a.json").read_text() == "{}"
    assert len(list(tmp_path.iterdir())) == 1
