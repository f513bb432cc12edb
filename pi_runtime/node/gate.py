"""The voice activity gate: sound in, speech out, so that silence is never encoded, let alone sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import MissingDependencyError
from pi_runtime.node.settings import GateSettings

Pcm = npt.NDArray[np.int16]
Detector = Callable[[bytes], float]

FRAME_MS = 10
SAMPLE_RATE = 16000
_FRAME = SAMPLE_RATE * FRAME_MS // 1000
START, END = "start", "end"


class Gate:
    """Cuts sound into utterances with hysteresis; time is counted in samples, never by a clock.

    Args:
        settings: thresholds and times.
        detector: takes 160 samples at 16 kHz as little-endian int16, gives the probability of speech;
            by default the neural network of pymicro-vad.

    Raises:
        MissingDependencyError: pymicro-vad is not installed.
    """

    def __init__(self, settings: GateSettings, detector: Detector | None = None) -> None:
        self._detect = detector or _micro_vad()
        self._onset, self._release = settings.onset, settings.release
        self._onset_frames = -(-settings.onset_ms // FRAME_MS)
        self._hangover_frames = -(-settings.hangover_ms // FRAME_MS)
        self._longest_frames = settings.longest_s * 1000 // FRAME_MS
        # The frames that made up the onset are speech already, and the pre-roll comes before them.
        self._past: deque[Pcm] = deque(maxlen=self._onset_frames + -(-settings.pre_roll_ms // FRAME_MS))
        self._pending = np.empty(0, np.int16)
        self._open = False
        self._streak = 0
        self._length = 0

    def process(self, pcm: Pcm) -> Iterator[str | Pcm]:
        """Take samples ``[n]``, any n, and give ``START``, the samples of an utterance, ``END``, in that order."""
        pending = np.concatenate([self._pending, pcm])
        whole = len(pending) - len(pending) % _FRAME
        self._pending = pending[whole:].copy()
        data = pending[:whole].astype("<i2").tobytes()
        given = 0
        for start in range(0, whole, _FRAME):
            end = start + _FRAME
            probability = self._detect(data[2 * start : 2 * end])
            if not self._open:
                yield from self._outside(pending[start:end], probability)
                given = end
            elif edges := self._inside(probability):
                yield pending[given:end]
                yield from edges
                given = end
        # In one piece, because each costs the encoder the same, however short.
        if given < whole:
            yield pending[given:whole]

    def flush(self) -> Iterator[str | Pcm]:
        """End the utterance that is open, if one is, with the samples that no frame was made of."""
        if self._open:
            yield self._pending
            yield from self._close()
        self._pending = np.empty(0, np.int16)
        self._past.clear()
        self._streak = 0

    def _outside(self, frame: Pcm, probability: float) -> Iterator[str | Pcm]:
        self._past.append(frame.copy())
        self._streak = self._streak + 1 if probability >= self._onset else 0
        if self._streak >= self._onset_frames:
            self._open, self._streak, self._length = True, 0, len(self._past)
            yield START
            yield np.concatenate(self._past)
            self._past.clear()

    def _inside(self, probability: float) -> tuple[str, ...]:
        """What comes after a frame of an utterance that is open."""
        self._streak = self._streak + 1 if probability < self._release else 0
        self._length += 1
        if self._streak >= self._hangover_frames:
            return self._close()
        if self._length >= self._longest_frames:
            self._length = 0
            return END, START
        return ()

    def _close(self) -> tuple[str, ...]:
        self._open, self._streak = False, 0
        return (END,)


def _micro_vad() -> Detector:
    try:
        from pymicro_vad import MicroVad
    except ImportError as error:
        raise MissingDependencyError("no voice activity detector; run: pip install 'edgy-tf[node]'") from error
    vad = MicroVad()
    # The second name is that of version 1, the last with a build for 32-bit ARM.
    name = next(name for name in ("process_10ms", "Process10ms") if hasattr(vad, name))
    detect: Detector = getattr(vad, name)
    return detect
