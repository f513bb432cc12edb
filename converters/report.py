"""Is a converted file what Keras is, and if not, from which layer on? Verification that belongs to converting."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.encoder import BLOCK, layer_names
from converters.inspect import off_xnnpack, operators_of
from converters.verify import Agreement, Codes, KerasEncoder, Pcm, agreement
from edgy_tf.corpora import to_float32
from edgy_tf.errors import ModelError
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from pi_runtime import EdgeEncoder, FrameEncoder

BARS = {"float32": 0.999, "float16": 0.97, "dynamic": 0.9, "int8": 0.9, "int16x8": 0.97, "micro": 0.9}
"""Least share of codes equal to Keras, by variant."""
WINDOWS = 40
"""Stretches of speech that the layers are compared on."""
GOOD_DB = 40
"""Signal-to-noise ratio above which a layer is as good as exact: that of 8 bits at most."""


@dataclass(frozen=True)
class Report:
    """One converted file against Keras in float32.

    Attributes:
        variant: of the encoder.
        agreement: codes equal to Keras, by signature; of ``encode`` and ``encode_stream`` with log-mel by NumPy.
        layers: signal-to-noise ratio of each layer's output, dB, in order from ``log-mel`` to the latents.
        search: share of codes that are nearest to the file's own latents.
        operators: how often each occurs, by signature.
        off_xnnpack: those that XNNPACK does not run here, by signature.
        size: of the file, bytes.
        gzip_size: the same, compressed at the highest level.
    """

    variant: str
    agreement: dict[str, Agreement]
    layers: dict[str, float]
    search: float
    operators: dict[str, Counter[str]]
    off_xnnpack: dict[str, Counter[str]]
    size: int
    gzip_size: int

    @property
    def latent_snr(self) -> float:
        """Signal-to-noise ratio of the latents, dB."""
        return list(self.layers.values())[-1]

    @property
    def diverges_at(self) -> str:
        """The layer that loses the most of what was still right before it."""
        if self.search < 0.99:
            return "the search of the codebook"
        good = [GOOD_DB, *(min(GOOD_DB, snr) for snr in self.layers.values())]
        losses = {name: before - after for name, before, after in zip(self.layers, good, good[1:], strict=False)}
        worst = max(losses, key=lambda name: losses[name])
        return f"{worst} ({losses[worst]:.0f} dB worse than what goes into it)"

    def check(self) -> None:
        """Refuse a file whose codes are not the network's.

        Raises:
            ModelError: too few codes are equal; it names the signature and the layer.
        """
        for signature, result in self.agreement.items():
            if result.share < BARS[self.variant]:
                raise ModelError(
                    f"the {self.variant} encoder's {signature} has only {result} like Keras, at least "
                    f"{100 * BARS[self.variant]:g} % are needed; it diverges at {self.diverges_at}; nothing was written"
                )

    def __str__(self) -> str:
        """Several lines: figures, agreement, layers, operators."""
        lines = [
            f"{self.variant}: {self.size / 1e3:,.0f} kB, {self.gzip_size / 1e3:,.0f} kB gzipped, "
            f"latents {self.latent_snr:.1f} dB above their error"
        ]
        lines += [f"  {name:14} codes equal to Keras: {result}" for name, result in self.agreement.items()]
        lines.append("  dB by layer: " + ", ".join(f"{name} {snr:.0f}" for name, snr in self.layers.items()))
        for name, operators in self.operators.items():
            off = self.off_xnnpack[name]
            lines.append(f"  {name}: {_counts(operators)}; not in XNNPACK: {_counts(off) or 'none'}")
        return "\n".join(lines)


def report(files: Mapping[str, Path], network: Network, speech: list[Pcm]) -> dict[str, Report]:
    """Compare ``.tflite`` files, by variant, with the network they were made of, on speech it was not trained on."""
    from_pcm = agreement(
        KerasEncoder(network).encode, {v: EdgeEncoder(path).encode for v, path in files.items()}, speech
    )
    frames: dict[str, Callable[[Pcm], Codes]] = {}
    for variant, path in files.items():
        encoder = FrameEncoder(path)
        frames[f"{variant} encode"] = _of_pcm(network, encoder.encode)
        frames[f"{variant} encode_stream"] = _of_pcm(network, partial(_streamed, encoder))
    from_mel = agreement(KerasEncoder(network, "numpy").encode, frames, speech)
    reports = {}
    for variant, path in files.items():
        model = path.read_bytes()
        layers, search = compare_layers(model, network, speech)
        operators = operators_of(model)
        reports[variant] = Report(
            variant=variant,
            agreement={"pcm_to_codes": from_pcm[variant]}
            | {name: from_mel[f"{variant} {name}"] for name in ("encode", "encode_stream")},
            layers=layers,
            search=search,
            operators=operators,
            off_xnnpack={name: off_xnnpack(model, name) for name in operators},
            size=len(model),
            gzip_size=len(gzip.compress(model, 9)),
        )
    return reports


def compare_layers(model: bytes, network: Network, speech: Iterable[Pcm]) -> tuple[dict[str, float], float]:
    """Run ``pcm_to_codes`` on stretches of speech, with every tensor of the last run kept, beside Keras.

    Returns:
        signal-to-noise ratio in dB of each layer's output, the latents last, but for layers that the file has of
        another width, and the share of codes that are nearest to the latents.
    """
    import keras

    from edgy_tf.frontend.layer import LogMelLayer

    encoder = network.encoder()
    layer_outputs = {name: encoder.get_layer(name).output for name in layer_names(encoder)}
    reference = keras.Model(encoder.input, layer_outputs)
    front_end = LogMelLayer(network.preset.front_end)
    interpreter, tensors = _keeping_tensors(model)
    source = interpreter.get_input_details()[0]
    window, advance = int(source["shape"][1]), BLOCK * network.preset.samples_per_code
    # Where the graph remembers, it must have heard all that the last run depends on.
    frames = 1 + (window - 1 - network.preset.front_end.window) // network.preset.front_end.hop
    runs = -(-network.preset.frames_for(BLOCK) // frames)
    signal: dict[str, float] = defaultdict(float)
    noise: dict[str, float] = defaultdict(float)
    near = codes = 0
    for pcm in _windows(speech, (runs - 1) * advance + window):
        for run in range(runs):
            interpreter.set_tensor(source["index"], pcm[None, run * advance : run * advance + window])
            interpreter.invoke()
        mel = np.asarray(front_end(pcm[None]))
        expected = {"log-mel": mel} | {name: np.asarray(value) for name, value in reference(mel).items()}
        for name, right in expected.items():
            actual = _value(interpreter, tensors["mel" if name == "log-mel" else name])
            if actual.shape[-1] != right.shape[-1]:
                continue
            # Of Keras, which hears the whole, as much as is of the last run.
            right = right.reshape(-1, right.shape[-1])[-(actual.size // right.shape[-1]) :]
            signal[name] += float(np.sum(np.square(right)))
            noise[name] += float(np.sum(np.square(right - actual.reshape(right.shape))))
        latents = _value(interpreter, tensors["into_codebook"])[0]
        scores = latents @ network.codebook.T - 0.5 * np.sum(np.square(network.codebook), -1)
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        near, codes = near + int(np.sum(found == scores.argmax(-1))), codes + len(found)
    snr = {name: 10 * float(np.log10(max(signal[name], 1e-30) / max(noise[name], 1e-30))) for name in signal}
    return snr, near / codes


def _keeping_tensors(model: bytes) -> tuple[Any, dict[str, Any]]:
    """An interpreter without delegates, which would hide what happens inside of them, and its tensors by name."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter, {details["name"]: details for details in interpreter.get_tensor_details()}


def _value(interpreter: Any, details: Any) -> npt.NDArray[np.float32]:
    scale, zero = details["quantization"]
    raw = interpreter.get_tensor(details["index"]).astype(np.float32)
    return (raw - zero) * scale if scale else raw


def _windows(speech: Iterable[Pcm], window: int) -> list[npt.NDArray[np.float32]]:
    """Up to ``WINDOWS`` stretches, taken from all recordings in turn; silence ends those that are too short."""
    found = []
    for pcm in speech:
        audio = to_float32(pcm)
        audio = np.pad(audio, (0, max(0, window - len(audio))))
        starts = range(0, len(audio) - window + 1, window)
        found.append([audio[start : start + window] for start in starts])
    longest = max(map(len, found))
    return [windows[i] for i in range(longest) for windows in found if i < len(windows)][:WINDOWS]


def _streamed(encoder: FrameEncoder, mel: npt.NDArray[np.float32]) -> Codes:
    encoder.reset()
    return encoder.process(mel)


def _of_pcm(network: Network, encode: Callable[[npt.NDArray[np.float32]], Codes]) -> Callable[[Pcm], Codes]:
    return lambda pcm: encode(encoder_input(to_float32(pcm), network.preset))


def _counts(operators: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(operators.items()))
