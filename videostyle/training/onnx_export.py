"""Export of a style model's network as ONNX (https://onnx.ai), for programs that use neither this one nor PyTorch."""

from __future__ import annotations

import logging
import warnings

import torch

from videostyle.config import ExportJob
from videostyle.errors import BadOutput, MissingModel
from videostyle.media.output_paths import check_folder
from videostyle.media.workdir import write_atomically, writing
from videostyle.models.transformer_net import STRIDE, TransformerNet, load_network

OPSET = 18

INPUT, OUTPUT = "picture", "painting"
"""Names of the exported network's input and output."""


def export(job: ExportJob) -> None:
    """Write the network of job.model: its input `picture` and its output `painting` are float32 (1, 3, H, W) RGB in
    [0, 1], H and W multiples of 4.

    Raises BadInput if the file is not a style model, BadOutput if the output exists, MissingModel if the extra `export` is
    not installed.
    """
    assert job.output is not None
    network = load_network(job.model, "cpu")
    if job.output.exists() and not job.overwrite:
        raise BadOutput(f"{job.output} already exists", todo="add --overwrite to replace it, or choose another -o")
    with writing(job.output):
        check_folder(job.output.with_suffix(""))
        write_atomically(job.output, to_onnx(network))


def to_onnx(network: TransformerNet) -> bytes:
    """The network in ONNX format. Raises MissingModel if a library for it is missing."""
    height, width = (STRIDE * torch.export.Dim(name, min=2, max=4096) for name in ("rows", "columns"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            program = torch.onnx.export(
                network,
                (torch.rand(1, 3, 16 * STRIDE, 24 * STRIDE),),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_shapes={"picture": {2: height, 3: width}},  # by the name of the argument of `forward`
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        problem = f"exporting to ONNX needs libraries that are not installed: {error}"
        raise MissingModel(problem, todo="install them with `pip install onnx onnxscript`") from error
    assert program is not None
    return program.model_proto.SerializeToString()
