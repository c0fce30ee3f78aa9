"""The arms of the comparison: which simulator makes the films, and with what."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FIRST_COMMIT = "87d6a37"
"""The last state of the repository that holds the first simulator."""

ENDS = ("first", "own", "outside")

ABLATIONS: dict[str, tuple[str, ...]] = {
    "fractures": ("operated", "disease.old_fractures", "anatomy.real_fractures", "operation.adjacent_fracture"),
    "fracture-types": ("disease.biconcave", "disease.crush", "disease.asymmetry", "disease.bulge"),
    "old-fractures": ("disease.old_fractures", "anatomy.real_fractures", "disease.sclerosis", "disease.depression"),
    "osteophytes": ("disease.osteophytes",),
    "cleft": ("disease.cleft",),
    "aorta": ("disease.aorta",),
    "osteoporosis": ("anatomy.osteoporosis",),
    "scoliosis": ("anatomy.scoliosis", "anatomy.listhesis"),
    "variants": ("anatomy.variants",),
    "blend": ("anatomy.blend",),
    "hardware": ("operation.after",),
    "rare-hardware": (
        "operation.vertebroplasty",
        "operation.long",
        "operation.index_screws",
        "operation.unilateral",
        "operation.fenestrated",
        "operation.cross_links",
        "operation.cages",
        "operation.leaks",
        "operation.voids",
        "operation.loosening",
    ),
    "lungs": ("tissue.lungs",),
    "gas": ("tissue.gas",),
    "ct": ("tissue.ct",),
    "limbs": ("tissue.breast", "tissue.arms", "tissue.folds"),
    "postures": ("film.postures",),
    "heel": ("film.heel",),
    "scatter": ("film.scatter", "film.grid"),
    "noise": ("film.noise", "film.blur"),
    "display": ("film.display", "film.squeezed", "film.inverted", "film.resampled", "film.jpeg"),
    "marks": ("film.collimation", "film.markers", "film.text", "film.scratches", "film.seams", "film.borders"),
}
"""Ingredient -> the keys of the recipe that are set to 0 to leave it out."""

SCREENED: dict[str, tuple[str, ...]] = {
    "fracture-forms": ("fracture-types", "old-fractures", "cleft"),
    "osteophytes": ("osteophytes",),
    "osteoporosis": ("osteoporosis",),
    "individuals": ("variants", "blend"),
    "alignment": ("scoliosis", "postures"),
    "implants": ("hardware", "rare-hardware"),
    "air": ("lungs", "gas"),
    "ct": ("ct",),
    "overlay": ("limbs", "aorta"),
    "physics": ("scatter", "noise", "heel"),
    "picture": ("display", "marks"),
}
"""Factors of the screening design and the ingredients of each; in the order of the design's columns."""

_FIRST_ROW = (True, True, False, True, True, True, False, False, False, True, False)

SCREENING: dict[str, tuple[str, ...]] = {
    f"screen-{run + 1:02d}": tuple(
        factor
        for column, factor in enumerate(SCREENED)
        if run < len(SCREENED) and _FIRST_ROW[(column - run) % len(SCREENED)]
    )
    for run in range(len(SCREENED) + 1)
}
"""Run -> factors left out: the 12 runs for 11 factors of Plackett and Burman (Biometrika 1946;33:305-325).

Six runs have a factor and six have not, and of each of these sixes three have any other factor: the effect of a factor
is a mean of six less a mean of six, whichever others are in. The last run leaves nothing out.
"""


@dataclass(frozen=True)
class Arm:
    """One way to make films.

    Attributes:
        name: also that of its folder.
        code: the tree whose simulator is used.
        options: of make_training_films.py, beside folder, number, seed and workers.
    """

    name: str
    code: Path
    options: tuple[str, ...]

    @property
    def is_ablation(self) -> bool:
        return self.name not in ENDS

    def training_seed(self, seed: int) -> int:
        """Seed of the network; every run of the screening has its own, so that chance is in the margin of error."""
        if self.name not in SCREENING:
            return seed
        return len(SCREENING) * (seed - 1) + list(SCREENING).index(self.name) + 1


def expand(names: Sequence[str]) -> list[str]:
    """The names with ``without-each`` and ``screen-each`` written out; stops at an unknown one."""
    single = tuple(f"without-{ingredient}" for ingredient in ABLATIONS)
    groups = {"without-each": single, "screen-each": tuple(SCREENING)}
    known = (*ENDS, *single, *SCREENING)
    out: list[str] = []
    for name in names:
        if name not in known and name not in groups:
            raise SystemExit(f"error: arm {name} is unknown; use {', '.join(known)}, {' or '.join(groups)}")
        out += groups.get(name, (name,))
    return list(dict.fromkeys(out))


def keys_left_out(name: str) -> tuple[str, ...]:
    """Keys of the recipe that are set to 0 in the arm of this name, each once."""
    if name in SCREENING:
        ingredients = [member for factor in SCREENING[name] for member in SCREENED[factor]]
    else:
        ingredients = [name.removeprefix("without-")]
    return tuple(dict.fromkeys(key for ingredient in ingredients for key in ABLATIONS[ingredient]))


def make_arm(
    name: str, out: Path, templates: Sequence[str], backgrounds: Sequence[str], changes: Sequence[str] = ()
) -> Arm:
    """The arm of this name; ablations leave their ingredient out of the richest films that can be made.

    Args:
        name: one of `ENDS` or of `SCREENING`, or ``without-`` and a key of `ABLATIONS`.
        out: folder of the comparison, where the first simulator is laid out.
        templates, backgrounds: outside anatomy and CTs.
        changes: ``key=value`` for the recipe of every arm.
    """
    if name == "first":
        if changes:
            raise SystemExit("error: the first simulator has no --set; leave it out, or the arm first")
        return Arm(name, out / "first-simulator", ("--templates", templates[0]) if templates else ())
    if name == "outside" and not (templates or backgrounds):
        raise SystemExit("error: arm outside needs --templates or --backgrounds; give some, or leave it out")
    if (name == "without-ct" or name in SCREENING) and not backgrounds:
        raise SystemExit(f"error: arm {name} needs --backgrounds; without them no film has tissue from a CT")
    options = [word for change in changes for word in ("--set", change)]
    if name == "own":
        return Arm(name, ROOT, tuple(options))
    options += [word for folder in templates for word in ("--templates", folder)]
    options += [word for path in backgrounds for word in ("--backgrounds", path)]
    if name != "outside":
        options += [word for key in keys_left_out(name) for word in ("--set", f"{key}=0")]
    return Arm(name, ROOT, tuple(options))


def lay_out_first_simulator(target: Path) -> None:
    """Check the first simulator out of the repository's own history, beside the films."""
    if not target.exists():
        command = ["git", "-C", str(ROOT), "worktree", "add", "--force", "--detach", str(target), FIRST_COMMIT]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise SystemExit(
                f"error: commit {FIRST_COMMIT} cannot be laid out ({made.stderr.strip()}); run this in a clone of the "
                "repository with its whole history, or leave the arm first out"
            )
    found = subprocess.run(["git", "-C", str(target), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if not found.stdout.startswith(FIRST_COMMIT):
        raise SystemExit(f"error: {target} holds no checkout of {FIRST_COMMIT}; remove it, it is laid out again")
