"""Which template bones a patient is made of: whose, blended with whose, and which real fracture stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.blend import SHARES, blend
from kummell_ai.synthesis.anatomy.bones import BoneTemplate

TemplateBank = Mapping[str, BoneTemplate]

OWN_LEAD = 0.4
"""Share of patients whose bones come first of all from the last bank, the project's own, when there are others."""

_SHORT_RIB = 0.5
"""Length of the rib of a 13th thoracic vertebra with regard to the twelfth."""


@dataclass(frozen=True, slots=True)
class BoneChoice:
    """How a patient's bones are picked.

    Attributes:
        order: banks to look in, one after the other.
        share: how far each bone goes toward the one of the next bank that has it; 0 for no blend.
        fractured: level whose template is a really fractured bone, kept as an old fracture.
    """

    order: tuple[TemplateBank, ...]
    share: float
    fractured: VertebralLevel | None

    def bone(self, level: VertebralLevel) -> BoneTemplate:
        """The template of a vertebra."""
        if level is self.fractured:
            return next(bank[level.value] for bank in self.order if _broken(bank, level))
        base, rest = _first(level, self.order)
        if self.share > 0.0:
            for bank in rest:
                if _usable(bank, level.value):
                    return blend(base, bank[level.value], self.share)
        return base


def choose_bones(
    banks: Sequence[TemplateBank],
    levels: Sequence[VertebralLevel],
    blended: float,
    broken: float,
    rng: np.random.Generator,
) -> BoneChoice:
    """Draw the patient's banks, blend and real fracture.

    Args:
        banks: of single individuals; the project's own last.
        levels: of the patient's spine.
        blended: share of patients whose bones lie between those of two banks.
        broken: share of patients with a really fractured template bone, where there is one.
        rng: source of the draws.
    """
    outside = [banks[i] for i in rng.permutation(len(banks) - 1)]
    own_first = bool(rng.random() < OWN_LEAD)
    order = (banks[-1], *outside) if own_first else (*outside, banks[-1])
    share = float(rng.choice(SHARES)) if rng.random() < blended else 0.0
    candidates = [level for level in levels if any(_broken(bank, level) for bank in banks)]
    keep = bool(rng.random() < broken) and len(candidates) > 0
    place = int(rng.integers(max(len(candidates), 1)))
    return BoneChoice(order, share, candidates[place] if keep else None)


def riding_bones(order: Sequence[TemplateBank], levels: Sequence[VertebralLevel]) -> tuple[BoneTemplate, ...]:
    """Bones without endplates, each from the first bank that has it; T13 carries a short pair of ribs of its own."""
    carriers, others = {level.value for level in levels}, dict[str, BoneTemplate]()
    for bank in order:
        for name, bone in bank.items():
            if not bone.has_rims and bone.anchor in carriers and name.lower() not in others:
                others[name.lower()] = bone
    if VertebralLevel.T13 in levels:
        for side in ("left", "right"):
            if (rib := others.get(f"rib_{side}_12")) is not None:
                others[f"rib_{side}_13"] = _short_rib(rib, f"rib_{side}_13")
    return tuple(others.values())


def _short_rib(rib: BoneTemplate, name: str) -> BoneTemplate:
    """The rib shrunk toward its head, on T13."""
    head = rib.vertices_mm[np.argmin(np.linalg.norm(rib.vertices_mm, axis=1))]
    return replace(rib, name=name, vertices_mm=head + _SHORT_RIB * (rib.vertices_mm - head), anchor="T13")


def _first(level: VertebralLevel, order: Sequence[TemplateBank]) -> tuple[BoneTemplate, Sequence[TemplateBank]]:
    """The bone of the first bank that has the level, or else the nearest level there is; and the banks after it."""
    for i, bank in enumerate(order):
        if _usable(bank, level.value):
            return bank[level.value], order[i + 1 :]
    found = [
        (abs(VertebralLevel.parse(n).index - level.index), i, n)
        for i, b in enumerate(order)
        for n in b
        if _usable(b, n)
    ]
    _, i, name = min(item for item in found if item[2] != "S1")
    return order[i][name], ()


def _usable(bank: TemplateBank, name: str) -> bool:
    return name in bank and bank[name].has_rims and not bank[name].fractured


def _broken(bank: TemplateBank, level: VertebralLevel) -> bool:
    return level.value in bank and bank[level.value].fractured
