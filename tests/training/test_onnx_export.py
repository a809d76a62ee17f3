"""The exported network paints what PyTorch's paints, at sizes other than the one it was exported at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.test_model_file import example, written
from videostyle.config import ExportJob
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.models.model_file import to_bytes
from videostyle.models.transformer_net import load_network

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    from videostyle.training.onnx_export import export

    path = written(tmp_path_factory.mktemp("exported"), to_bytes(example()))
    export(ExportJob(learned=path))
    return path


@pytest.mark.parametrize("size", [(64, 96), (16, 16), (180, 320), (44, 20)])
def test_onnxruntime_paints_what_pytorch_paints(exported, size):
    picture = np.random.default_rng(0).random((1, 3, *size), np.float32)
    session = onnxruntime.InferenceSession(str(exported.with_suffix(".onnx")), providers=["CPUExecutionProvider"])
    (found,) = session.run(["painting"], {"picture": picture})
    np.testing.assert_allclose(found, load_network(exported, "cpu")(torch.from_numpy(picture)).numpy(), atol=2e-4)


def test_what_is_there_stays_and_what_is_no_painting_is_refused(exported, tmp_path):
    from videostyle.training.onnx_export import export

    with pytest.raises(BadOutput, match="exists"):
        export(ExportJob(learned=exported))
    with pytest.raises(BadInput):
        export(ExportJob(learned=written(tmp_path, b"no"), output=tmp_path / "a.onnx"))
    with pytest.raises(BadOption):
        ExportJob(learned=exported, output=tmp_path / "a.pt")
    assert not (tmp_path / "a.onnx").exists()
