"""Write a model folder from a checkpoint of a first stage: export_checkpoint.py CHECKPOINT OUT CONFIG [KEY=VALUE ...].

CONFIG gives the sizes of the network and the shards; what else the model card says is what the run recorded.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kummell_ai.training.run import export


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="such as runs/train/checkpoints/last.ckpt")
    parser.add_argument("out", type=Path, metavar="OUT", help="model folder to write")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="YAML file of the training")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE", help="changes to the configuration")
    args = parser.parse_args()
    print(export(args.checkpoint, args.out, args.config, args.overrides))


if __name__ == "__main__":
    from ending import end

    end(main)
