"""The exported network: the same pictures as PyTorch's, also at sizes other than the one of the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.style_models import example, written
from videostyle.config import ExportJob
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.models.model_file import to_bytes
from videostyle.models.transformer_net import load_network
from videostyle.training.onnx_export import INPUT, OUTPUT, export

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    path = written(tmp_path_factory.mktemp("exported"), to_bytes(example()))
    export(ExportJob(learned=path))
    return path


@pytest.mark.parametrize("size", [(64, 96), (16, 16), (180, 320), (44, 20)])
def test_onnxruntime_matches_pytorch(exported, size):
    picture = np.random.default_rng(0).random((1, 3, *size), np.float32)
    session = onnxruntime.InferenceSession(str(exported.with_suffix(".onnx")), providers=["CPUExecutionProvider"])
    (actual,) = session.run([OUTPUT], {INPUT: picture})
    np.testing.assert_allclose(actual, load_network(exported, "cpu")(torch.from_numpy(picture)).numpy(), atol=2e-4)


def test_names_of_input_and_output():
    """Programs that use an exported network rely on them."""
    assert (INPUT, OUTPUT) == ("picture", "painting")


def test_export_refuses_existing_output_and_foreign_file(exported, tmp_path):
    with pytest.raises(BadOutput, match="already exists"):
        export(ExportJob(learned=exported))
    with pytest.raises(BadInput):
        export(ExportJob(learned=written(tmp_path, b"no"), output=tmp_path / "a.onnx"))
    with pytest.raises(BadOption):
        ExportJob(learned=exported, output=tmp_path / "a.pt")
    assert not (tmp_path / "a.onnx").exists()
