"""Distances from style and source in the features of a network, and SSIM."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import piq
import torch

from videostyle.config import MeasureJob
from videostyle.errors import MissingModel
from videostyle.evaluation.embedding import Embed, embedding_distance, load_embedding
from videostyle.frames import Frame, Size
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import content_distance, gram, relative_distance
from videostyle.media.pixels import to_bits
from videostyle.models.devices import resolve_device
from videostyle.models.vgg import CONTENT_LAYERS, STYLE_LAYERS, VGG19Features, load_features
from videostyle.style_images import style_pictures
from videostyle.stylizers.colors import luminance
from videostyle.tensors import to_tensor


@dataclass(frozen=True)
class FramePair:
    """A source frame and the output frame painted from it, of one size."""

    source: Frame
    output: Frame


@dataclass(frozen=True)
class Seen:
    """Relative distances of one frame: gram, gram_layers and embedding from the style, content from the source; those that
    begin with source_ are the source's own from the style. The embedding is None where its network is absent."""

    gram: float
    gram_layers: dict[str, float]
    content: float
    source_gram: float
    embedding: float | None
    source_embedding: float | None


class PerceptualMetrics:
    """The networks, and what they see of the styles. size: (height, width) of the frames. Raises BadInput, MissingModel.

    With keep_colors they see gray pictures of all, as the painter did: the painting's colors were no target.
    embed: None where the package of the style embedding is not installed.
    """

    def __init__(self, job: MeasureJob, size: Size):
        self.device, self.gray = resolve_device(job), job.keep_colors
        self.extract: VGG19Features = load_features(job.features, self.device, exact=True)
        pictures = [self._shown(picture) for path in job.style for picture in style_pictures(path)]
        self.styles = StyleTargets(self.extract, [self._tensor(each) for each in pictures], job.style_scale).at(size)
        self.embed: Embed | None = None
        with suppress(MissingModel):
            self.embed = load_embedding(torch.get_num_threads())
        self.vectors = [self.embed(to_bits(each, 8)) for each in pictures] if self.embed else []

    @torch.no_grad()
    def of(self, moment: FramePair) -> Seen:
        """How far a painted frame is from style and source."""
        pictures = [self._shown(each.image) for each in (moment.output, moment.source)]
        painted, source = (self.extract(self._tensor(each)) for each in pictures)
        layers, own = self._gram_distances(painted), self._gram_distances(source)
        target = {layer: source[layer] for layer in CONTENT_LAYERS}
        content = float(content_distance(painted, target))
        return Seen(
            gram=float(np.mean(list(layers.values()))),
            gram_layers=layers,
            content=content,
            source_gram=float(np.mean(list(own.values()))),
            embedding=self._embedding_distance(pictures[0]),
            source_embedding=self._embedding_distance(pictures[1]),
        )

    def _shown(self, image: np.ndarray) -> np.ndarray:
        return luminance(image) if self.gray else image

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        return to_tensor(image, self.device)

    def _embedding_distance(self, image: np.ndarray) -> float | None:
        return embedding_distance(self.embed(to_bits(image, 8)), self.vectors) if self.embed else None

    def _gram_distances(self, features: dict[str, torch.Tensor]) -> dict[str, float]:
        """By layer, |G(x) - G(s)|^2 / |G(s)|^2, the mean over the styles s."""
        distances = {}
        for layer in STYLE_LAYERS:
            found = gram(features[layer])
            distances[layer] = float(np.mean([float(relative_distance(found, each[layer])) for each in self.styles]))
        return distances


def similarity(source: np.ndarray, output: np.ndarray) -> float:
    """SSIM of two gray pictures (H, W) in [0, 1] (Wang et al. 2004, doi 10.1109/TIP.2003.819861), by piq.

    As in the authors' code, a picture whose shorter side is well above 256 is averaged down to about that first.
    """
    first, second = (torch.from_numpy(each)[None, None].clamp(0, 1) for each in (source, output))
    return float(piq.ssim(first, second, data_range=1.0))
