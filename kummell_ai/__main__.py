"""``python -m kummell_ai``, the same as ``kummell-ai``."""

from __future__ import annotations

import sys

from kummell_ai.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
