"""Sound files in and out: anything libsndfile reads becomes mono samples at one rate."""

import os
import secrets
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import AudioError, MissingDependencyError

SAMPLE_RATE = 16000
_PCM16_SCALE = 32768
_BLOCK_FRAMES = 1 << 18
# Outside, the header is damaged, and resampling what it claims could take all the memory there is.
_RATES = range(1000, 768001)


def read_audio(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Read a sound file as mono.

    Args:
        path: a file libsndfile reads (WAV, FLAC, Ogg, Opus, MP3, ...); plain PCM WAV needs no libsndfile.
        sample_rate: samples per second wanted; other rates are resampled.

    Returns:
        float32 ``[N]`` in ``[-1, 1]``, ``N >= 1``; channels are averaged.

    Raises:
        AudioError: the file is missing, empty, not audio, damaged, or holds NaN or infinite samples.
        MissingDependencyError: soundfile or soxr is needed for this file and is not installed.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:  # ValueError: the path holds a null character.
        reason = error.strerror if isinstance(error, OSError) else error
        raise _refusal(path, f"cannot be opened ({reason}); give a sound file that exists") from error
    if empty:
        raise _refusal(path, "has 0 bytes; copy or record it again")
    frames, rate = _read_frames(path)
    if rate not in _RATES:
        raise _refusal(path, f"claims {rate} samples per second; export it again")
    samples = frames.mean(axis=1, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise _refusal(path, "has NaN or infinite samples; export it again")
    if samples.size and rate != sample_rate:
        samples = _resample(path, samples, rate, sample_rate)
    if not samples.size:
        raise _refusal(path, "has no samples; record it again")
    # Float files, lossy decoders and the resampler may all overshoot full scale.
    return np.clip(samples, -1.0, 1.0)


def read_pcm16(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> npt.NDArray[np.int16]:
    """Read a sound file as 16-bit mono, the form the encoder is defined on.

    Returns:
        int16 ``[N]``; a 16-bit mono file at ``sample_rate`` gives exactly its stored samples.

    Raises:
        AudioError, MissingDependencyError: as `read_audio`.
    """
    return to_pcm16(read_audio(path, sample_rate))


def to_pcm16(samples: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Round float samples in ``[-1, 1]`` to 16 bits, clipping what lies outside; int16 is returned as it is.

    Raises:
        AudioError: the samples are not one-dimensional, neither float nor int16, or not finite.
    """
    _check_samples(samples)
    if samples.dtype == np.int16:
        return samples
    scaled = np.rint(samples * _PCM16_SCALE)
    return np.clip(scaled, -_PCM16_SCALE, _PCM16_SCALE - 1).astype(np.int16)


def to_float32(samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Int16 or float samples to float32, where full scale is 1: the inverse of ``to_pcm16`` on what it gives.

    Raises:
        AudioError: as ``to_pcm16`` raises it.
    """
    _check_samples(samples)
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(_PCM16_SCALE)
    return samples.astype(np.float32)


def _check_samples(samples: npt.NDArray[Any]) -> None:
    if samples.ndim != 1:
        raise AudioError(f"audio must be one channel of shape [n], not {list(samples.shape)}; mix it down first")
    if samples.dtype == np.int16:
        return
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"audio must be int16 or float, not {samples.dtype}; convert it first")
    if not np.isfinite(samples).all():
        raise AudioError("audio has samples that are not finite (NaN or infinity); clean it first")


def write_wav(path: str | os.PathLike[str], samples: npt.NDArray[Any], sample_rate: int = SAMPLE_RATE) -> None:
    """Write mono 16-bit PCM; the file appears whole or not at all.

    Args:
        path: where to write; an existing file is replaced.
        samples: ``[N]`` int16, or float in ``[-1, 1]`` (clipped).
        sample_rate: samples per second.

    Raises:
        AudioError: the samples are unusable (see `to_pcm16`) or the folder cannot be written to.
    """
    path = Path(path)
    pcm = to_pcm16(samples)
    if not path.parent.is_dir():
        raise _refusal(path, f"cannot be written: create the folder {path.parent} first")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(sample_rate)
            wav.writeframes(pcm.astype("<i2").tobytes())
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, f"cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _refusal(path: Path, what: str) -> AudioError:
    return AudioError(f"{path}: {what}")


def _read_frames(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Every frame of a file, float32 ``[N, channels]``, and its sample rate."""
    try:
        import soundfile
    except ImportError:
        return _read_plain_wav(path)
    blocks = [np.zeros((0, 1), np.float32)]
    try:
        with soundfile.SoundFile(path) as file:
            blocks = [np.zeros((0, file.channels), np.float32)]
            # In blocks, because a damaged header may promise more frames than memory holds.
            while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                blocks.append(block)
            return np.concatenate(blocks), int(file.samplerate)
    # TypeError: soundfile takes a .raw file for headerless and asks for its rate.
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        reason = getattr(error, "error_string", "not a sound file").removeprefix("Error : ").rstrip(".")
        raise _refusal(path, f"cannot be read as audio ({reason}); convert it to WAV or FLAC") from error


def _read_plain_wav(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """`_read_frames` by the standard library alone: integer PCM of 8, 16, 24 or 32 bits."""
    try:
        with wave.open(str(path), "rb") as wav:
            width, channels, rate = wav.getsampwidth(), wav.getnchannels(), wav.getframerate()
            data = wav.readframes(wav.getnframes())
        if width > 4:
            raise wave.Error(f"{width} bytes a sample")
    # RuntimeError: all that `wave` says of a chunk which ends before it should.
    except (wave.Error, EOFError, RuntimeError) as error:
        raise MissingDependencyError(
            f"{path}: only plain PCM .wav can be read without soundfile; pip install edgy-tf[audio]"
        ) from error
    whole = len(data) - len(data) % (width * channels)
    octets = np.frombuffer(data[:whole], np.uint8).reshape(-1, width)
    if width == 1:  # 8-bit WAV is the one unsigned width.
        octets = octets ^ np.uint8(0x80)
    # Left-aligned in 32 bits, every width has the same full scale.
    aligned = np.zeros((len(octets), 4), np.uint8)
    aligned[:, 4 - width :] = octets
    return (aligned.view("<i4") / np.float32(2**31)).astype(np.float32).reshape(-1, channels), rate


def _resample(path: Path, samples: npt.NDArray[np.float32], old: int, new: int) -> npt.NDArray[np.float32]:
    try:
        import soxr
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: is at {old} Hz and resampling to {new} Hz needs soxr; pip install edgy-tf[audio]"
        ) from error
    return np.asarray(soxr.resample(samples, old, new, quality="HQ"), np.float32)
