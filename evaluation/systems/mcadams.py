"""Speaker anonymisation by the McAdams coefficient: the baseline that needs no training.

Patino, Tomashenko, Todisco, Nautsch & Evans 2021, "Speaker anonymisation using the McAdams coefficient"
(Interspeech): baseline B2 of the VoicePrivacy challenges. Each 20 ms frame is split by linear prediction into
resonances and excitation; the angle ``phi`` of every complex pole (radians per sample) becomes ``phi ** alpha``, which
moves the resonances and keeps their sharpness; then the frame is put together again. Resonances below 1 rad (2546 Hz
at 16 kHz) rise for ``alpha < 1``, those above it fall.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import AudioError

_FRAME, _HOP = 320, 160  # 20 ms and 10 ms at 16 kHz.
_ORDER = 20
_FFT = 512  # At least frame + order: no lag that is used wraps round.

Floats = npt.NDArray[np.float64]
# Periodic, so that the squares of two windows a hop apart add up to one: analysis and synthesis both apply it.
_WINDOW = np.sin(np.pi * np.arange(_FRAME) / _FRAME)


def mcadams(audio: npt.NDArray[Any], alpha: float = 0.8) -> npt.NDArray[np.float32]:
    """Speech with its resonances moved; 1.0 changes nothing, to within 1e-5 of the peak.

    The published code skips the first half frame, drops the last partial one and scales every file to a peak of 1;
    here every sample is processed and the peak stays the input's. Linear prediction is by autocorrelation (the
    published code: Burg), which keeps every filter stable. Takes about 2 MB per second of speech.

    Args:
        audio: float ``[N]`` at 16 kHz; any ``N``, 0 included.
        alpha: the McAdams coefficient, above 0; the paper's is 0.8, the challenges draw it from 0.5 to 0.9.

    Returns:
        float32 ``[N]``.

    Raises:
        AudioError: the samples are not one-dimensional, not float, or not finite.
    """
    if alpha <= 0:
        raise ValueError(f"alpha must be above 0, not {alpha}")
    if audio.ndim != 1 or not np.issubdtype(audio.dtype, np.floating):
        raise AudioError(f"samples are {audio.dtype} {audio.shape}; give float of one channel, [N]")
    if not np.isfinite(audio).all():
        raise AudioError("samples hold NaN or infinity; remove them first")
    count = -(-len(audio) // _HOP) + 1
    padded = np.zeros((count + 1) * _HOP)
    padded[_HOP : _HOP + len(audio)] = audio
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP] * _WINDOW
    filters = _linear_prediction(frames)
    halves = (_refilter(frames, filters, _polynomials(_moved(_roots(filters), alpha))) * _WINDOW).reshape(
        count, 2, _HOP
    )
    # A hop of output is the second half of one frame plus the first half of the next.
    out = (halves[:-1, 1] + halves[1:, 0]).reshape(-1)[: len(audio)]
    peak = np.abs(out).max(initial=0.0)
    return (out * (np.abs(audio).max() / peak if peak else 0.0)).astype(np.float32)


def _linear_prediction(frames: Floats) -> Floats:
    """Levinson-Durbin on every frame at once: ``[F, frame]`` -> ``[F, order + 1]``, the first coefficient 1."""
    correlation = np.fft.irfft(np.square(np.abs(np.fft.rfft(frames, _FFT))))[:, : _ORDER + 1]
    # White noise at -90 dB keeps pure tones solvable, the constant silence.
    correlation[:, 0] = correlation[:, 0] * (1 + 1e-9) + 1e-12
    filters = np.zeros((len(frames), _ORDER + 1))
    filters[:, 0] = 1
    error = correlation[:, 0].copy()
    for i in range(1, _ORDER + 1):
        reflection = -np.sum(filters[:, :i] * correlation[:, i:0:-1], axis=1) / error
        filters[:, 1 : i + 1] += reflection[:, None] * filters[:, i - 1 :: -1]
        error *= 1 - np.square(reflection)
    return filters


def _roots(filters: Floats) -> npt.NDArray[np.complex128]:
    """Poles of every filter, ``[F, order]``, by the eigenvalues of companion matrices; conjugates are exact."""
    companions = np.zeros((len(filters), _ORDER, _ORDER))
    companions[:, 0] = -filters[:, 1:]
    companions[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1
    return np.linalg.eigvals(companions).astype(np.complex128)


def _moved(poles: npt.NDArray[np.complex128], alpha: float) -> npt.NDArray[np.complex128]:
    """The McAdams step: complex poles turned from angle phi to ``phi ** alpha``; real ones stay."""
    angle = np.angle(poles)
    turned = np.sign(angle) * np.minimum(np.abs(angle) ** alpha, np.pi)
    return np.where(poles.imag == 0, poles, np.abs(poles) * np.exp(1j * turned))


def _polynomials(roots: npt.NDArray[np.complex128]) -> Floats:
    """Coefficients ``[F, order + 1]`` of the monic polynomials with these roots."""
    product = np.zeros((len(roots), _ORDER + 1), np.complex128)
    product[:, 0] = 1
    for i in range(_ORDER):
        product[:, 1 : i + 2] -= roots[:, i, None] * product[:, : i + 1]
    return product.real


def _refilter(frames: Floats, analysis: Floats, synthesis: Floats) -> Floats:
    """Each frame's excitation by one filter, sent through the inverse of another: ``[F, frame]``."""
    # Time first, so that every step of the recursion reads contiguous memory.
    frames, analysis, synthesis = frames.T, analysis.T, synthesis.T
    excitation = frames.copy()
    for lag in range(1, _ORDER + 1):
        excitation[lag:] += analysis[lag] * frames[:-lag]
    past_first = np.ascontiguousarray(synthesis[:0:-1])
    out = np.zeros((_ORDER + _FRAME, frames.shape[1]))
    for t in range(_FRAME):
        out[_ORDER + t] = excitation[t] - np.einsum("kf,kf->f", past_first, out[t : t + _ORDER])
    return out[_ORDER:].T
