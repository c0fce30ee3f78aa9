"""YOLO-pose of ultralytics, a class a level. Its licence is AGPL-3.0: for this comparison only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from scripts.benchmark.design import MAX_BODIES, NAMED, Body, Crop, Design, best_bodies, send
from scripts.benchmark.keypoint_rcnn import target


class YoloPose(Design):
    """YOLOv8n-pose with one input channel and the package's own loss."""

    title: ClassVar[str] = "YOLOv8n-pose"
    package: ClassVar[str | None] = "ultralytics"
    rate_source: ClassVar[str] = "AdamW 0.002 · 5 / (4 + classes), the package's `optimizer=auto`"

    def build(self) -> nn.Module:
        os.environ.setdefault("YOLO_OFFLINE", "true")
        from ultralytics.cfg import get_cfg
        from ultralytics.nn.tasks import PoseModel

        network = PoseModel("yolov8n-pose.yaml", ch=1, nc=len(NAMED), data_kpt_shape=(4, 3), verbose=False)
        network.args = get_cfg()
        return network

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        decayed = [p for p in network.parameters() if p.ndim > 1]
        plain = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=round(0.002 * 5 / (4 + len(NAMED)), 6), betas=(0.9, 0.999))

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        films = self.films(crops)
        with self.in_bfloat16():
            output = network(films)
        batch = {name: send(part, self.device) for name, part in _batch(films, crops).items()}
        loss, _ = network.loss(batch, _plain(output))
        return loss.sum()

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode(), self.in_bfloat16():
            output = network(film)
        rows = (output[0] if isinstance(output, tuple) else output)[0].float().cpu().T
        scores, classes = rows[:, 4 : 4 + len(NAMED)].max(dim=1)
        best = scores.topk(min(2 * MAX_BODIES, len(scores))).indices
        corners = rows[best, 4 + len(NAMED) :].reshape(-1, 4, 3)[..., :2].double().numpy()
        found = zip(corners, classes[best].tolist(), scores[best].tolist(), strict=True)
        return best_bodies([Body(points, NAMED[number], score) for points, number, score in found])


def _batch(films: Tensor, crops: Sequence[Crop]) -> dict[str, Tensor]:
    """What the package's loss reads: boxes as centre and size, all in shares of the film."""
    height, width = films.shape[2:]
    targets = [target(crop) for crop in crops]
    counts = torch.tensor([len(t["labels"]) for t in targets])
    boxes = torch.cat([t["boxes"] for t in targets]) / torch.tensor([width, height, width, height])
    keypoints = torch.cat([t["keypoints"] for t in targets])
    keypoints[..., :2] /= torch.tensor([width, height])
    return {
        "img": films,
        "batch_idx": torch.repeat_interleave(torch.arange(len(crops)), counts).float(),
        "cls": torch.cat([t["labels"] for t in targets]).float()[:, None] - 1.0,
        "bboxes": torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2.0, boxes[:, 2:] - boxes[:, :2]], dim=1),
        "keypoints": keypoints,
    }


def _plain(output: object) -> object:
    """The same nest of outputs in float32."""
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, dict):
        return {name: _plain(part) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(_plain(part) for part in output)
    return output
