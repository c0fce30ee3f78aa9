"""Films in, vertebral corners out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from kummell_ai.anatomy import Facing
from kummell_ai.errors import UsageError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.assembly import Uncertainty, assemble, average_passes
from kummell_ai.landmarks.channels import STRIDE
from kummell_ai.landmarks.checkpoint import Bundle, load_bundle
from kummell_ai.landmarks.engine import run_network, supports_bf16
from kummell_ai.landmarks.fitting import FitPlan, fit, plan_rows
from kummell_ai.landmarks.grouping import Candidate, decode
from kummell_ai.landmarks.passes import Pass, better_scale, facing_probabilities, spine_box, total_confidence
from kummell_ai.shipped import default_model

Precision = Literal["auto", "float32", "bfloat16"]

DECISIVE = 0.7
"""The two sides' probabilities differ by more than this share of their sum: no look at the spine is needed."""

TTA_SCALES = (0.88, 1.14)
"""Further scales that are averaged when ``tta`` is asked for."""


class Predictor:
    """Locates the vertebrae of lateral films.

    Args:
        bundle: the model.
        device: of torch.
        precision: ``auto`` takes bfloat16 where the processor has it.
        tta: whether results at three scales are averaged; slower, a little more exact.
    """

    def __init__(
        self, bundle: Bundle, *, device: str = "cpu", precision: Precision = "auto", tta: bool = False
    ) -> None:
        if precision not in ("auto", "float32", "bfloat16"):
            raise UsageError(f"precision {precision!r} is unknown; use auto, float32 or bfloat16", precision)
        self.bundle = bundle
        self.tta = tta
        self._device = torch.device(device)
        self._network = bundle.network.to(self._device)
        self._bf16 = precision == "bfloat16" or (precision == "auto" and supports_bf16(self._device))
        self._rows = int(bundle.info.get("rows", 512))
        self._usual_depth = float(bundle.info.get("usual_depth_px", 50.0))
        self._uncertainty = Uncertainty.from_info(bundle.info)

    @classmethod
    def load(
        cls, folder: Path | None = None, *, device: str = "cpu", precision: Precision = "auto", tta: bool = False
    ) -> Predictor:
        """Load a model folder; None is the one that comes with the program.

        Raises:
            CheckpointError: the folder is missing, damaged or made for another landmark order.
            UsageError: unknown precision.
        """
        return cls(load_bundle(folder or default_model()), device=device, precision=precision, tta=tta)

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""
        first, lateral = self._first_look(radiograph)
        passes = [self._refined(radiograph, first)]
        if self.tta and passes[0].bodies:
            plan = passes[0].plan
            passes += [self._run(radiograph, FitPlan(plan.scale * s, plan.mirror, plan.box)) for s in TTA_SCALES]
        bodies = average_passes(passes) if len(passes) > 1 else passes[0].bodies_px
        return assemble(radiograph, bodies, first.plan.mirror, lateral, self._uncertainty)

    def locate_many(self, radiographs: Iterable[Radiograph]) -> list[SpineLandmarks]:
        """`locate` for several films, in order; the next film is fetched while the network works on one."""
        results: list[SpineLandmarks] = []
        films = iter(radiographs)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(next, films, None)
            while (film := ahead.result()) is not None:
                ahead = pool.submit(next, films, None)
                results.append(self.locate(film))
        return results

    def _first_look(self, radiograph: Radiograph) -> tuple[Pass, float]:
        """The first pass, turned so that the front is left, and the probability that the film is lateral.

        The film is looked at straight and mirrored. The header's facing is trusted; without one the two looks decide,
        and where they do not, the one that finds the spine more surely.
        """
        straight = self._run(radiograph, plan_rows(radiograph, self._rows))
        turned = self._run(radiograph, plan_rows(radiograph, self._rows, mirror=True))
        left, right = facing_probabilities(straight.view, turned.view)
        if radiograph.facing is not Facing.UNKNOWN:
            is_right = radiograph.facing is Facing.RIGHT
        elif abs(right - left) > DECISIVE * (right + left):
            is_right = right > left
        else:
            is_right = total_confidence(turned) > total_confidence(straight)
        return (turned if is_right else straight), float(np.sqrt(max(left, right)))

    def _refined(self, radiograph: Radiograph, first: Pass) -> Pass:
        """The pass at the scale the network was trained for, when the first was far from it and it is better."""
        tries = better_scale(first, self._usual_depth, self._rows)
        best = first
        for scale in tries:
            box = spine_box(first, radiograph, scale)
            second = self._run(radiograph, FitPlan(scale, first.plan.mirror, box))
            if total_confidence(second) >= 0.9 * total_confidence(best) and second.bodies:
                best = second
        return best

    def _run(self, radiograph: Radiograph, plan: FitPlan) -> Pass:
        film = fit(radiograph, plan)
        batch = torch.from_numpy(film.pixels)[None, None].to(self._device)
        maps = run_network(self._network, batch, bf16=self._bf16)[0]
        bodies: Sequence[Candidate] = decode(maps, STRIDE)
        rows, columns = film.content
        shown = [b for b in bodies if (b.centre_px < np.array([columns, rows])).all()]
        return Pass(plan, film.to_network, tuple(shown), maps.view.astype(np.float64))
