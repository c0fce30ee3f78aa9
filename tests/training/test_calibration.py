import numpy as np
import pytest

from kummell_ai.errors import InputError
from kummell_ai.landmarks.checkpoint import Bundle, read_info, save_bundle
from kummell_ai.landmarks.network import KeypointNetwork, NetworkSizes
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.training import calibration
from kummell_ai.training.samples import ShardWriter, TrainingFilm
from tests.landmarks.fake_network import OracleNetwork, Scene

SIZES = NetworkSizes(deepest=32, context=16, decoder=16, level=16)
SCENE = Scene()


@pytest.fixture
def model(tmp_path):
    return save_bundle(tmp_path / "model", KeypointNetwork(SIZES), {"usual_depth_px": 39.0})


@pytest.fixture
def shards(tmp_path):
    """Films of one scene whose truth is moved by 2 px (standard deviation) from where the oracle sees the corners."""
    rng = np.random.default_rng(0)
    image = np.round(255 * SCENE.radiograph().pixels).astype(np.uint8)
    count = len(SCENE.points_px)
    none = np.zeros(count, dtype=bool)
    with ShardWriter(tmp_path / "shards") as writer:
        for seed in range(20):
            points = (SCENE.points_px + rng.normal(0.0, 2.0, SCENE.points_px.shape)).astype(np.float32)
            level = np.arange(13, 13 + count, dtype=np.int8)
            writer.append(TrainingFilm(image, points, level, none, none, none, "left", 0.5, seed))
    return tmp_path / "shards"


def test_factors_are_written_so_that_the_errors_are_covered(model, shards, monkeypatch):
    oracle = Predictor(Bundle("oracle", OracleNetwork(SCENE), read_info(model), ""), precision="float32")
    monkeypatch.setattr(calibration.Predictor, "load", lambda folder: oracle)
    calibration.calibrate(model, shards)
    scale = np.array(read_info(model)["covariance_scale"])
    body = oracle.locate(SCENE.radiograph()).vertebrae[2]
    floor = (calibration.FLOOR_SHARE * body.depth_px) ** 2
    variance = np.trace(body.covariance_px, axis1=1, axis2=2) / 2 * scale + floor
    # 120 errors a corner know their variance to some 25 %
    np.testing.assert_allclose(variance, 4.0, rtol=0.5)


def test_too_few_vertebrae_are_said(model, shards, monkeypatch):
    oracle = Predictor(Bundle("oracle", OracleNetwork(SCENE), read_info(model), ""), precision="float32")
    monkeypatch.setattr(calibration.Predictor, "load", lambda folder: oracle)
    with pytest.raises(InputError, match="12 matched vertebrae; 100 are needed"):
        calibration.calibrate(model, shards, films=2)
