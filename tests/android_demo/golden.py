"""What Python writes, for Java to read or to write the same: streams, voices, and the recording that ships."""

from pathlib import Path

import numpy as np

from edgy_tf.corpora import read_pcm16, to_float32
from edgy_tf.frontend import Leveller
from edgy_tf.voice_file import save_voice
from edgy_tf.wire import StreamHeader, StreamWriter
from pi_runtime.encoder import EdgeEncoder
from pi_runtime.golden import RECORDING


def write(folder: Path) -> None:
    """Fill ``folder``."""
    _recording(folder)
    _voices(folder)
    streams = folder / "streams"
    streams.mkdir()
    rng = np.random.default_rng(0)
    for i in range(80):
        _stream(streams / f"{i:02d}", rng, i)


def _recording(folder: Path) -> None:
    pcm = read_pcm16(RECORDING)
    (folder / "recording.pcm").write_bytes(pcm.astype("<i2").tobytes())
    # Soft, with a pause, and then loud enough to clip.
    said = np.concatenate([pcm // 8, np.zeros(9000, np.int16), np.clip(4 * pcm.astype(np.int32), -32768, 32767)])
    (folder / "uneven.pcm").write_bytes(said.astype("<i2").tobytes())
    levelled = Leveller(EdgeEncoder.from_release("pi").info.hop).process(to_float32(said.astype(np.int16)))
    (folder / "levelled.floats").write_bytes(levelled.astype("<f4").tobytes())
    encoder = EdgeEncoder.from_release("pi")
    info = encoder.info
    codes = encoder.encode(pcm)
    _text(folder / "recording.codes", codes)
    _text(folder / "model.txt", [encoder.sample_rate, encoder.frame_length, info.window, info.codebook_size])
    with (folder / "recording.edgy").open("wb") as file:
        writer = StreamWriter(
            file, StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
        )
        writer.write(codes)
        writer.close(len(pcm))


def _voices(folder: Path) -> None:
    """A voice as ``edgy enrol`` saves it, and files that are none."""
    voice, owner = np.random.default_rng(0).standard_normal(64).astype(np.float32), "0123456789abcdef"
    save_voice(folder / "voice.npz", voice, owner)
    _text(folder / "voice.bits", voice.view(np.int32))
    save_voice(folder / "matrix.npz", voice.reshape(8, 8), owner)
    save_voice(folder / "infinite.npz", np.full(64, np.inf, np.float32), owner)
    np.savez(folder / "nameless.npz", voice=voice)


def _stream(stem: Path, rng: np.random.Generator, number: int) -> None:
    size = [2, 3, 16, 512, 513, 1 << 16][number % 6]
    rate, step = [(16000, 320), (8000, 1), (2**31 - 1, 65535)][number % 3]
    header = StreamHeader(rng.bytes(8).hex(), size, rate, step)
    per_packet = int(rng.integers(1, 256))
    codes = rng.integers(0, size, rng.integers(0, 700)).astype(np.int32)
    samples = int(rng.integers(0, len(codes) * step + 1))
    voice = _voice(rng, number)
    with stem.with_suffix(".edgy").open("wb") as file:
        writer = StreamWriter(file, header, per_packet)
        if len(voice):
            writer.write_speaker(voice)
        writer.write(codes)
        writer.close(samples)
    _text(stem.with_suffix(".codes"), codes)
    fields = {
        "codebook_id": header.codebook_id,
        "codebook_size": size,
        "sample_rate": rate,
        "samples_per_code": step,
        "codes_per_packet": per_packet,
        "samples": samples,
        "voice_bits": " ".join(map(str, voice.view(np.int32))),
    }
    stem.with_suffix(".properties").write_text("".join(f"{k}={v}\n" for k, v in fields.items()), "ascii")


def _voice(rng: np.random.Generator, number: int) -> np.ndarray:
    """None, or numbers that float16 holds, subnormal ones and both zeros among them, or one that it does not."""
    count = int(rng.integers(1, 300))
    halves = rng.integers(0, 0x7C00, count).astype(np.uint16) | (rng.integers(0, 2, count).astype(np.uint16) << 15)
    voice = halves.view(np.float16).astype(np.float32)
    odd = [65536.0, 1e-45, 2.0**-25, 1 + 2.0**-11, 1023.75 * 2.0**-24, 0.1]
    match number % 4:
        case 0:
            return voice[:0]
        case 1:
            voice[rng.integers(count)] = odd[number // 4 % len(odd)]
    return voice


def _text(path: Path, numbers: object) -> None:
    path.write_text(" ".join(map(str, numbers)), "ascii")  # type: ignore[call-overload]
