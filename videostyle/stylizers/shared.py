"""What the shots of a run share although their settings differ: networks, and what is computed of a style image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Shared:
    """Networks that are loaded once, and statistics of style images that are computed once, for all shots of a run."""

    def __init__(self) -> None:
        self._networks: dict[Hashable, Any] = {}
        self._styles: dict[int, np.ndarray] = {}  # kept, as the `id` of one that is gone may be another's
        self._statistics: defaultdict[Hashable, dict[Any, Any]] = defaultdict(dict)

    def network(self, key: Hashable, load: Callable[[], T]) -> T:
        """The network of this key; `load` is called for the first one who asks."""
        if key not in self._networks:
            self._networks[key] = load()
        return self._networks[key]

    def statistics(self, style: np.ndarray, *key: Hashable) -> dict[Any, Any]:
        """Where the statistics of a style image are kept. key: what else they depend on."""
        self._styles[id(style)] = style
        return self._statistics[(id(style), *key)]
