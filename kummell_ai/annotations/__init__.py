"""Annotated films in and out: COCO keypoints."""

from kummell_ai.annotations.coco import AnnotatedFilm, read_coco, write_coco

__all__ = ["AnnotatedFilm", "read_coco", "write_coco"]
