"""Draw every ingredient of a recipe alone, and all of them together.

python scripts/contact_sheet_ingredients.py --out docs/pictures [--templates DIR] [--backgrounds CT] [--sheets film]

Each tile has the keys of its caption at 1 and all others at 0. Tiles of bones and operations show the primary log
exposure less its wide blur, so that faint things show; those of tissue the plain log exposure. The film sheet shows one
patient's path lengths, exposed and kept in many ways.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, sample_individual
from kummell_ai.synthesis.case import banks_of, generate_film
from kummell_ai.synthesis.disease.course import State, pose, sample_course, sample_untreated
from kummell_ai.synthesis.disease.posture import PosedVertebra, rotation_matrix
from kummell_ai.synthesis.exposure import Exposed, Setting, expose, visible_corners
from kummell_ai.synthesis.film.attenuation import transmission
from kummell_ai.synthesis.film.detector import Exposure
from kummell_ai.synthesis.film.display import FAMILIES, draw_display
from kummell_ai.synthesis.film.film import FilmPlan, develop, plan_film
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.recipe import FilmRecipe, Recipe, load_recipe

TILE = (290, 230)
COLUMNS = 6
SECTIONS = ("anatomy", "disease", "operation", "tissue", "film")
BEFORE, AFTER, LATER, UNTREATED = 0, 1, 2, None
Image = np.ndarray
Outside = dict[str, list[str]]


@dataclass(frozen=True)
class Tile:
    """One picture of a patient.

    Attributes:
        caption: keys that are at 1, and what to look for.
        keys: overrides of a recipe in which every share is 0.
        seed: of the patient.
        when: number of the film in the course, or None for a spine without a fresh fracture.
        level: in the middle of the picture; None for the injured one.
        height_mm: of the picture.
        shift_mm: of its middle, forward and upward.
        turn_deg: yaw of the patient.
        white: quantile of the grey levels that is white, lower where metal is not the subject; None for the plain film.
        names: whether the levels are written on their bodies.
        rows: of the film (px).
    """

    caption: str
    keys: tuple[str, ...] = ()
    seed: int = 7
    when: int | None = BEFORE
    level: str | None = None
    height_mm: float = 130.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 0.0
    white: float | None = 0.998
    names: bool = False
    rows: int = TILE[0]


def nothing(keys: Sequence[str], outside: Outside) -> Recipe:
    """A recipe with every share at 0, then ``keys``."""
    whole = Recipe()
    off = [f"{s}.{item.name}=0" for s in SECTIONS for item in fields(getattr(whole, s))]
    return load_recipe(None, [*off, *keys], **{name: tuple(paths) for name, paths in outside.items()})


def patient(tile: Tile, recipe: Recipe) -> tuple[Individual, State, tuple[PosedVertebra, ...]]:
    individual = sample_individual(tile.seed, banks_of(recipe, tile.seed), recipe.anatomy)
    untreated = tile.when is None
    state = sample_untreated(individual, recipe) if untreated else sample_course(individual, recipe)[tile.when]
    return individual, state, pose(individual, state, np.random.default_rng([tile.seed, 9]))


def setting_of(tile: Tile, state: State, spine: Sequence[PosedVertebra]) -> Setting:
    centres = {v.level: v.rims_mm.reshape(-1, 3).mean(axis=0) for v in spine}
    level = VertebralLevel(tile.level) if tile.level else state.index_level
    assert level is not None
    turn = rotation_matrix(tile.turn_deg, 0.0, 0.0)
    x, _, z = turn @ centres[level] + np.array([tile.shift_mm[0], 0.0, tile.shift_mm[1]])
    pixel, shape = tile.height_mm / tile.rows, (tile.rows, tile.rows * TILE[1] // TILE[0])
    origin = (float(x) + 0.5 * shape[1] * pixel, float(z) + 0.5 * tile.height_mm)
    return Setting(ConeBeam(np.array([x, 1000.0, z]), origin, pixel, shape), turn, 1.15, 75.0)


def shoot(tile: Tile, outside: Outside) -> tuple[Exposed, Setting, tuple[PosedVertebra, ...]]:
    recipe = nothing(tile.keys, outside)
    individual, state, spine = patient(tile, recipe)
    setting = setting_of(tile, state, spine)
    return expose(individual, state, spine, setting, recipe, np.random.default_rng([tile.seed, 10])), setting, spine


def grey(pixels: Image) -> Image:
    return np.asarray(np.rint(pixels * 255.0), dtype=np.uint8)


def flattened(lengths: dict[str, Image], tube_kv: float, white: float) -> Image:
    """Grey levels of the primary log exposure less its wide blur, which metal does not enter."""
    depth = -np.log(transmission(lengths, tube_kv))
    depth -= 0.9 * cv2.GaussianBlur(np.minimum(depth, np.quantile(depth, 0.9)), (0, 0), 0.12 * TILE[0])
    low, high = np.quantile(depth, [0.02, white])
    return np.clip((depth - low) / (high - low), 0.0, 1.0)


def picture(tile: Tile, outside: Outside) -> Image:
    exposed, setting, spine = shoot(tile, outside)
    if tile.white is None:
        return grey(exposed.pixels)
    image = grey(flattened(exposed.lengths, setting.tube_kv, tile.white))
    for vertebra in spine if tile.names else ():
        x, y = np.nan_to_num(visible_corners(vertebra, setting).mean(axis=0), nan=-99.0)
        at = (round(float(x)) - 11, round(float(y)) + 5)
        cv2.putText(image, vertebra.level.value, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
    return image


def captioned(image: Image, caption: str) -> Image:
    """A tile with its caption in one or two lines below."""
    strip = np.full((34, image.shape[1]), 255, np.uint8)
    for k, line in enumerate(caption.split("\n")):
        cv2.putText(strip, line, (3, 13 + 15 * k), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    return np.pad(np.vstack([image, strip]), 2, constant_values=255)


def sheet(tiles: Sequence[Image]) -> Image:
    blank = np.full_like(tiles[0], 255)
    full = [*tiles, *[blank] * (-len(tiles) % COLUMNS)]
    return np.vstack([np.hstack(full[k : k + COLUMNS]) for k in range(0, len(full), COLUMNS)])


BONES = (
    Tile("no key", (), 6, UNTREATED, "L3", 130.0),
    Tile("anatomy.blend: part of the way\nto another individual", ("anatomy.blend=1",), 6, UNTREATED, "L3", 130.0),
    Tile("anatomy.variants: T13", ("anatomy.variants=1",), 4, UNTREATED, "T13", 190.0, names=True),
    Tile("anatomy.variants: L6", ("anatomy.variants=1",), 5, UNTREATED, "L4", 190.0, names=True),
    Tile("anatomy.scoliosis\ndouble endplates", ("anatomy.scoliosis=1",), 8, UNTREATED, "L2", 150.0),
    Tile("anatomy.listhesis", ("anatomy.listhesis=1",), 7, UNTREATED, "L4"),
    Tile("no key", (), 3, UNTREATED, "L2", 190.0, white=None),
    Tile("anatomy.osteoporosis", ("anatomy.osteoporosis=1",), 3, UNTREATED, "L2", 190.0, white=None),
    Tile("no key: standing", (), 5, UNTREATED, "L3", 330.0),
    Tile("film.postures: sitting", ("film.postures=1",), 5, UNTREATED, "L3", 330.0),
    Tile("disease.depression\nSchmorl's nodes", ("disease.depression=1",), 2, UNTREATED, "L2"),
    Tile("disease.osteophytes", ("disease.osteophytes=1",), 2, UNTREATED, "L3"),
    Tile("no key: a wedge fracture", (), 4, BEFORE, None, 100.0),
    Tile("disease.biconcave", ("disease.biconcave=1",), 4, BEFORE, None, 100.0),
    Tile("disease.crush", ("disease.crush=1",), 4, BEFORE, None, 100.0),
    Tile("disease.asymmetry\nlower on one side", ("disease.asymmetry=1",), 5, BEFORE, None, 100.0),
    Tile("no key: another wedge", (), 2, BEFORE, None, 100.0),
    Tile("disease.bulge\nback wall in the canal", ("disease.bulge=1",), 2, BEFORE, None, 100.0),
    Tile("disease.sclerosis\ndense endplates", ("disease.sclerosis=1",), 8, BEFORE, None, 100.0),
    Tile("disease.cleft: gas", ("disease.cleft=1",), 6, BEFORE, None, 100.0),
    Tile("no key", (), 4, UNTREATED, "T12", 210.0),
    Tile("disease.old_fractures", ("disease.old_fractures=1",), 4, UNTREATED, "T12", 210.0),
    Tile("disease.aorta\ncalcified wall", ("disease.aorta=1",), 6, UNTREATED, "L3", 150.0, (25.0, 0.0)),
    Tile(
        "all but the variants\nand osteoporosis",
        (*(f"anatomy.{k}=1" for k in ("blend", "scoliosis", "listhesis")),
         *(f"disease.{k}=1" for k in ("asymmetry", "bulge", "sclerosis", "cleft", "depression", "osteophytes")),
         "disease.old_fractures=1", "disease.aorta=1"),
        6, BEFORE, None, 200.0, (10.0, -20.0),
    ),
)  # fmt: skip

OPERATIONS = (
    Tile("the patient before surgery", (), 5, BEFORE, None, 170.0, (-15.0, 0.0)),
    Tile("after it, no key:\none level up and down", (), 5, AFTER, None, 170.0, (-15.0, 0.0), white=0.97),
    Tile("at follow-up", (), 5, LATER, None, 170.0, (-15.0, 0.0), white=0.97),
    Tile("operation.long", ("operation.long=1",), 5, AFTER, None, 250.0, (-15.0, 0.0), white=0.97),
    Tile("operation.index_screws", ("operation.index_screws=1",), 5, AFTER, None, 170.0, (-15.0, 0.0), white=0.97),
    Tile("operation.unilateral", ("operation.unilateral=1",), 5, AFTER, None, 170.0, (-15.0, 0.0), white=0.97),
    Tile("operation.fenestrated\ncement about the screws", ("operation.fenestrated=1",), 7, AFTER, None, 150.0),
    Tile("operation.cross_links", ("operation.cross_links=1",), 7, AFTER, None, 150.0, (-30.0, 0.0), 8.0),
    Tile("operation.leaks\ninto both discs", ("operation.leaks=1",), 3, AFTER, None, 120.0, white=0.97),
    Tile("operation.voids\ncavity of a balloon", ("operation.voids=1",), 6, AFTER, None, 80.0),
    Tile("operation.vertebroplasty", ("operation.vertebroplasty=1",), 2, AFTER, None, 150.0, white=0.99),
    Tile("operation.cages", ("operation.cages=1",), 7, AFTER, None, 130.0),
    Tile("operation.cages", ("operation.cages=1",), 6, AFTER, None, 130.0),
    Tile("no key, at follow-up", (), 4, LATER, "L2", 45.0, white=0.75),
    Tile("operation.loosening\nhalo about the screw", ("operation.loosening=1",), 4, LATER, "L2", 45.0, white=0.75),
    Tile("no key, at follow-up", (), 8, LATER, "L1", 150.0, white=0.96),
    Tile("operation.adjacent_fracture\nat L2", ("operation.adjacent_fracture=1",), 8, LATER, "L1", 150.0, white=0.96),
    Tile(
        "all but vertebroplasty,\ncages and unilateral",
        tuple(f"operation.{k}=1" for k in ("index_screws", "fenestrated", "cross_links", "leaks", "voids", "loosening",
                                            "adjacent_fracture")),
        7, LATER, None, 230.0, (-15.0, 0.0), white=0.98,
    ),
)  # fmt: skip

WHOLE = {"when": UNTREATED, "level": "L1", "height_mm": 430.0, "shift_mm": (25.0, 0.0), "white": None}
CHEST = WHOLE | {"level": "T10", "height_mm": 330.0}
NEAR = WHOLE | {"height_mm": 230.0, "white": 0.998}
TISSUES = (
    Tile("none of the ingredients", **WHOLE),
    Tile("tissue.lungs", ("tissue.lungs=1",), **CHEST),
    Tile("tissue.gas", ("tissue.gas=1",), 3, **WHOLE | {"level": "L3", "height_mm": 330.0, "shift_mm": (55.0, 0.0)}),
    Tile("tissue.breast", ("tissue.breast=1",), **CHEST | {"shift_mm": (60.0, 0.0)}),
    Tile("tissue.arms", ("tissue.arms=1",), **CHEST | {"shift_mm": (60.0, 0.0)}),
    Tile("disease.aorta", ("disease.aorta=1",), 6, **NEAR | {"level": "L3"}),
    *(Tile(f"tissue.folds ({k + 1})", ("tissue.folds=1",), seed, **NEAR) for k, seed in enumerate((2, 3, 6, 10, 14))),
    Tile(
        "all of them",
        (*(f"tissue.{k}=1" for k in ("lungs", "gas", "breast", "arms", "folds")), "disease.aorta=1"),
        **WHOLE,
    ),
)
CT_TILE = Tile("tissue.ct", ("tissue.ct=1", "tissue.lungs=1", "tissue.gas=1"), **WHOLE)


DISPLAYS = (5, 3, 3, 5, 3)
"""Seed of the chain shown for each family."""


@dataclass(frozen=True)
class Look:
    """One way to take, show and keep the film of the same patient.

    Attributes:
        caption: what to look for.
        keys: of `FilmRecipe` that are at 1.
        seed: of what is drawn.
        family: of the display chain, for ``display``.
        detail: height (px) of the part in the middle that is enlarged; None for the whole film.
    """

    caption: str
    keys: tuple[str, ...] = ()
    seed: int = 3
    family: str | None = None
    detail: int | None = None


FILMS = (
    Look("none of the ingredients"),
    Look("film.scatter", ("scatter",)),
    Look("film.scatter + film.grid", ("scatter", "grid")),
    *(Look(f"film.display: {name}", ("display",), seed, name) for name, seed in zip(FAMILIES, DISPLAYS, strict=True)),
    Look("film.display: plain\n+ film.heel: brighter above", ("display", "heel"), 5, "plain"),
    Look("none, enlarged", detail=150),
    Look("film.noise, enlarged", ("noise",), detail=150),
    Look("film.blur, enlarged", ("blur",), detail=150),
    Look("film.resampled, enlarged", ("resampled",), detail=150),
    Look("film.jpeg, enlarged", ("jpeg",), detail=150),
    Look("film.collimation", ("collimation",), 19),
    Look("film.markers: lead", ("markers",), 9),
    Look("film.text", ("text",), 6),
    Look("film.scratches: dust, hairs", ("scratches",), 8),
    Look("film.seams", ("seams",), 13),
    Look("film.borders", ("borders",)),
    Look("film.squeezed", ("squeezed",), 7),
    Look("film.inverted", ("inverted",)),
    Look(
        "all but inverted,\nresampled and squeezed",
        (
            *("scatter", "noise", "blur", "grid", "heel", "display", "collimation", "markers", "text", "scratches"),
            *("seams", "borders", "jpeg"),
        ),
        13,
        "multiscale",
    ),
)


def film_plan(look: Look, shape: tuple[int, int], taken: Exposure, spare: Image) -> FilmPlan:
    recipe = FilmRecipe(**{item.name: float(item.name in look.keys) for item in fields(FilmRecipe)})
    plan = plan_film(shape, taken, recipe, np.random.default_rng([look.seed]), spare)
    if look.family is None:
        return plan
    return replace(plan, display=draw_display(np.random.default_rng([look.seed, 1]), look.family))


def film_tiles(outside: Outside) -> list[Image]:
    keys = ("tissue.lungs=1", "tissue.gas=1", "anatomy.blend=1")
    tile = Tile("", keys, 7, UNTREATED, "L2", 380.0, (20.0, 0.0), rows=2 * TILE[0])
    exposed, setting, spine = shoot(tile, outside)
    taken = Exposure(setting.tube_kv, setting.beam.pixel_mm, setting.magnification)
    corners = np.concatenate([visible_corners(v, setting) for v in spine])
    spare = corners[np.isfinite(corners).all(axis=1)].astype(np.float32)
    out = []
    for look in FILMS:
        film = develop(exposed.lengths, film_plan(look, setting.beam.shape, taken, spare))
        out.append(captioned(at_tile_size(film, look.detail), look.caption))
    return out


def at_tile_size(film: Image, rows: int | None) -> Image:
    """A film as a tile, or the middle ``rows`` rows of it enlarged, from its darkest grey to its brightest."""
    if rows is None:
        return grey(cv2.resize(film, TILE[::-1], interpolation=cv2.INTER_AREA))
    cols = round(rows * TILE[1] / TILE[0])
    top, left = (film.shape[0] - rows) // 2, (film.shape[1] - cols) // 2
    part = film[top : top + rows, left : left + cols]
    low, high = np.quantile(part, [0.005, 0.995])
    return grey(np.clip((cv2.resize(part, TILE[::-1], interpolation=cv2.INTER_NEAREST) - low) / (high - low), 0.0, 1.0))


def together(outside: Outside) -> list[Image]:
    """Films as the default recipe makes them."""
    look = {"rows": 2 * TILE[0], "aspect_low": TILE[1] / TILE[0], "aspect_high": TILE[1] / TILE[0]}
    recipe = Recipe(**look, **{name: tuple(paths) for name, paths in outside.items()})
    films = [generate_film(seed, recipe) for seed in range(31, 31 + 2 * COLUMNS)]
    small = [cv2.resize(grey(film.pixels), TILE[::-1], interpolation=cv2.INTER_AREA) for film in films]
    return [
        captioned(image, f"default recipe\n{f.field}, {f.phase.value}") for image, f in zip(small, films, strict=True)
    ]


def tiles_of(tiles: Sequence[Tile]) -> Callable[[Outside], list[Image]]:
    def draw(outside: Outside) -> list[Image]:
        more = (CT_TILE,) if tiles is TISSUES and outside["backgrounds"] else ()
        return [captioned(picture(tile, outside), tile.caption) for tile in (*tiles, *more)]

    return draw


SHEETS = {
    "bones": tiles_of(BONES),
    "operation": tiles_of(OPERATIONS),
    "tissue": tiles_of(TISSUES),
    "film": film_tiles,
    "together": together,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheets")
    parser.add_argument("--sheets", nargs="+", choices=list(SHEETS), default=list(SHEETS), help="which (default: all)")
    parser.add_argument("--templates", action="append", default=[], help="folder of bones; may be repeated")
    parser.add_argument("--backgrounds", action="append", default=[], help="CTs; may be repeated")
    parser.add_argument("--quality", type=int, default=75, help="of the JPEG (default: 75)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.sheets:
        drawn = sheet(SHEETS[name]({"templates": args.templates, "backgrounds": args.backgrounds}))
        path = args.out / f"ingredients_{name}.jpg"
        cv2.imwrite(str(path), drawn, [cv2.IMWRITE_JPEG_QUALITY, args.quality])


if __name__ == "__main__":
    from ending import end

    end(main)
