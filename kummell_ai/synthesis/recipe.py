"""What to simulate, as one value that a YAML file can hold.

Every ingredient has a key of its own, a share of films, patients or bodies that have it, so that one can be left out
(``tissue.lungs=0``) and its worth be measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kummell_ai.errors import ConfigError
from kummell_ai.settings import apply_overrides, build_settings, read_yaml

FIELDS_OF_VIEW = ("full", "thoracolumbar", "lumbar", "narrow")


class _Shares:
    """A section of a recipe whose values are all shares in [0, 1]."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            _check_share(f"{type(self).__name__.removesuffix('Recipe').lower()}.{item.name}", getattr(self, item.name))


@dataclass(frozen=True, slots=True)
class AnatomyRecipe(_Shares):
    """Who the patients are.

    Attributes:
        blend: share of patients whose vertebrae lie between those of two template individuals.
        variants: share of patients with a 13th thoracic vertebra or a sixth lumbar one.
        scoliosis: share of patients with a lateral curve and axial rotation.
        listhesis: share of patients with a slipped vertebra.
        osteoporosis: share of patients whose bone is hard to see; the rest runs from healthy to osteopenic.
        real_fractures: share of patients with a really fractured template bone as an old fracture, where there is one.
    """

    blend: float = 0.5
    variants: float = 0.1
    scoliosis: float = 0.2
    listhesis: float = 0.08
    osteoporosis: float = 0.2
    real_fractures: float = 0.1


@dataclass(frozen=True, slots=True)
class DiseaseRecipe(_Shares):
    """What has happened to the bones.

    Attributes:
        biconcave, crush: share of fractures of these types; the rest are wedges.
        asymmetry: share of fractures that are lower on one side.
        bulge: share of fractures with a posterior wall bent into the canal.
        sclerosis: share of fractured or worn endplates that are denser.
        depression: share of intact bodies with a local depression of an endplate (Schmorl's node).
        osteophytes: share of patients with bony lips at the rims.
        cleft: share of injured bodies with a gas cleft before surgery.
        old_fractures: share of patients with healed fractures at other levels.
        aorta: share of patients with a calcified aorta.
    """

    biconcave: float = 0.15
    crush: float = 0.2
    asymmetry: float = 0.5
    bulge: float = 0.4
    sclerosis: float = 0.5
    depression: float = 0.12
    osteophytes: float = 0.6
    cleft: float = 0.35
    old_fractures: float = 0.3
    aorta: float = 0.35


@dataclass(frozen=True, slots=True)
class OperationRecipe(_Shares):
    """What surgery leaves, and what time does to it.

    Attributes:
        after: share of single training films of a patient with a fracture that are taken after surgery, half of them at
            follow-up; the rest before it.
        vertebroplasty: share of operated patients with cement alone.
        long: share of constructs that reach two levels up and down.
        index_screws: share of constructs with screws in the injured level too; half of them on one side only.
        unilateral: share of constructs with screws and a rod on one side only.
        fenestrated: share of constructs with cement around the screws.
        cross_links: share of constructs with a cross-link.
        cages: share of constructs with a cage or spacer instead of cement.
        leaks: share of cemented bodies that leak.
        voids: share of cemented injured bodies with the cavity of a balloon in them.
        loosening: share of constructs with halos about screws at follow-up.
        adjacent_fracture: share of patients with a new fracture beside the construct at follow-up.
    """

    after: float = 0.6
    vertebroplasty: float = 0.15
    long: float = 0.15
    index_screws: float = 0.35
    unilateral: float = 0.03
    fenestrated: float = 0.7
    cross_links: float = 0.15
    cages: float = 0.06
    leaks: float = 0.3
    voids: float = 0.2
    loosening: float = 0.15
    adjacent_fracture: float = 0.12


@dataclass(frozen=True, slots=True)
class TissueRecipe(_Shares):
    """What else lies in the beam.

    Attributes:
        ct: share of films with soft tissue from a CT, when CTs are given.
        lungs: share of films that show the lungs and the diaphragm where the spine reaches them.
        gas: share of films with bowel gas and content.
        breast, arms, folds: share of films with a breast's shadow, arms, skin folds or clothing.
    """

    ct: float = 0.5
    lungs: float = 0.95
    gas: float = 0.8
    breast: float = 0.2
    arms: float = 0.25
    folds: float = 0.4


@dataclass(frozen=True, slots=True)
class FilmRecipe(_Shares):
    """How the film is taken, shown and kept.

    Attributes:
        scatter, noise, blur: share of films with scattered radiation, quantum noise, blur of focal spot and detector.
        grid: share of films taken with an anti-scatter grid.
        heel: share of films that are brighter towards one side (heel effect, decentred grid).
        display: share of films that went through a display chain (CR or DX); the rest shows the plain log exposure.
        collimation, markers, text, scratches, seams: share of films with these.
        borders: share of films with the rim of a scanned film on them.
        resampled: share of films that were kept at a lower resolution and enlarged again.
        squeezed: share of films with squeezed contrast.
        inverted: share of films whose bone is dark and nobody says so.
        jpeg: share of films that were JPEG compressed.
        postures: share of films on which the patient does not stand: he sits, lies, bends forward or back.
    """

    scatter: float = 1.0
    noise: float = 1.0
    blur: float = 1.0
    grid: float = 0.85
    heel: float = 0.8
    display: float = 1.0
    collimation: float = 0.4
    markers: float = 0.5
    text: float = 0.25
    scratches: float = 0.12
    seams: float = 0.08
    borders: float = 0.08
    resampled: float = 0.3
    squeezed: float = 0.3
    inverted: float = 0.02
    jpeg: float = 0.3
    postures: float = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """Options of the simulator.

    Attributes:
        rows: height of a film (px).
        aspect_low, aspect_high: width / height is drawn evenly from this range.
        full, thoracolumbar, lumbar, narrow: weights of the fields of view; narrow is that of a film taken in theatre.
        right_facing: share of films on which the front is to the right.
        frontal: share of single training films that show a frontal view (they have no truth).
        operated: share of single training films of a patient with a fracture, before or after surgery; the rest
            shows spines without a fresh fracture.
        templates: folders of closed meshes, or of CTs with vertebra masks, to take bones from beside the project's own.
        own_bones: whether the project's own procedural bones are used when ``templates`` are given.
        backgrounds: CTs (NIfTI) to take soft tissue from, or folders of them.
        anatomy, disease, operation, tissue, film: what the films hold.
    """

    rows: int = 512
    aspect_low: float = 0.55
    aspect_high: float = 0.85
    full: float = 0.06
    thoracolumbar: float = 0.27
    lumbar: float = 0.5
    narrow: float = 0.17
    right_facing: float = 0.5
    frontal: float = 0.0
    operated: float = 0.7
    templates: tuple[str, ...] = ()
    own_bones: bool = True
    backgrounds: tuple[str, ...] = ()
    anatomy: AnatomyRecipe = field(default_factory=AnatomyRecipe)
    disease: DiseaseRecipe = field(default_factory=DiseaseRecipe)
    operation: OperationRecipe = field(default_factory=OperationRecipe)
    tissue: TissueRecipe = field(default_factory=TissueRecipe)
    film: FilmRecipe = field(default_factory=FilmRecipe)

    def __post_init__(self) -> None:
        for name in ("right_facing", "frontal", "operated"):
            _check_share(name, getattr(self, name))
        weights = [getattr(self, name) for name in FIELDS_OF_VIEW]
        if not all(0.0 <= weight < math.inf for weight in weights) or sum(weights) == 0.0:
            text = "are weights: numbers, none below 0, one above 0"
            raise ConfigError(f"recipe keys {', '.join(FIELDS_OF_VIEW)} {text}", weights)
        if not 0.2 <= self.aspect_low <= self.aspect_high <= 2.0:
            raise ConfigError(
                f"recipe keys aspect_low {self.aspect_low}, aspect_high {self.aspect_high}: use 0.2 <= low <= high <= 2"
            )
        if not 128 <= self.rows <= 4096:
            raise ConfigError(f"recipe key rows is {self.rows}; use 128 to 4096 px", self.rows)
        if self.disease.biconcave + self.disease.crush > 1.0:
            raise ConfigError(
                "recipe keys disease.biconcave, disease.crush are shares of one whole: at most 1 together"
            )


def load_recipe(path: Path | None, overrides: Sequence[str] = (), **given: Any) -> Recipe:
    """The recipe in a YAML file (or the default one), with ``key=value`` overrides and ``given`` values on top.

    Args:
        path: YAML mapping, or None.
        overrides: for example ``disease.osteophytes=0``.
        given: top-level values; those that are None count for nothing.

    Raises:
        ConfigError: the file is missing or no YAML mapping, a key is unknown, a value has a wrong type or range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        loaded = read_yaml(path, "configs/synthesis/default.yaml")
        if not isinstance(loaded, dict):
            raise ConfigError(f"{path}: expected a mapping of recipe keys, found {type(loaded).__name__}", path)
        values.update(loaded)
    apply_overrides(values, overrides)
    values.update({k: v for k, v in given.items() if v is not None})
    return build_settings(Recipe, values, "recipe key ")


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"recipe key {name} is {value}; it is a share and must lie in [0, 1]", value)
