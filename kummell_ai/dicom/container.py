"""From the bytes of a DICOM file to a data set, with caps that hold before anything is inflated."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset

from kummell_ai.dicom.limits import DAMAGE, MAX_INFLATED_BYTES
from kummell_ai.errors import InputError

_DEFLATED = bytes(uid.DeflatedExplicitVRLittleEndian, "ascii")


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that starts with ``head`` is DICOM, with the usual preamble or without one.

    >>> looks_like_dicom(bytes(128) + b"DICM")
    True
    """
    return _has_preamble(head) or head[:2] in (b"\x02\x00", b"\x08\x00")


def read_container(data: bytes, name: str) -> FileDataset:
    """The data set in ``data``.

    Raises:
        InputError: damaged, or it would inflate beyond the cap.
    """
    with damage_is_input_error(name, "the DICOM header"):
        dataset = _read_deflated(data, name)
        if dataset is None:
            dataset = dcmread(BytesIO(data), force=not _has_preamble(data))
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = _native_syntax(dataset)
    return dataset


def _has_preamble(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def _native_syntax(dataset: FileDataset) -> uid.UID:
    implicit, little = dataset.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _read_deflated(data: bytes, name: str) -> FileDataset | None:
    """The data set of a deflated file, inflated under the cap; None when the file is not deflated.

    pydicom inflates without a cap, so that no deflated file may reach ``dcmread``.
    """
    if _DEFLATED not in data:
        return None
    source = BytesIO(data)
    source.seek(132 if _has_preamble(data) else 0)
    meta = read_dataset(source, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
    for element in list(meta.elements()):
        try:
            meta[element.tag]
        except NotImplementedError as error:
            raise InputError(f"{name}: the file meta header is damaged; export the film again") from error
    if meta.get("TransferSyntaxUID") != uid.DeflatedExplicitVRLittleEndian:
        return None
    inflated = _inflate(memoryview(data)[source.tell() :], name)
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = read_dataset(BytesIO(inflated), False, True)
    return FileDataset(BytesIO(), dataset, data[:128], FileMetaDataset(meta), False, True)


def _inflate(packed: memoryview, name: str) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = unpacker.decompress(packed, MAX_INFLATED_BYTES)
    if unpacker.eof:
        return inflated
    if unpacker.unconsumed_tail:
        raise InputError(
            f"{name}: the deflated file grows beyond {MAX_INFLATED_BYTES / (1 << 20):.0f} MiB, which no film needs; "
            "export it without deflate",
            len(packed),
        )
    raise InputError(f"{name}: the deflated data ends too early; the file is truncated, export it again")


@contextmanager
def damage_is_input_error(name: str, part: str) -> Iterator[None]:
    """Turn what the libraries raise on damaged data into one `InputError`, and keep their warnings quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{name}: {part} cannot be read ({reason}); the file is damaged, export it again") from error


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of ``keyword`` as a finite float, or None when it is absent or no number."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values of ``keyword`` as floats; empty when it is absent or any value is no finite number."""
    value = element_value(dataset, keyword)
    if value is None:
        return ()
    items = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else (value,)
    try:
        found = tuple(float(v) for v in items)
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(map(math.isfinite, found)) else ()


def text(dataset: Dataset, keyword: str) -> str | None:
    """``keyword`` as stripped text without control characters, or None when it is absent or empty."""
    value = element_value(dataset, keyword)
    if value is None:
        return None
    cleaned = "".join(c if c.isprintable() else " " for c in str(value)).strip()
    return cleaned or None


def element_value(dataset: Dataset, keyword: str) -> Any:
    """The value of ``keyword``, or None when it is absent or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataset.get(keyword)
    except DAMAGE:
        return None
