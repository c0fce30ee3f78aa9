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
from kummell_ai.landmarks.channels import STRIDE, VIEWS
from kummell_ai.landmarks.checkpoint import Bundle, load_bundle
from kummell_ai.landmarks.engine import run_network, supports_bf16
from kummell_ai.landmarks.fitting import FitPlan, FittedFilm, fit, plan_rows
from kummell_ai.landmarks.grouping import Candidate, decode
from kummell_ai.landmarks.passes import Pass, better_scale, spine_box, total_confidence

Precision = Literal["auto", "float32", "bfloat16"]

DEFAULT_MODEL = Path(__file__).resolve().parents[2] / "checkpoints" / "kummell-corners"
"""The model folder that comes with the program."""

AMBIGUOUS = 0.15
"""Below this probability of a side (of the two lateral ones) the other side is taken without a second look."""

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
        return cls(load_bundle(folder or DEFAULT_MODEL), device=device, precision=precision, tta=tta)

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""
        first = self._facing_pass(radiograph)
        passes = [self._refined(radiograph, first)]
        if self.tta and passes[0].bodies:
            plan = passes[0].plan
            passes += [self._run(radiograph, FitPlan(plan.scale * s, plan.mirror, plan.box)) for s in TTA_SCALES]
        bodies = average_passes(passes) if len(passes) > 1 else passes[0].bodies_px
        return assemble(radiograph, bodies, first, self._uncertainty)

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

    def _facing_pass(self, radiograph: Radiograph) -> Pass:
        """The first pass, turned so that the front is left."""
        if radiograph.facing is not Facing.UNKNOWN:
            return self._run(radiograph, plan_rows(radiograph, self._rows, radiograph.facing is Facing.RIGHT))
        straight = self._run(radiograph, plan_rows(radiograph, self._rows))
        left, right = (float(straight.view[VIEWS.index(side)]) for side in ("left", "right"))
        share = right / max(left + right, 1e-9)
        if share < AMBIGUOUS:
            return straight
        turned = self._run(radiograph, plan_rows(radiograph, self._rows, mirror=True))
        if share > 1.0 - AMBIGUOUS:
            return turned
        return max(straight, turned, key=total_confidence)

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
        return self._run_fitted(fit(radiograph, plan), plan)

    def _run_fitted(self, film: FittedFilm, plan: FitPlan) -> Pass:
        batch = torch.from_numpy(film.pixels)[None, None].to(self._device)
        maps = run_network(self._network, batch, bf16=self._bf16)[0]
        bodies: Sequence[Candidate] = decode(maps, STRIDE)
        rows, columns = film.content
        shown = [b for b in bodies if (b.centre_px < np.array([columns, rows])).all()]
        return Pass(plan, film.to_network, tuple(shown), maps.view.astype(np.float64))
