import argparse
import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

from tests.training.fakes import fake_shards

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_batches.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("benchmark_batches", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_ways_are_timed(script, tmp_path, monkeypatch, capsys):
    shards = fake_shards(tmp_path / "films", 3, (96, 64))
    monkeypatch.setattr(sys, "argv", ["x", "--shards", str(shards), "--batch-size", "2", "--rounds", "1"])
    script.main()
    assert re.fullmatch(r"films: \d+ a second and worker, \d+ on (cpu|cuda): x \d+\.\d\n", capsys.readouterr().out)


def test_an_empty_folder_is_said(script, tmp_path):

    with pytest.raises(script.InputError, match="no crops in the folder given"):
        script.ways_of(argparse.Namespace(shards=None, crops=tmp_path), torch.device("cpu"))
