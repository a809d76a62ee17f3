"""A learned painting's network as ONNX (https://onnx.ai), for programs that know neither this one nor PyTorch."""

from __future__ import annotations

import logging
import warnings

import torch

from videostyle.config import ExportJob
from videostyle.errors import BadOutput, MissingModel
from videostyle.media.workdir import check_folder, write_atomically, writing
from videostyle.models.transformer_net import STRIDE, TransformerNet, load_network

OPSET = 18


def export(job: ExportJob) -> None:
    """Writes the network of job.learned: `picture`, float32 (1, 3, H, W) RGB in [0, 1], becomes `painting`, alike.

    H and W are multiples of 4. Raises BadInput for what is no learned painting, BadOutput where the output is there already,
    MissingModel where the extra `export` is not installed.
    """
    assert job.output is not None
    network = load_network(job.learned, "cpu")
    if job.output.exists() and not job.overwrite:
        raise BadOutput(f"{job.output} exists", todo="add --overwrite to replace it, or give another -o")
    with writing(job.output):
        check_folder(job.output.with_suffix(""))
        write_atomically(job.output, onnx_of(network))


def onnx_of(network: TransformerNet) -> bytes:
    """The network in ONNX's format. Raises MissingModel where a library for it is absent."""
    height, width = (STRIDE * torch.export.Dim(name, min=2, max=4096) for name in ("rows", "columns"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            program = torch.onnx.export(
                network,
                (torch.rand(1, 3, 16 * STRIDE, 24 * STRIDE),),
                input_names=["picture"],
                output_names=["painting"],
                opset_version=OPSET,
                dynamic_shapes={"picture": {2: height, 3: width}},
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        raise MissingModel(f"no ONNX: {error}", todo="pip install onnx onnxscript") from error
    assert program is not None
    return program.model_proto.SerializeToString()
