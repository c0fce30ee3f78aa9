"""Films in, vertebral corners out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from kummell_ai.anatomy import Facing
from kummell_ai.errors import CheckpointError, UsageError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.assembly import Uncertainty, assemble, calibrated
from kummell_ai.landmarks.channels import STRIDE, VIEWS
from kummell_ai.landmarks.checkpoint import Bundle, load_bundle
from kummell_ai.landmarks.engine import run_network
from kummell_ai.landmarks.fitting import FitPlan, fit, plan_rows
from kummell_ai.landmarks.grouping import Candidate, decode, one_in_a_place
from kummell_ai.landmarks.inference import for_inference, supports_bf16, usable_device
from kummell_ai.landmarks.passes import (
    SHAPE_LEFT,
    Pass,
    average_corners,
    average_names,
    better_plans,
    facing_probabilities,
    is_certain,
    join,
    lateral_probability,
    rescaled,
    spine_box,
    stretch_beyond,
    total_confidence,
)
from kummell_ai.landmarks.polarity import LIMIT, bone_contrast
from kummell_ai.landmarks.second_stage import LOOKS, refine
from kummell_ai.landmarks.turn import CLEARLY, is_row, quarter_turned, row_score
from kummell_ai.shipped import default_model

Precision = Literal["auto", "float32", "bfloat16"]

DECISIVE = 0.7
"""The two sides' probabilities differ by more than this share of their sum: no look at the spine is needed."""

SURELY_LATERAL = 0.9
"""Below this probability of a lateral view, the view is judged once more at the better scale."""

SECOND_SHARE = 0.85
"""Share of the first look's confidence that a second look at a better scale must reach."""

FURTHER_LOOKS = 2
"""How often a stretched picture is looked at again at most, after the second look."""

TTA_SCALES = (0.88, 1.14)
"""Further scales that are averaged when ``tta`` is asked for."""


MAX_SIZE_PX = 4096.0
"""Network rows, or depth of a body in them, beyond which model.json is damaged."""


class Predictor:
    """Locates the vertebrae of lateral films.

    Args:
        bundle: the model.
        device: of torch, such as ``cuda``.
        precision: ``auto`` takes bfloat16 where the processor has it.
        tta: whether results at three scales are averaged: slower, some 6 % less error of angles.
    """

    def __init__(self, bundle: Bundle, *, device: str = "cpu", precision: Precision = "auto", tta: bool = True) -> None:
        if precision not in ("auto", "float32", "bfloat16"):
            raise UsageError(f"precision {precision!r} is unknown; use auto, float32 or bfloat16", precision)
        self.bundle = bundle
        self.precision = precision
        self.tta = tta
        self.device = device
        self._device = usable_device(device)
        bf16 = precision == "bfloat16" or (precision == "auto" and supports_bf16(self._device))
        self._network = for_inference(bundle.network, self._device, bf16=bf16)
        refiner = bundle.refiner
        self._refiner = None if refiner is None else for_inference(refiner, self._device, bf16=bf16, one_size=True)
        self._rows = int(_size(bundle, "rows", 512.0))
        self._usual_depth = _size(bundle, "usual_depth_px", 50.0)
        self._uncertainty = Uncertainty.from_info(bundle.info)

    @classmethod
    def load(
        cls, folder: Path | None = None, *, device: str = "cpu", precision: Precision = "auto", tta: bool = True
    ) -> Predictor:
        """Load a model folder; None is the one that comes with the program.

        Raises:
            CheckpointError: the folder is missing, damaged or made for another landmark order.
            UsageError: unknown precision, or a device that cannot be used.
        """
        return cls(load_bundle(folder or default_model()), device=device, precision=precision, tta=tta)

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""
        return calibrated(self.locate_uncalibrated(radiograph), self._uncertainty, radiograph.spacing)

    def locate_uncalibrated(self, radiograph: Radiograph) -> SpineLandmarks:
        """`locate` with the covariances as the network gives them, which `calibrated` makes true to its errors."""
        first, lateral = self._first_look(radiograph)
        inverted = False
        if _contrast(radiograph, first) < -LIMIT:
            exchanged = replace(radiograph, pixels=1.0 - radiograph.pixels)
            look, probability = self._first_look(exchanged)
            inverted = _contrast(exchanged, look) > LIMIT
            if inverted:
                radiograph, first, lateral = exchanged, look, probability
        found = self._located(radiograph, first, lateral)
        return replace(found, inverted=inverted, needed_turns=self._needed_turns(radiograph, first))

    def _needed_turns(self, radiograph: Radiograph, first: Pass) -> int:
        """Right angles counter-clockwise that bring the head to the top; 0 where nothing clearly speaks for a turn."""
        if is_row(first.bodies):
            return 0
        scores = {0: row_score(first.bodies)}
        for turns, clearly in CLEARLY.items():
            look, _ = self._first_look(quarter_turned(radiograph, turns))
            scores[turns] = row_score(look.bodies) / clearly if is_row(look.bodies) else 0.0
        return max(scores, key=lambda turns: scores[turns])

    def _located(self, radiograph: Radiograph, first: Pass, lateral: float) -> SpineLandmarks:
        """The vertebrae, with the network's own covariances, after the first look."""
        best = self._refined(radiograph, first)
        if best is not first and lateral < SURELY_LATERAL:
            mirrored = self._run(radiograph, replace(best.plan, mirror=not best.plan.mirror))
            lateral = max(lateral, lateral_probability(best, mirrored))
        bodies = best.bodies_px if best is first else join(best.bodies_px, first.bodies_px)
        looks = [first.bodies_px] if best is first else [best.bodies_px, first.bodies_px]
        if self.tta and bodies:
            plans = [replace(best.plan, scale=best.plan.scale * s) for s in TTA_SCALES]
            further = [self._run(radiograph, plan).bodies_px for plan in plans]
            bodies, looks = average_corners(bodies, further), looks + further
        bodies = average_names(bodies, looks)
        if self._refiner is not None:
            bodies = refine(
                radiograph,
                bodies,
                self._refiner,
                mirror=first.plan.mirror,
                stretch=best.plan.stretch,
                looks=len(LOOKS) if self.tta else 1,
            )
        return assemble(radiograph, one_in_a_place(bodies), first.plan.mirror, lateral, best.plan.stretch)

    def _first_look(self, radiograph: Radiograph) -> tuple[Pass, float]:
        """The first pass, turned so that the front is left, and the probability that the film is lateral.

        The film is looked at as the header has it and mirrored, unless the first look is beyond doubt. The two looks
        decide; where they do not, the header's facing, and without one the look that finds the spine more surely.
        """
        expected = self._run(radiograph, plan_rows(radiograph, self._rows, radiograph.facing is Facing.RIGHT))
        if is_certain(expected):
            return expected, float(expected.view[VIEWS.index("left")])
        other = self._run(radiograph, plan_rows(radiograph, self._rows, not expected.plan.mirror))
        straight, turned = (other, expected) if expected.plan.mirror else (expected, other)
        left, right = facing_probabilities(straight.view, turned.view)
        lateral = lateral_probability(straight, turned)
        if abs(right - left) > DECISIVE * (right + left):
            is_right = right > left
        elif radiograph.facing is not Facing.UNKNOWN:
            is_right = radiograph.facing is Facing.RIGHT
        else:
            is_right = total_confidence(turned) > total_confidence(straight)
        return (turned if is_right else straight), lateral

    def _refined(self, radiograph: Radiograph, first: Pass) -> Pass:
        """The pass at the best scale, or ``first`` when that shows the spine no less surely than others.

        What a stretched picture needs is told too small by bodies that were located on it, so it is looked at until it
        needs no more.
        """
        best = first
        for plan in better_plans(first, self._usual_depth, radiograph.spacing.is_metric):
            best = self._better(radiograph, best, replace(plan, box=spine_box(first, radiograph, plan.scale)))
        for _ in range(FURTHER_LOOKS if best.plan.stretch != 1.0 else 0):
            stretch = stretch_beyond(best, SHAPE_LEFT)
            if stretch == 1.0:
                break
            plan = rescaled(best, self._usual_depth, stretch)
            again = self._better(radiograph, best, replace(plan, box=spine_box(best, radiograph, plan.scale)))
            if again is best:
                break
            best = again
        return best

    def _better(self, radiograph: Radiograph, best: Pass, plan: FitPlan) -> Pass:
        """The look by ``plan``, or ``best`` when that shows the spine clearly more surely."""
        look = self._run(radiograph, plan)
        is_better = bool(look.bodies) and total_confidence(look) >= SECOND_SHARE * total_confidence(best)
        return look if is_better else best

    def _run(self, radiograph: Radiograph, plan: FitPlan) -> Pass:
        film = fit(radiograph, plan)
        batch = torch.from_numpy(film.pixels)[None, None].to(self._device)
        maps = run_network(self._network, batch)[0]
        bodies: Sequence[Candidate] = decode(maps, STRIDE)
        rows, columns = film.content
        shown = [b for b in bodies if (b.centre_px < np.array([columns, rows])).all()]
        return Pass(plan, film.to_network, tuple(shown), maps.view.astype(np.float64))


def _contrast(radiograph: Radiograph, look: Pass) -> float:
    return bone_contrast(radiograph.pixels, [body.points_px for body in look.bodies_px])


def _size(bundle: Bundle, key: str, usual: float) -> float:
    """The size (network px) that a model's recipe has under ``key``; ``usual`` where it says nothing.

    Raises:
        CheckpointError: it is no number of 1 to 4096.
    """
    size = bundle.info.get(key, usual)
    if isinstance(size, bool) or not isinstance(size, int | float) or not 1.0 <= size <= MAX_SIZE_PX:
        told = repr(size)[:40]
        raise CheckpointError(
            f"model.json of {bundle.name} says {key} = {told}, 1 to {MAX_SIZE_PX:g} px are expected; "
            "copy the model folder again",
            told,
        )
    return float(size)
