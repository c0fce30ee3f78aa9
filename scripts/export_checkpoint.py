"""Write a model folder from a checkpoint of a first stage: export_checkpoint.py CHECKPOINT OUT CONFIG [key=value ...].

CONFIG gives the sizes of the network and the shards; what else the model card says is what the run recorded.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kummell_ai.training.run import export


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    print(export(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))


if __name__ == "__main__":
    from ending import end

    end(main)
