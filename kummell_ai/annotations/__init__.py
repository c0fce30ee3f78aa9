"""Annotated films in and out: COCO keypoints, public sets, and the files of drawing tools."""

from kummell_ai.annotations.buu_lspine import read_buu_lspine
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco
from kummell_ai.annotations.cvat import read_cvat, write_cvat
from kummell_ai.annotations.faults import why_not_a_spine
from kummell_ai.annotations.label_studio import read_label_studio, write_label_studio
from kummell_ai.annotations.labelme import read_labelme, write_labelme
from kummell_ai.annotations.mendeley import read_mendeley
from kummell_ai.annotations.nhanes2 import read_nhanes2
from kummell_ai.annotations.read import FORMS, as_coco, detect_form, films_folder, read_annotations

__all__ = [
    "FORMS",
    "AnnotatedFilm",
    "as_coco",
    "detect_form",
    "films_folder",
    "read_annotations",
    "read_buu_lspine",
    "read_coco",
    "read_cvat",
    "read_label_studio",
    "read_labelme",
    "read_mendeley",
    "read_nhanes2",
    "why_not_a_spine",
    "write_coco",
    "write_cvat",
    "write_label_studio",
    "write_labelme",
]
