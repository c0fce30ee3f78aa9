"""Train a network, as `kummell-ai train` does: python scripts/train.py configs/train.yaml [key=value ...]."""

from __future__ import annotations

import sys

from kummell_ai.cli.main import main

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(["train", *sys.argv[1:]]))
