"""What a preset costs, by arithmetic alone: weights, multiply-accumulates, delays. Needs no NumPy.

Counted are the matrix products of a model that runs: normalisation is folded into the convolution before it,
and what depends on nothing but a class of the mu-law samples is a table, made once. Not counted are the front
end, the voice (its table grows with the speakers) and the mel head, which exists in training alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgy_tf.preset import Preset

WORD = 4  # bytes of a float32 or an int32


@dataclass(frozen=True)
class Layer:
    """One layer, by the name it has in Keras.

    Attributes:
        part: ``encoder``, ``codebook``, ``conditioning`` or ``wavernn``.
        rate: vectors that it gives per second of audio.
        width: length of one of them.
        kernel: numbers in its matrices.
        trainable: numbers that gradients train, the layer's normalisation included.
        parameters: all numbers that training keeps, moving averages included.
        macs: multiply-accumulates per second of audio.
    """

    part: str
    name: str
    rate: float
    width: int
    kernel: int
    trainable: int
    parameters: int
    macs: float


@dataclass(frozen=True)
class Cost:
    """The cost of one preset; parameters count as in ``Layer``, milliseconds are of sound.

    Attributes:
        encoder_macs: multiply-accumulates per second of audio on the device, search of the codebook included.
        decoder_macs: the same in the cloud, for conditioning and WaveRNN.
        encoder_bytes_float32: approximate size of the deployed encoder: its weights alone, without the graph.
        encoder_bytes_int8: the same with int8 kernels and int32 biases; the codebook stays float32,
            because codes searched in int8 differ.
        receptive_field_ms: sound that one code depends on.
        lookahead_ms: sound after a code's own that must be heard before the code is known.
        code_rate: codes per second.
        bit_rate: bits per second at most, which is without entropy coding.
    """

    preset: str
    about: str
    encoder_parameters: int
    codebook_parameters: int
    conditioning_parameters: int
    wavernn_parameters: int
    trainable: int
    encoder_macs: float
    decoder_macs: float
    encoder_bytes_float32: int
    encoder_bytes_int8: int
    receptive_field_ms: float
    lookahead_ms: float
    code_rate: float
    bit_rate: float
    layers: tuple[Layer, ...]


def cost_of(preset: Preset) -> Cost:
    """Compute the cost of a preset."""
    layers = (*_encoder(preset), _codebook(preset), *_conditioning(preset), *_wavernn(preset))
    fe = preset.front_end

    def parameters(part: str) -> int:
        return sum(layer.parameters for layer in layers if layer.part == part)

    def macs(*parts: str) -> float:
        return sum(layer.macs for layer in layers if layer.part in parts)

    convolutions = [layer for layer in layers if layer.part == "encoder"]
    kernels, biases = sum(c.kernel for c in convolutions), sum(c.width for c in convolutions)
    head = WORD * (preset.codebook.size * preset.codebook.dim + preset.codebook.size)
    return Cost(
        preset=preset.name,
        about=preset.about,
        encoder_parameters=parameters("encoder"),
        codebook_parameters=parameters("codebook"),
        conditioning_parameters=parameters("conditioning"),
        wavernn_parameters=parameters("wavernn"),
        trainable=sum(layer.trainable for layer in layers),
        encoder_macs=macs("encoder", "codebook"),
        decoder_macs=macs("conditioning", "wavernn"),
        encoder_bytes_float32=WORD * (kernels + biases) + head,
        encoder_bytes_int8=kernels + WORD * biases + head,
        receptive_field_ms=1000 * ((preset.receptive_field - 1) * fe.hop + fe.window) / fe.sample_rate,
        lookahead_ms=preset.lookahead_ms,
        code_rate=preset.code_rate,
        bit_rate=preset.code_rate * preset.code_bits,
        layers=layers,
    )


def _layer(part: str, name: str, rate: float, width: int, kernel: int, extra: int = 0, kept: int = 0) -> Layer:
    """A layer that multiplies; ``extra`` numbers beside its kernel are trained, ``kept`` ones are not."""
    trainable = kernel + extra
    return Layer(part, name, rate, width, kernel, trainable, trainable + kept, macs=kernel * rate)


def _table(name: str, rate: float, width: int, kernel: int) -> Layer:
    """A layer of the WaveRNN whose outputs are looked up."""
    return Layer("wavernn", name, rate, width, kernel, trainable=kernel, parameters=kernel, macs=0.0)


def _encoder(preset: Preset) -> Iterator[Layer]:
    cfg, dim = preset.encoder, preset.codebook.dim
    rate, width = preset.front_end.sample_rate / preset.front_end.hop, preset.front_end.mels
    for i, conv in enumerate(cfg.layers, start=1):
        rate /= conv.stride
        if conv.depthwise:
            yield _layer("encoder", f"depth{i}", rate, width, conv.kernel * width)
        kernel = width * cfg.units * (1 if conv.depthwise else conv.kernel)
        width = cfg.units
        # Batch normalisation: scale and shift are trained, mean and variance kept.
        yield _layer("encoder", f"conv{i}", rate, width, kernel, extra=2 * width, kept=2 * width)
    yield _layer("encoder", "latent", rate, dim, width * dim, extra=dim, kept=2 * dim if cfg.normalise else 0)


def _codebook(preset: Preset) -> Layer:
    size, rate = preset.codebook.size, preset.code_rate
    kernel = size * preset.codebook.dim
    # Moving averages train it: beside the vectors their sums, one count a code, and the number of updates.
    kept = 2 * kernel + size + 1
    return Layer("codebook", "codebook", rate, size, kernel, trainable=0, parameters=kept, macs=kernel * rate)


def _conditioning(preset: Preset) -> Iterator[Layer]:
    units, width = preset.decoder.conditioning, preset.codebook.dim + preset.speaker.dim
    if preset.decoder.context:
        yield from _context(preset, width)
        return
    rate = preset.front_end.sample_rate / preset.front_end.hop
    for i in (1, 2):
        # Two directions of three gates; each gate has one bias for the input and one for the state.
        kernel = 2 * 3 * units * (width + units)
        width = 2 * units
        yield _layer("conditioning", f"bigru{i}", rate, width, kernel, extra=2 * 3 * units * 2)


def _context(preset: Preset, width: int) -> Iterator[Layer]:
    channels, rate = 2 * preset.decoder.conditioning, preset.code_rate * preset.stride / preset.place
    yield _layer("conditioning", "enter", rate, channels, width * channels, extra=channels)
    for i, conv in enumerate(preset.decoder.context, start=1):
        yield _layer("conditioning", f"context{i}", rate, channels, conv.kernel * channels**2, extra=3 * channels)
        yield _layer("conditioning", f"mix{i}", rate, channels, channels**2, extra=channels)
    width = preset.place * channels
    yield _layer("conditioning", "leave", rate, width, channels * width, extra=width + 2 * channels)


def _wavernn(preset: Preset) -> Iterator[Layer]:
    cfg, rate = preset.decoder, preset.front_end.sample_rate
    gates, classes, steps = 3 * cfg.gru, 2**cfg.bits, rate / cfg.bunch
    frames, context = rate / preset.front_end.hop, 2 * cfg.conditioning
    yield _table("embedding", rate, cfg.embedding, classes * cfg.embedding)
    yield _table("embedding_kernel", rate, gates, cfg.bunch * cfg.embedding * gates)
    yield _layer("wavernn", "conditioning_kernel", frames, gates, context * gates, extra=gates)
    yield _layer("wavernn", "gru", steps, cfg.gru, cfg.gru * gates, extra=gates)
    width = cfg.bunch * cfg.affine
    yield _layer("wavernn", "affine1", steps, width, cfg.gru * width, extra=width)
    for j in range(cfg.bunch - 1):
        width = (cfg.bunch - 1 - j) * cfg.affine
        yield _table(f"bunch_kernel{j}", steps, width, cfg.embedding * width)
    yield _layer("wavernn", "affine2", rate, classes, cfg.affine * classes, extra=classes)
