"""How a training ends that is stopped: one line, and the code of the signal."""

from __future__ import annotations

from pathlib import Path

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException

from kummell_ai.cli import exits
from kummell_ai.cli.train import trained


def as_after_ctrl_c() -> Path:
    """Lightning catches the interrupt, tidies up and exits with 1."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise SystemExit(1)  # noqa: B904 - as Lightning does


def as_after_sigterm() -> Path:
    raise SIGTERMException


def test_a_stopped_training_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    for train, code, told in (
        (as_after_ctrl_c, exits.INTERRUPTED, "interrupted"),
        (as_after_sigterm, exits.TERMINATED, "ended by a signal (SIGTERM)"),
    ):
        assert trained(train) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert line == f"kummell-ai: {told}; the same command goes on from the last checkpoint of the run"


def test_an_end_of_another_kind_stays(tmp_path: Path) -> None:
    def helped() -> Path:
        raise SystemExit(0)

    with pytest.raises(SystemExit) as ended:
        trained(helped)
    assert ended.value.code == 0
    assert trained(lambda: tmp_path) == exits.DONE
