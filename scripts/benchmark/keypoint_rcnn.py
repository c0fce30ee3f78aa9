"""Keypoint R-CNN of torchvision, a class a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from scripts.benchmark.design import NAMED, Body, Crop, Design, best_bodies, box_of, class_of, send


class KeypointRCNN(Design):
    """ResNet-18 FPN; fewer regions and narrower heads than the package's, whose 512-channel heads take minutes a step.

    Batch norm is trained, since there are no weights to freeze.
    """

    title: ClassVar[str] = "keypoint R-CNN"
    package: ClassVar[str | None] = "torchvision"
    batch_size: ClassVar[int] = 4
    rate_source: ClassVar[str] = (
        "SGD 0.02 for 16 films, here 0.005 for 4, the package's `references/detection/train.py`"
    )

    def build(self) -> nn.Module:
        from torchvision.models.detection import KeypointRCNN as Network
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        from torchvision.models.detection.faster_rcnn import TwoMLPHead
        from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor

        backbone = resnet_fpn_backbone(
            backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
        )
        backbone.body.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        width = backbone.out_channels
        return Network(
            _InBfloat16(backbone),
            num_classes=None,
            image_mean=[0.0],
            image_std=[1.0],
            _skip_resize=True,
            rpn_pre_nms_top_n_train=500,
            rpn_pre_nms_top_n_test=300,
            rpn_post_nms_top_n_train=200,
            rpn_post_nms_top_n_test=100,
            box_batch_size_per_image=64,
            box_detections_per_img=30,
            box_score_thresh=0.02,
            box_head=_InBfloat16(TwoMLPHead(width * 49, 512)),
            box_predictor=_predictor(512),
            keypoint_head=_InBfloat16(KeypointRCNNHeads(width, (256,) * 4)),
            keypoint_predictor=KeypointRCNNPredictor(256, 4),
        )

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), lr=0.005, momentum=0.9, weight_decay=1e-4)

    def loss(self, network: nn.Module, crops: Sequence[Crop]) -> Tensor:
        targets = [{name: send(part, self.device) for name, part in target(crop).items()} for crop in crops]
        losses: dict[str, Tensor] = network(list(self.films(crops)), targets)
        return torch.stack(list(losses.values())).sum()

    def locate(self, network: nn.Module, film: Tensor) -> list[Body]:
        with torch.inference_mode():
            found = {name: part.cpu() for name, part in network([film[0]])[0].items()}
        points = found["keypoints"][..., :2].double().numpy()
        rows = zip(points, found["labels"].tolist(), found["scores"].tolist(), strict=True)
        return best_bodies([Body(corners, NAMED[label - 1], score) for corners, label, score in rows])


class _InBfloat16(nn.Module):
    """A part that computes in bfloat16 and gives float32; boxes and scores stay in float32."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part
        self.out_channels = getattr(part, "out_channels", None)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            out = self.part(x)
        return {name: part.float() for name, part in out.items()} if isinstance(out, dict) else out.float()


def target(crop: Crop) -> dict[str, Tensor]:
    """Boxes, labels from 1 and keypoints (K, 4, 3) of the bodies with three corners or more on the crop."""
    height, width = crop.image.shape
    boxes, labels, keypoints = [], [], []
    for points, level, seen in zip(crop.points_px, crop.levels, crop.seen, strict=True):
        number = class_of(level)
        if number is None or seen.sum() < 3:
            continue
        known = np.clip(points[np.isfinite(points).all(axis=1)], 0.0, [width, height])
        boxes.append(box_of(known))
        labels.append(number + 1)
        keypoints.append(np.concatenate([np.where(seen[:, None], points, 0.0), seen[:, None]], axis=1))
    return {
        "boxes": torch.tensor(np.array(boxes).reshape(-1, 4), dtype=torch.float32),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "keypoints": torch.tensor(np.array(keypoints).reshape(-1, 4, 3), dtype=torch.float32),
    }


def _predictor(width: int) -> nn.Module:
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor

    predictor: nn.Module = FastRCNNPredictor(width, 1 + len(NAMED))
    return predictor
