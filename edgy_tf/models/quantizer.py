"""The vector quantiser (paper equations 1 and 2; codebook by moving averages, van den Oord et al. 2017, A.1)."""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
from keras import ops

from edgy_tf.preset import CodebookConfig

PAUSE = 0
"""The code of pauses, where a training says what they are."""


class VectorQuantizer(keras.layers.Layer):
    """Replaces each latent by the nearest vector of a codebook ``[K, D]``.

    The codebook term of equation 2 is minimised in closed form by exponential moving averages of the latents that
    each code won; the commitment term is added to the losses. A code that is hardly used any more is moved onto a
    latent of the current batch, which is also how the codebook starts. Always float32: with bfloat16 distances 5 %
    of the codes differ.

    Where it is told of pauses, all of them become one code, `PAUSE`: their latents learn to lie at its vector, and what
    decodes the codes asks nothing of them. How a room falls silent, and the noise in it, then has no codes of its own.

    The vectors of a product codebook are all that its parts' vectors, end to end, make: the last part varies fastest.
    Its parts learn apart, and only here: what is exported is a codebook like any other.
    """

    def __init__(self, config: CodebookConfig, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.config = config

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the codebook and its moving averages."""
        size, dim = self.config.size, self.config.dim
        self.parts = self.config.product or (size,)
        vectors = sum(self.parts)
        self.codebook = self._state("codebook", (size, dim))
        self.sums = self._state("sums", (vectors, dim // len(self.parts)))
        self.counts = self._state("counts", (vectors,))
        self.updates = self._state("updates", ())

    def _state(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)

    def nearest(self, latents: Any) -> Any:
        """Codes of ``latents [..., D]`` by equation 1, as ``argmax(z . c - |c|^2 / 2)``, int32 ``[...]``."""
        return ops.argmax(self._scores(ops.cast(latents, "float32")), axis=-1)

    def _scores(self, z: Any) -> Any:
        return ops.matmul(z, ops.transpose(self.codebook)) - 0.5 * ops.sum(ops.square(self.codebook), -1)

    def lookup(self, codes: Any) -> Any:
        """Vectors of ``codes [...]``, ``[..., D]``."""
        return ops.take(self.codebook, codes, axis=0)

    def pause_loss(self, latents: Any, pauses: Any) -> Any:
        """Cross-entropy of which latents ``[B, T, D]`` become `PAUSE`, given those that shall (bool ``[B, T]``).

        A code is as likely as its vector is near, by equation 1's scores; the codebook itself learns nothing of it.
        """
        scores = self._scores(ops.cast(latents, "float32"))
        others = ops.logsumexp(ops.concatenate([scores[..., :PAUSE], scores[..., PAUSE + 1 :]], -1), -1)
        margin = scores[..., PAUSE] - others
        return ops.mean(ops.softplus(ops.where(pauses, -margin, margin)))

    def disagreement(self, latents: Any, codes: Any) -> Any:
        """Cross-entropy of ``codes [B, T]`` given latents ``[B, T, D]`` of the same words, heard otherwise.

        A code is as likely as its vector is near, by equation 1's scores; the codebook itself learns nothing of it.
        """
        scores = self._scores(ops.cast(latents, "float32"))
        return ops.mean(ops.sparse_categorical_crossentropy(codes, scores, from_logits=True))

    def call(self, latents: Any, training: bool = False, pauses: Any = None) -> tuple[Any, Any, Any]:
        """Quantise ``latents [B, T, D]``, and those where ``pauses [B, T]`` (bool) says so as `PAUSE`.

        Returns:
            the quantised latents with straight-through gradients ``[B, T, D]``, the codes ``[B, T]``, and the
            commitment loss already weighted by beta.
        """
        z = ops.cast(latents, "float32")
        if training:
            self._update(ops.stop_gradient(z), pauses)
        codes = self._codes(ops.stop_gradient(z), pauses)
        chosen = ops.stop_gradient(self.lookup(codes))
        commitment = self.config.commitment * ops.mean(ops.square(z - chosen))
        through = z + ops.stop_gradient(chosen - z)
        return through if pauses is None else ops.where(pauses[..., None], chosen, through), codes, commitment

    def _codes(self, latents: Any, pauses: Any) -> Any:
        nearest = self.nearest(latents)
        return nearest if pauses is None else ops.where(pauses, PAUSE, nearest)

    def _update(self, latents: Any, pauses: Any) -> None:
        cfg = self.config
        flat = ops.reshape(latents, (-1, cfg.dim))
        codes = ops.reshape(self._codes(latents, pauses), (-1,))
        wins = [ops.one_hot(ops.mod(codes // n, size), size, dtype="float32") for n, size in self._places()]
        first = ops.equal(self.updates, 0)
        # Before the first step all vectors are equal, so every win would go to one code.
        fresh = ops.where(first, 0.0, 1.0)
        counts = cfg.decay * self.counts + (1 - cfg.decay) * ops.sum(ops.concatenate(wins, 1), 0) * fresh
        spans = ops.split(flat, len(self.parts), axis=1)
        won = ops.concatenate([ops.matmul(ops.transpose(w), z) for w, z in zip(wins, spans, strict=True)], 0)
        sums = cfg.decay * self.sums + (1 - cfg.decay) * won * fresh
        # A dead code moves onto a latent; which one follows from the step, so that a resumed run is the same run.
        rows = ops.shape(flat)[0]
        step = ops.cast(self.updates, "int32")
        picks = ops.mod(ops.arange(sum(self.parts), dtype="int32") * 7919 + step * 104729, rows)
        moved = ops.concatenate([ops.take(z, picks[r], axis=0) for z, r in zip(spans, self._rows(), strict=True)], 0)
        dead = ops.cast(counts < cfg.restart_below, "float32")
        counts = dead * 1.0 + (1 - dead) * counts
        sums = dead[:, None] * moved + (1 - dead)[:, None] * sums
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(self._every(sums / counts[:, None]))
        self.updates.assign(self.updates + 1)

    def _rows(self) -> list[slice]:
        """Of each part, where its vectors stand among those of all."""
        return [slice(begin, end) for begin, end in itertools.pairwise(itertools.accumulate(self.parts, initial=0))]

    def _places(self) -> list[tuple[int, int]]:
        """Of each part, by how many codes its vector changes, and how many vectors it has."""
        return [(math.prod(self.parts[i + 1 :]), size) for i, size in enumerate(self.parts)]

    def _every(self, vectors: Any) -> Any:
        """Each vector of each part with each of the others, in the order of the codes, ``[K, D]``."""
        codes = ops.arange(self.config.size, dtype="int32")
        which = [ops.mod(codes // n, size) for n, size in self._places()]
        return ops.concatenate([ops.take(vectors[r], w, axis=0) for r, w in zip(self._rows(), which, strict=True)], 1)


def perplexity(codes: Any, size: int) -> Any:
    """Perplexity of the codes' distribution, 1 to ``size``: how many codes are in effective use."""
    p = ops.mean(ops.one_hot(ops.reshape(codes, (-1,)), size, dtype="float32"), 0)
    return ops.exp(-ops.sum(p * ops.log(p + 1e-10)))
