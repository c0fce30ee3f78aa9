"""Tables as Parquet, for programs that read columns; pyarrow is an extra of the installation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from kummell_ai.reporting.table import Cell, Row

ABSENT = (
    "no Parquet files: pyarrow is not installed; pip install 'kummell-ai[parquet]' adds them, the CSV hold the same"
)


def to_parquet(columns: Sequence[str], rows: Sequence[Row]) -> bytes | None:
    """The table with typed columns (text, whole numbers, numbers), missing cells null; None where pyarrow is absent."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return None
    arrays = {}
    for name in columns:
        cells = [row.get(name) for row in rows]
        arrays[name] = pa.array(cells, type=_type_of(cells, pa))
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays), buffer)
    return buffer.getvalue()


def _type_of(cells: Sequence[Cell], pa: Any) -> Any:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()
