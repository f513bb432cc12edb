"""Sampling from the WaveRNN: many rows at once.

An utterance is cut into folds that are drawn side by side; each starts a little early, to find its state, and fades
into the next over that stretch (paper section 3.2 has no word on sampling; folds as in Kalchbrenner et al. 2018). A
stream is one row, which goes on where it was. Everything that does not depend on the state is computed before: the
embedding table through the GRU's and the affine layer's kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgy_tf.decode.batch import Batch, Piece, Row
from edgy_tf.decode.kernel import Weights, panels
from edgy_tf.models.mulaw import mulaw_decode, mulaw_encode
from edgy_tf.preset import Preset
from edgy_tf.weights import Arrays

Floats = npt.NDArray[np.float32]

FOLD = 50
"""Mel frames that a fold adds to the utterance."""
OVERLAP = 6
"""Mel frames that it starts early."""


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

    def cut(self, conditioning: Floats) -> Iterator[Floats]:
        """Conditioning ``[frames, C]`` to as many folds ``[length, C]`` as there are, its ends repeated outside."""
        for start in self.starts:
            yield conditioning[np.clip(np.arange(start, start + self.length), 0, self.frames - 1)]

    def join(self, waves: Floats, hop: int) -> Floats:
        """Samples of the folds ``[folds, length * hop]`` to ``[frames * hop]``, with a linear cross-fade."""
        overlap, body = OVERLAP * hop, FOLD * hop
        fade = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
        early, late = waves[:, :overlap], waves[:, overlap:].copy()
        late[:-1, body - overlap :] *= 1 - fade
        late[:-1, body - overlap :] += early[1:] * fade
        return late.reshape(-1)[: self.frames * hop]


class WaveSampler:
    """Draws speech from the WaveRNN's weights, as ``edgy_tf.models.wavernn.WaveRNN`` has them; for many threads.

    Args:
        preset: the architecture.
        arrays: the variables of the WaveRNN.
        cores: that draw; None takes all that the process may use.

    Attributes:
        batch: in which everything is drawn.
    """

    def __init__(self, preset: Preset, arrays: Arrays, cores: int | None = None) -> None:
        self._preset = preset
        self._zero = int(mulaw_encode(0.0, preset.decoder.bits))
        self.batch = Batch(_weights(preset, arrays), cores)

    def row(self) -> Row:
        """A row that has drawn nothing but silence."""
        cfg = self._preset.decoder
        return Row(np.zeros(cfg.gru, np.float32), np.full(cfg.bunch, self._zero, np.int32))

    def extend(self, row: Row, conditioning: Floats, rng: np.random.Generator) -> Floats:
        """Draw what follows in a row.

        Args:
            row: that goes on; another thread must not extend it meanwhile.
            conditioning: ``[frames, C]``.
            rng: of the row's noise. Equal ones give equal samples, whatever is drawn beside and in whatever pieces.

        Returns:
            pre-emphasised samples ``[frames * hop]`` in [-1, 1].
        """
        if not len(conditioning):
            return np.zeros(0, np.float32)
        piece = self._piece(row, conditioning, rng)
        self.batch.draw([piece])
        return mulaw_decode(piece.classes.reshape(-1), self._preset.decoder.bits)

    def sample(self, conditioning: Floats, seed: int) -> Floats:
        """Draw an utterance, in folds.

        Args:
            conditioning: ``[frames, C]``.
            seed: of the draws; equal seeds give equal samples, whatever is drawn beside.

        Returns:
            pre-emphasised samples ``[frames * hop]`` in [-1, 1].
        """
        folds = Folds(len(conditioning))
        rng = np.random.default_rng(seed)
        classes = []

        def pieces() -> Iterator[Piece]:
            for fold in folds.cut(conditioning):
                piece = self._piece(self.row(), fold, rng)
                classes.append(piece.classes.reshape(-1))
                yield piece

        self.batch.draw(pieces())
        waves = np.stack([mulaw_decode(fold, self._preset.decoder.bits) for fold in classes])
        return folds.join(waves, self._preset.front_end.hop)

    def _piece(self, row: Row, conditioning: Floats, rng: np.random.Generator) -> Piece:
        return Piece(row, conditioning, rng.random((len(conditioning), self._preset.front_end.hop), np.float32))


def _weights(preset: Preset, arrays: Arrays) -> Weights:
    """The WaveRNN's variables as the kernel wants them."""
    cfg = preset.decoder
    w = {n.removeprefix("wavernn/"): v.astype(np.float32) for n, v in arrays.items() if n.startswith("wavernn/")}
    classes, embedding = 2**cfg.bits, w["embedding/embeddings"]
    table = (embedding @ w["embedding_kernel/kernel"]).reshape(classes, cfg.bunch, 3 * cfg.gru).transpose(1, 0, 2)
    within = np.zeros((cfg.bunch, cfg.bunch, classes, cfg.affine), np.float32)
    for j in range(cfg.bunch - 1):
        said = (embedding @ w[f"bunch_kernel{j}/kernel"]).reshape(classes, cfg.bunch - 1 - j, cfg.affine)
        within[j, j + 1 :] = said.transpose(1, 0, 2)
    return Weights(
        *panels(w["conditioning_kernel/kernel"], w["conditioning_kernel/bias"]),
        np.ascontiguousarray(table),
        *panels(w["gru/cell/kernel"], w["gru/cell/bias"]),
        *panels(w["affine1/kernel"], w["affine1/bias"]),
        within,
        *panels(w["affine2/kernel"], w["affine2/bias"]),
        classes,
    )
