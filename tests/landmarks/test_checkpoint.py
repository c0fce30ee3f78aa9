import errno
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kummell_ai.errors import CheckpointError
from kummell_ai.landmarks.checkpoint import add_refiner, load_bundle, save_bundle
from kummell_ai.landmarks.network import KeypointNetwork, NetworkSizes
from kummell_ai.landmarks.refiner import RefinerNetwork, RefinerSizes
from kummell_ai.shipped import default_model

SIZES = NetworkSizes(deepest=32, context=16, decoder=16, level=16)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    return save_bundle(tmp_path / "model", KeypointNetwork(SIZES), {"name": "tiny", "metrics": {"error": float("nan")}})


def change(folder, **values):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_saved_network_answers_as_before(folder):
    torch.manual_seed(0)
    before = KeypointNetwork(SIZES).eval()
    bundle = load_bundle(folder)
    film = torch.randn(1, 1, 64, 96)
    with torch.inference_mode():
        first, second = before(film), bundle.network(film)
    # weights are kept as float16: 11 bits of mantissa
    torch.testing.assert_close(first.corners, second.corners, atol=0.02, rtol=0.02)
    assert first.centre.shape == (1, 1, 16, 24)
    assert (bundle.name, len(bundle.weights_sha256)) == ("tiny", 64)


def test_the_hash_follows_what_results_depend_on(folder):
    before = load_bundle(folder).weights_sha256
    change(folder, metrics={"error": 1.0}, data="other films")
    assert load_bundle(folder).weights_sha256 == before
    change(folder, covariance_scale=[2.0, 1.0, 1.0, 1.0])
    assert load_bundle(folder).weights_sha256 != before


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, None),
        ({"films": 9}, "simulated films"),
        ({"films": 9, "simulated": True}, "simulated films"),
        ({"films": 9, "simulated": False}, "annotated films"),
    ],
)
def test_what_the_intervals_were_set_on(folder, made, told):
    change(folder, calibration=made)
    assert load_bundle(folder).calibrated_on == told


def test_the_card_says_what_the_model_is_not(folder):
    assert "not a medical device" in (folder / "README.md").read_text()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere holds no model\.json"):
        load_bundle(tmp_path / "nowhere")


def test_another_landmark_order_is_refused(folder):
    change(folder, landmarks=["a", "b", "c", "d"])
    with pytest.raises(CheckpointError, match="says landmarks"):
        load_bundle(folder)


def test_another_network_is_refused(folder):
    change(folder, network={**SIZES.as_dict(), "decoder": 24})
    with pytest.raises(CheckpointError, match="does not fit"):
        load_bundle(folder)


def without_hashes(folder):
    path = folder / "model.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "sha256"}))


def refused(folder, match):
    with pytest.raises(CheckpointError, match=match) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_weights_that_are_none_are_refused(folder):
    (folder / "weights.safetensors").write_bytes(b"not weights")
    without_hashes(folder)
    refused(folder, "cannot be read")


@pytest.mark.parametrize("name", ["weights.safetensors", "refiner.safetensors"])
def test_changed_weights_are_refused(folder, name):
    add_refiner(folder, RefinerNetwork(RefinerSizes(16, 16, 16, 16)), {})
    assert set(json.loads((folder / "model.json").read_text())["sha256"]) == {
        "weights.safetensors",
        "refiner.safetensors",
    }
    assert load_bundle(folder).refiner is not None
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: -len(data) // 4] + bytes(len(data) - len(data[: -len(data) // 4])))
    refused(folder, rf"{name} is not the file that model\.json names \(sha256\); copy the folder again")


def test_a_model_without_hashes_loads(folder):
    without_hashes(folder)
    assert load_bundle(folder).name == "tiny"


def test_the_shipped_weights_are_the_ones_their_recipe_names():
    folder = default_model()
    named = json.loads((folder / "model.json").read_text())["sha256"]
    assert named == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("weights.safetensors", "refiner.safetensors")
    }


def test_weights_that_are_not_finite_are_refused(folder):
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, path)
    without_hashes(folder)
    refused(folder, "are not finite; copy the folder again")


@pytest.mark.parametrize("width", [-8, 0, "16", 16.0, None, True, 10**9])
def test_sizes_that_no_network_has_are_refused(folder, width):
    change(folder, network={**SIZES.as_dict(), "decoder": width})
    refused(folder, "names no sizes")


@pytest.mark.parametrize("network", [None, [], "x", {}, {"other": 1}])
def test_a_recipe_without_sizes_is_refused(folder, network):
    change(folder, network=network)
    refused(folder, "names no sizes|does not fit")


def test_hashes_that_are_none_are_refused(folder):
    change(folder, sha256=[1])
    refused(folder, "sha256 is no table")


def test_a_deeply_nested_recipe_is_refused(folder):
    (folder / "model.json").write_text('{"a":' * 100_000)
    refused(folder, "cannot be read")


def test_a_damaged_recipe_is_refused(folder):
    (folder / "model.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_bundle(folder)


def test_a_recipe_that_is_no_table_is_refused(folder):
    (folder / "model.json").write_text("[]")
    with pytest.raises(CheckpointError, match="holds no recipe"):
        load_bundle(folder)


def test_the_second_stage_stays_behind_the_same_first_stage_only(tmp_path):
    network = KeypointNetwork(SIZES)
    folder = save_bundle(tmp_path / "model", network, {"name": "first"})
    add_refiner(folder, RefinerNetwork(RefinerSizes(16, 16, 16, 16)), {"steps": 7})
    change(folder, interval_factors={"cobb": {}}, calibration={"films": 9})
    save_bundle(folder, network, {"name": "second"})
    bundle = load_bundle(folder)
    assert bundle.refiner is not None
    assert (bundle.name, bundle.info["refiner"]["steps"], bundle.calibrated_on) == ("second", 7, "simulated films")
    save_bundle(folder, KeypointNetwork(SIZES), {"name": "third"})  # other random weights
    bundle = load_bundle(folder)
    assert bundle.refiner is None
    assert not {"refiner", "interval_factors", "calibration"} & bundle.info.keys()
    assert not (folder / "refiner.safetensors").exists()


def test_a_disk_that_fills_up_leaves_the_old_model(tmp_path, monkeypatch):
    folder = save_bundle(tmp_path / "model", KeypointNetwork(SIZES), {"name": "old"})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write = Path.write_bytes

    def fill_up(path, data):
        if path.name.startswith("model.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(folder, KeypointNetwork(SIZES), {"name": "new"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
