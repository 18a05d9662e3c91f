"""Sentences as vectors, by the model that comes with the package `wordllama`: static vectors of 256 numbers, one
per token, whose mean stands for a sentence. Nothing is downloaded: the package holds weights and tokenizer."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from tokenizers import Tokenizer

Vector = npt.NDArray[np.float32]

_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"


class Embedder:
    """0.1 ms for a sentence, 17 MB for the weights."""

    def __init__(self, weights: npt.NDArray[np.float16], tokenizer: Tokenizer) -> None:
        self._weights = weights
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> Self:
        """Reads about 25 MB. Raises ModuleNotFoundError where the package is not installed."""
        spec = find_spec("wordllama")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("wordllama is not installed", name="wordllama")
        place = Path(spec.submodule_search_locations[0])
        weights = _weights(load((place / _WEIGHTS).read_bytes()))
        return cls(weights, Tokenizer.from_file(str(place / _TOKENIZER)))

    def vector(self, text: str) -> Vector:
        """Of length 1; all zeros for a text without tokens."""
        whole = text.encode("utf-8", "replace").decode()  # the tokenizer refuses half a surrogate pair
        tokens = self._tokenizer.encode(whole, add_special_tokens=False).ids
        total: Vector = self._weights[tokens].astype(np.float32).sum(axis=0)
        length = float(np.linalg.norm(total)) or 1.0
        normal: Vector = total / np.float32(length)
        return normal


def _weights(tensors: Mapping[str, npt.NDArray[np.float16]]) -> npt.NDArray[np.float16]:
    return tensors["embedding.weight"]
