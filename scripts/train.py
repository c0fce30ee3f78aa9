"""Train a network: python scripts/train.py configs/train.yaml [key=value ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from kummell_ai.errors import KummellError
from kummell_ai.training.run import train

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        print(train(Path(sys.argv[1]), sys.argv[2:]))
    except KummellError as error:
        sys.exit(f"error: {error}")
