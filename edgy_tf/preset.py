"""Presets: the architecture as a small config file. Needs NumPy-free Python only.

A preset fixes the front end, the encoder, the codebook, the speaker embedding, the decoder and how they are trained.
``edgy_tf/presets/*.toml`` holds the four that ship; any other is a file of the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

from edgy_tf.config import build, names_in, read_named
from edgy_tf.errors import PresetError
from edgy_tf.preset_rules import broken_rule
from edgy_tf.preset_training import TrainConfig


@dataclass(frozen=True)
class FrontEnd:
    """Log-mel parameters (paper section 4.1; see ``edgy_tf.frontend``). Lengths are samples, frequencies Hz."""

    sample_rate: int
    n_fft: int
    hop: int
    window: int
    mels: int
    fmin: float
    fmax: float
    preemphasis: float
    gain_db: float
    floor_db: float


@dataclass(frozen=True)
class Conv:
    """One convolution over time.

    Attributes:
        kernel: its length.
        stride: of its output.
        dilation: of its kernel.
        depthwise: each channel by itself, then a 1 x 1 convolution over the channels: most of the depth for a
            fraction of the multiplications (Howard et al. 2017).
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    depthwise: bool = False


@dataclass(frozen=True)
class EncoderConfig:
    """The convolutional encoder (paper section 4.2.1).

    Attributes:
        units: channels of every convolution.
        residual: add each layer's input to its output, of all but the first that have a stride of 1.
        normalise: give each latent unit variance over a batch, so that the codebook cannot shrink onto one code.
        lookahead: mel frames after a code's own that the encoder may see.
        levelled: what it hears has been brought to one level, and its pauses are silent (`edgy_tf.frontend.Leveller`).
        aligned: residual connections carry the code's own place past a layer, not the middle of what it sees.
    """

    units: int
    residual: bool
    normalise: bool
    lookahead: int
    layers: tuple[Conv, ...]
    aligned: bool = False
    levelled: bool = False


@dataclass(frozen=True)
class CodebookConfig:
    """The vector quantiser (paper equations 1 and 2).

    Attributes:
        size: number of codes K.
        dim: length of a code's vector, and of the latent.
        decay: of the exponential moving averages that train the codebook.
        commitment: beta of equation 2.
        restart_below: a code used less often than this, in expected uses a step, is moved onto a latent.
        product: sizes of the codebooks of equal parts of the latent, where a code is one vector of each (Jégou et al.
            2011); their product is ``size``. Without any, a code is a vector of its own.
    """

    size: int
    dim: int
    decay: float
    commitment: float
    restart_below: float
    product: tuple[int, ...] = ()


@dataclass(frozen=True)
class SpeakerConfig:
    """The speaker embedding: ``table`` (one-hot) or ``resnet`` (Thin ResNet-34), of ``dim`` numbers."""

    kind: str
    dim: int


@dataclass(frozen=True)
class DecoderConfig:
    """The WaveRNN (paper sections 3.2 and 4.2.1): sizes of its layers and bits of its mu-law samples.

    Attributes:
        bunch: samples that one step of the GRU produces; the paper's is 1.
        context: residual convolutions over the codes, ``2 * conditioning`` wide; without any, the paper's two
            bi-directional GRUs.
        place: mel frames that one place of the context stands for; 0 for those of a code. A longer code stands in
            several, so that a decoder of shorter codes fits (`edgy_tf.train.start`).
    """

    conditioning: int
    gru: int
    embedding: int
    affine: int
    bits: int
    bunch: int = 1
    context: tuple[Conv, ...] = ()
    place: int = 0


@dataclass(frozen=True)
class Preset:
    """An architecture and its training, as read from a config file, and the geometry that follows from it."""

    name: str
    about: str
    front_end: FrontEnd
    encoder: EncoderConfig
    codebook: CodebookConfig
    speaker: SpeakerConfig
    decoder: DecoderConfig
    train: TrainConfig

    @property
    def stride(self) -> int:
        """Mel frames a code."""
        stride = 1
        for layer in self.encoder.layers:
            stride *= layer.stride
        return stride

    @property
    def place(self) -> int:
        """Mel frames that one place of the decoder's context stands for."""
        return self.decoder.place or self.stride

    @property
    def receptive_field(self) -> int:
        """Mel frames that one code depends on."""
        field, step = 1, 1
        for layer in self.encoder.layers:
            field += (layer.kernel - 1) * layer.dilation * step
            step *= layer.stride
        return field

    @property
    def crops(self) -> tuple[tuple[int, int], ...]:
        """For each layer, inputs before and after the one that a residual connection carries past it.

        Aligned, the first layers spend the look-ahead and the others see the past alone, so that what the
        connections carry stays at the code's own place.
        """
        left, step, crops = self.encoder.lookahead, 1, []
        for layer in self.encoder.layers:
            lost = (layer.kernel - 1) * layer.dilation
            after = min(lost // 2, left // step) if self.encoder.aligned else lost - lost // 2
            crops.append((lost - after, after))
            left -= after * step
            step *= layer.stride
        return tuple(crops)

    @property
    def residuals(self) -> tuple[bool, ...]:
        """For each layer, whether its input is added to its output; the first one's is mel bands, not channels."""
        return tuple(i > 0 and self.encoder.residual and conv.stride == 1 for i, conv in enumerate(self.encoder.layers))

    @property
    def joined_layers(self) -> list[list[int]]:
        """Numbers of the layers, from 1, those in one list whose outputs meet in residual sums."""
        groups: list[list[int]] = []
        for i, joined in enumerate(self.residuals, start=1):
            if joined and groups:
                groups[-1].append(i)
            else:
                groups.append([i])
        return groups

    @property
    def history(self) -> int:
        """Mel frames before a code's own that the encoder sees."""
        return self.receptive_field - self.stride - self.encoder.lookahead

    @property
    def samples_per_code(self) -> int:
        """Audio samples a code."""
        return self.stride * self.front_end.hop

    @property
    def code_rate(self) -> float:
        """Codes a second."""
        return self.front_end.sample_rate / self.samples_per_code

    @property
    def code_bits(self) -> int:
        """Bits of one packed code."""
        return max(1, (self.codebook.size - 1).bit_length())

    @property
    def lookahead_ms(self) -> float:
        """Milliseconds of sound after a code's own that must be heard before the code is known."""
        tail = (self.front_end.window - self.front_end.hop) / 2
        return 1000 * (self.encoder.lookahead * self.front_end.hop + tail) / self.front_end.sample_rate

    @property
    def samples_before(self) -> int:
        """Samples before a code's own that the front end and the encoder need."""
        # One sample more for the pre-emphasis; the window of the first frame reaches before the frame itself.
        return 1 + self.history * self.front_end.hop + (self.front_end.window - self.front_end.hop) // 2

    def samples_for(self, codes: int) -> int:
        """Samples that ``codes`` consecutive codes depend on, ``samples_before`` among them."""
        return 1 + (self.frames_for(codes) - 1) * self.front_end.hop + self.front_end.window

    def frames_for(self, codes: int) -> int:
        """Mel frames that ``codes`` consecutive codes depend on."""
        return (codes - 1) * self.stride + self.receptive_field

    def codes_for(self, samples: int) -> int:
        """Codes that ``samples`` samples of audio become; the last may be padded with silence."""
        return -(-samples // self.samples_per_code)


def preset_names() -> list[str]:
    """Names of the presets that ship."""
    return names_in(_folder())


def load_preset(name: str) -> Preset:
    """Read a preset by its name, or from a ``.toml`` file.

    Raises:
        PresetError: no such preset, not TOML, or a key that is missing, unknown or of the wrong type.
    """
    return preset_from_dict(*read_named(name, _folder(), "preset"))


def preset_from_dict(table: dict[str, Any], origin: str = "preset") -> Preset:
    """Build a preset from nested dicts, as TOML or JSON give them; the inverse of ``dataclasses.asdict``.

    Raises:
        PresetError: a key that is missing, unknown or of the wrong type, or values that make no network.
    """
    preset: Preset = build(Preset, table, origin)
    if broken := broken_rule(preset):
        raise PresetError(f"{origin}: {broken}")
    return preset


def _folder() -> Any:
    return resources.files("edgy_tf") / "presets"
