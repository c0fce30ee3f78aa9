"""What making a network ready saves: as trained (under autocast), folded, and packed, in turns in one process.

    python scripts/benchmark_inference.py --repeats 20

Prints, for both stages of a model, processor milliseconds a call (median) and the ratio to the network as trained, in
bfloat16 where the processor has it and in float32; and what the first call of a new size costs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kummell_ai.landmarks.checkpoint import load_bundle
from kummell_ai.landmarks.inference import for_inference, supports_bf16
from kummell_ai.landmarks.packing import can_pack, packed
from kummell_ai.shipped import default_model

CPU = torch.device("cpu")


def as_trained(network: nn.Module, bf16: bool) -> Callable[[Tensor], object]:
    def run(x: Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return network(x)

    return run


def ready(network: nn.Module, bf16: bool, pack: bool) -> Callable[[Tensor], object]:
    made = for_inference(network, CPU, bf16=bf16)
    made = packed(made) if pack else made
    return lambda x: made(x.to(torch.bfloat16 if bf16 else torch.float32))


def milliseconds(run: Callable[[Tensor], object], x: Tensor) -> float:
    start = time.process_time()
    run(x)
    return 1000.0 * (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--repeats", type=int, default=20, help="turns (default: 20)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(args.model or default_model())
    stages = [("first stage, film of 736 x 384", bundle.network, (1, 1, 736, 384))]
    if bundle.refiner is not None:
        stages.append(("second stage, 27 crops", bundle.refiner, (27, 1, 144, 160)))
    types = [("bfloat16", True)] * supports_bf16(CPU) + [("float32", False)]
    with torch.inference_mode():
        for title, network, shape in stages:
            x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
            x = x.to(memory_format=torch.channels_last)
            for name, bf16 in types:
                ways = {"as trained": as_trained(network, bf16), "folded": ready(network, bf16, False)}
                if can_pack():
                    ways["folded, packed"] = ready(network, bf16, True)
                took = [{way: milliseconds(run, x) for way, run in ways.items()} for _ in range(args.repeats + 1)]
                middle = {way: float(np.median([row[way] for row in took[1:]])) for way in ways}
                for way, value in middle.items():
                    share = value / middle["as trained"]
                    print(
                        f"{title:32}{name:10}{way:16}{value:7.1f} ms  x {share:.2f}  first call {took[0][way]:.0f} ms"
                    )


if __name__ == "__main__":
    from ending import end

    end(main)
