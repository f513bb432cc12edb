"""Sampling from the WaveRNN: one compiled loop over many folds at once.

An utterance is cut into folds that are drawn side by side as a batch; each starts a little early, to find its
state, and fades into the next over that stretch (paper section 3.2 has no word on sampling; folds as in
Kalchbrenner et al. 2018). Everything that does not depend on the state is computed before the loop: the embedding
table through the GRU's and the affine layer's kernels, and the conditioning through the GRU's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgy_tf.models.mulaw import mulaw_decode, mulaw_encode
from edgy_tf.preset import Preset
from edgy_tf.weights import Arrays

FOLD = 50
"""Mel frames that a fold adds to the utterance."""
OVERLAP = 6
"""Mel frames that it starts early."""
BATCH = 16
"""Folds drawn at a time, 8 s of speech: one fixed shape, so that XLA compiles the loop once."""


@dataclass(frozen=True)
class Folds:
    """Where the folds of an utterance of ``frames`` mel frames begin and what they have in common.

    Attributes:
        starts: first frame of each fold, the early ones included.
        length: frames of every fold.
    """

    frames: int

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """First frame of each fold; the first fold's lies before the utterance."""
        return np.arange(-(-self.frames // FOLD)) * FOLD - OVERLAP

    @property
    def length(self) -> int:
        """Frames of a fold."""
        return FOLD + OVERLAP

    def cut(self, conditioning: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Conditioning ``[frames, C]`` to ``[folds, length, C]``, its ends repeated outside."""
        rows = self.starts[:, None] + np.arange(self.length)
        return conditioning[np.clip(rows, 0, self.frames - 1)]

    def join(self, waves: npt.NDArray[np.float32], hop: int) -> npt.NDArray[np.float32]:
        """Samples of the folds ``[folds, length * hop]`` to ``[frames * hop]``, with a linear cross-fade."""
        overlap, body = OVERLAP * hop, FOLD * hop
        fade = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
        early, late = waves[:, :overlap], waves[:, overlap:].copy()
        late[:-1, body - overlap :] *= 1 - fade
        late[:-1, body - overlap :] += early[1:] * fade
        return late.reshape(-1)[: self.frames * hop]


class WaveSampler:
    """Draws speech from the WaveRNN's weights, as ``edgy_tf.models.wavernn.WaveRNN`` has them."""

    def __init__(self, preset: Preset, arrays: Arrays) -> None:
        cfg = preset.decoder
        self._preset = preset
        w = {n.removeprefix("wavernn/"): tf.constant(v) for n, v in arrays.items() if n.startswith("wavernn/")}
        embedding = w["embedding/embeddings"]
        table = tf.reshape(embedding @ w["embedding_kernel/kernel"], [-1, cfg.bunch, 3 * cfg.gru])
        self._tables = tf.unstack(table, axis=1)
        self._within = [
            tf.split(embedding @ w[f"bunch_kernel{j}/kernel"], cfg.bunch - 1 - j, axis=-1) for j in range(cfg.bunch - 1)
        ]
        self._w = w
        self._zero = int(mulaw_encode(0.0, cfg.bits))
        self.draw = tf.function(
            self._draw,
            jit_compile=True,
            input_signature=[
                tf.TensorSpec([None, None, arrays["wavernn/conditioning_kernel/kernel"].shape[0]], tf.float32),
                tf.TensorSpec([None, None], tf.float32),
            ],
        )

    def sample(self, conditioning: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
        """Draw an utterance.

        Args:
            conditioning: ``[frames, C]``.
            seed: of the draws; equal seeds give equal samples.

        Returns:
            pre-emphasised samples ``[frames * hop]`` in [-1, 1].
        """
        folds = Folds(len(conditioning))
        cut = folds.cut(conditioning)
        hop = self._preset.front_end.hop
        rng = np.random.default_rng(seed)
        classes = []
        for i in range(0, len(cut), BATCH):
            part = cut[i : i + BATCH]
            spare = BATCH - len(part)
            noise = rng.random((folds.length * hop, BATCH), np.float32)
            drawn = self.draw(np.pad(part, ((0, spare), (0, 0), (0, 0))), noise)
            classes.append(drawn.numpy()[: len(part)])
        return folds.join(mulaw_decode(np.concatenate(classes), self._preset.decoder.bits), hop)

    def _draw(self, conditioning: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """``conditioning [B, F, C]`` and uniform ``noise [F * hop, B]`` to classes ``[B, F * hop]``."""
        cfg, w = self._preset.decoder, self._w
        per_frame = self._preset.front_end.hop // cfg.bunch
        frames = tf.matmul(conditioning, w["conditioning_kernel/kernel"]) + w["conditioning_kernel/bias"]
        frames = tf.transpose(frames, [1, 0, 2])
        batch, steps = tf.shape(conditioning)[0], tf.shape(noise)[0] // cfg.bunch
        silence = tf.fill([batch], self._zero)

        def step(t: Any, state: Any, last: Any, out: Any) -> Any:
            inputs = frames[t // per_frame] + tf.add_n(
                [tf.gather(table, x) for table, x in zip(self._tables, last, strict=True)]
            )
            state = self._gru(inputs, state)
            hidden = tf.split(tf.matmul(state, w["affine1/kernel"]) + w["affine1/bias"], cfg.bunch, axis=-1)
            new = []
            for j in range(cfg.bunch):
                logits = tf.matmul(tf.nn.relu(hidden[j]), w["affine2/kernel"]) + w["affine2/bias"]
                new.append(_inverse_cdf(logits, noise[t * cfg.bunch + j]))
                for i in range(j + 1, cfg.bunch):
                    hidden[i] += tf.gather(self._within[j][i - j - 1], new[j])
            return t + 1, state, new, out.write(t, tf.stack(new))

        _, _, _, out = tf.while_loop(
            lambda t, *_: t < steps,
            step,
            (
                tf.constant(0),
                tf.zeros([batch, cfg.gru]),
                [silence] * cfg.bunch,
                tf.TensorArray(tf.int32, steps, element_shape=[cfg.bunch, None]),
            ),
            parallel_iterations=1,
        )
        return tf.transpose(tf.reshape(out.stack(), [-1, batch]))

    def _gru(self, inputs: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        recurrent = tf.matmul(state, self._w["gru/cell/kernel"]) + self._w["gru/cell/bias"]
        xz, xr, xh = tf.split(inputs, 3, axis=-1)
        hz, hr, hh = tf.split(recurrent, 3, axis=-1)
        update = tf.sigmoid(xz + hz)
        candidate = tf.tanh(xh + tf.sigmoid(xr + hr) * hh)
        return update * state + (1 - update) * candidate


def _inverse_cdf(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Draw from softmax of ``logits [B, K]``: the first class whose cumulated probability exceeds ``uniform [B]``."""
    cumulated = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    drawn = tf.reduce_sum(tf.cast(cumulated <= uniform[:, None], tf.int32), axis=-1)
    # Rounding can leave the last sum a little below 1.
    return tf.minimum(drawn, tf.shape(logits)[-1] - 1)
