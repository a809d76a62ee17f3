"""Faster ways through VGG-19, behind the contract `models.vgg.Features`; the plain network is the reference.

Nearly all time of a run goes into the network: once forward and once back for each evaluation of L. What is here gives the
same activations and gradients but for rounding (tests/contracts/test_features_contract.py), and nothing outside this folder
but `models/features.py`, which selects it, depends on how. VIDEOSTYLE_FAST=0 in the environment selects the plain network
on every device. The products of Gram matrices use `matmul` in either case.

On a CPU, in float32: `inplace.InPlaceVGG19`.

- `winograd`: the 3x3 convolutions by Winograd's F(4x4, 3x3), a quarter of the multiplications. Used from 128 channels and 400
  pixels on; below, PyTorch's direct convolution is as fast. (docs/decisions, 10)
- `inplace`: both passes in one block of memory that is used again, instead of fresh pages for each of the dozens of
  activations and gradients. No autograd: the only gradient needed is that by the image. (docs/decisions, 23)
- `pooling`: max pooling that keeps one byte per result for the way back, instead of eight.
- `matmul`: products by oneDNN instead of MKL, which uses AVX2 at most on processors of other makers. (docs/decisions, 24)
- `malloc`: glibc keeps freed blocks instead of returning them to the system.

On an NVIDIA GPU: `cuda_graph.GraphedVGG19`, the plain network whose evaluations are recorded as CUDA graphs and replayed,
since launching hundreds of kernels takes longer than running them at small sizes. Not measured on a GPU yet. Other devices
and types always use the plain network.

When it pays. Time of an evaluation of L over that of plain autograd, two CPU cores, longer side of the frame in pixels:

    AVX2 only          192: 0.97    320: 0.80    640: 0.73    1280: 0.68
    Zen 5, AVX-512      96: 1.08    128: 1.15    192: 1.03    256: 1.00    320: 0.94    640: 0.72

It also takes less memory, and its time grows in proportion to the pixels. Below 256 pixels (a preview's start, the coarse
scales of a first frame) the plain network is as fast or a little faster; the difference is hundredths of a second.
"""

import os

# PyTorch reads this when it first allocates: large pages save a tenth to a quarter of an iteration's time on Linux.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
