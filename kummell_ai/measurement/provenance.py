"""What made a result, so that every output explains itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import kummell_ai
from kummell_ai.measurement.results import Provenance

DEFINITIONS_VERSION = "1.3"
"""Version of docs/definitions.md; it changes when a number could change."""


def build_provenance(
    *,
    model: str = "manual",
    weights_sha256: str | None = None,
    input_sha256: Iterable[str | None] = (),
    options: Mapping[str, object] | None = None,
    calibrated_on: str | None = None,
    created: dt.datetime | None = None,
) -> Provenance:
    """Provenance of a result made now, by this version.

    Args:
        model: name of the model folder, or ``manual`` for points set by hand.
        weights_sha256: hash of the weights, hex.
        input_sha256: hashes of the films used, in order.
        options: options that change numbers; they are sorted by name and written as text.
        calibrated_on: what the intervals were set on.
        created: time with a zone; now when absent.

    Raises:
        ValueError: ``created`` has no time zone.
    """
    moment = dt.datetime.now(dt.UTC) if created is None else created
    if moment.tzinfo is None:
        raise ValueError(f"created is {moment.isoformat()} without a time zone; give one, for example UTC")
    return Provenance(
        software=f"kummell_ai {kummell_ai.__version__}",
        model=model,
        weights_sha256=weights_sha256,
        created=moment.astimezone(dt.UTC),
        definitions=DEFINITIONS_VERSION,
        input_sha256=tuple(input_sha256),
        options=tuple((name, str(value)) for name, value in sorted((options or {}).items())),
        calibrated_on=calibrated_on,
    )
