"""The decoder: a WaveRNN on codes and a voice (paper sections 3.2 and 4.2.1; Lorenzo-Trueba et al. 2019)."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from edgy_tf.preset import Preset


class Conditioning(keras.layers.Layer):
    """Code vectors ``[B, N, D]`` and a voice ``[B, S]`` to ``[B, N * stride, 2 * conditioning]``, one per mel frame."""

    def __init__(self, preset: Preset, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = preset.stride
        self.grus = [
            layers.Bidirectional(
                layers.GRU(preset.decoder.conditioning, return_sequences=True, name="gru"), name=f"bigru{i}"
            )
            for i in (1, 2)
        ]

    def build(self, vectors_shape: tuple[Any, ...], voice_shape: tuple[Any, ...]) -> None:
        """Create the two bi-directional GRUs."""
        self.grus[0].build((None, None, vectors_shape[-1] + voice_shape[-1]))
        self.grus[1].build((None, None, 2 * self.grus[0].forward_layer.units))

    def call(self, vectors: Any, voice: Any) -> Any:
        """Upsample the codes to mel frames, put the voice beside each, and let both directions run over them."""
        frames = ops.repeat(vectors, self.stride, axis=1)
        beside = ops.repeat(ops.expand_dims(voice, 1), ops.shape(frames)[1], axis=1)
        x = ops.concatenate([frames, ops.cast(beside, frames.dtype)], -1)
        for gru in self.grus:
            x = gru(x)
        return x


class ConvConditioning(keras.layers.Layer):
    """The same by residual convolutions over the codes: as wide a view, and no step that waits for another."""

    def __init__(self, preset: Preset, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.place, self.places = preset.place, preset.stride // preset.place
        self.channels = 2 * preset.decoder.conditioning
        self.enter = layers.Dense(self.channels, name="enter")
        self.blocks = [
            (
                layers.LayerNormalization(name=f"norm{i}"),
                layers.Conv1D(
                    self.channels,
                    conv.kernel,
                    dilation_rate=conv.dilation,
                    padding="same",
                    activation="gelu",
                    name=f"context{i}",
                ),
                layers.Dense(self.channels, name=f"mix{i}"),
            )
            for i, conv in enumerate(preset.decoder.context, start=1)
        ]
        self.norm = layers.LayerNormalization(name="norm")
        self.leave = layers.Dense(self.place * self.channels, name="leave")

    def build(self, vectors_shape: tuple[Any, ...], voice_shape: tuple[Any, ...]) -> None:
        """Create the convolutions."""
        self.enter.build((None, None, vectors_shape[-1] + voice_shape[-1]))
        for layer in (*(part for block in self.blocks for part in block), self.norm, self.leave):
            layer.build((None, None, self.channels))

    def call(self, vectors: Any, voice: Any) -> Any:
        """Put the voice beside each code, look around, and split each code into its mel frames."""
        vectors = ops.repeat(vectors, self.places, axis=1)
        count = ops.shape(vectors)[1]
        beside = ops.repeat(ops.expand_dims(voice, 1), count, axis=1)
        x = self.enter(ops.concatenate([vectors, ops.cast(beside, vectors.dtype)], -1))
        for norm, conv, mix in self.blocks:
            x = x + mix(conv(norm(x)))
        return ops.reshape(self.leave(self.norm(x)), (-1, count * self.place, self.channels))


def build_conditioning(preset: Preset) -> Any:
    """The conditioning that a preset asks for, built."""
    kind = ConvConditioning if preset.decoder.context else Conditioning
    conditioning = kind(preset, name="conditioning")
    conditioning.build((None, None, preset.codebook.dim), (None, preset.speaker.dim))
    return conditioning


class WaveRNN(keras.layers.Layer):
    """The autoregressive part: previous samples and conditioning to logits over mu-law classes.

    The GRU's input is the embedding of the previous samples beside the conditioning. Its input kernel is applied
    where that is cheap: once to each row of the embedding table, and once a frame to the conditioning.

    With a ``bunch`` of S above 1 the GRU runs once for S samples; each of them is then drawn knowing those before
    it in the bunch, through the first affine layer (Vipperla et al. 2020, Bunched LPCNet).

    ``edgy_tf.decode.sampler`` runs the same weights one sample at a time.
    """

    def __init__(self, preset: Preset, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        cfg = preset.decoder
        self.config = cfg
        self.steps_per_frame = preset.front_end.hop // cfg.bunch
        self.embedding = layers.Embedding(2**cfg.bits, cfg.embedding, name="embedding")
        self.embedding_kernel = layers.Dense(cfg.bunch * 3 * cfg.gru, use_bias=False, name="embedding_kernel")
        self.conditioning_kernel = layers.Dense(3 * cfg.gru, name="conditioning_kernel")
        self.gru = layers.RNN(RecurrentGRUCell(cfg.gru, name="cell"), return_sequences=True, name="gru")
        self.affine1 = layers.Dense(cfg.bunch * cfg.affine, name="affine1")
        # The j-th sample of a bunch speaks to the bunch - 1 - j after it.
        self.bunch_kernels = [
            layers.Dense((cfg.bunch - 1 - j) * cfg.affine, use_bias=False, name=f"bunch_kernel{j}")
            for j in range(cfg.bunch - 1)
        ]
        self.affine2 = layers.Dense(2**cfg.bits, name="affine2")

    def build(self, wave_shape: tuple[int | None, ...], conditioning_shape: tuple[int | None, ...]) -> None:
        """Create embedding, GRU and the affine layers."""
        cfg = self.config
        self.embedding.build(wave_shape)
        self.embedding_kernel.build((None, cfg.embedding))
        self.conditioning_kernel.build(conditioning_shape)
        self.gru.build((None, None, 3 * cfg.gru))
        self.affine1.build((None, None, cfg.gru))
        for kernel in self.bunch_kernels:
            kernel.build((None, cfg.embedding))
        self.affine2.build((None, None, None, cfg.affine))

    def call(self, wave: Any, conditioning: Any) -> Any:
        """Logits of every sample given those before it.

        Args:
            wave: classes ``[B, S + T * hop]``; the first S are the samples before those that are predicted.
            conditioning: ``[B, T, C]``.

        Returns:
            ``[B, T * hop, 2 ** bits]``.
        """
        size, units = self.config.bunch, self.config.gru
        steps = conditioning.shape[1] * self.steps_per_frame
        bunches = ops.reshape(wave, (-1, steps + 1, size))
        table = ops.reshape(self.embedding_kernel(self.embedding.embeddings), (-1, size, 3 * units))
        inputs = ops.repeat(self.conditioning_kernel(conditioning), self.steps_per_frame, axis=1)
        for j in range(size):
            inputs = inputs + ops.take(table[:, j], bunches[:, :-1, j], axis=0)
        hidden = ops.split(self.affine1(self.gru(inputs)), size, axis=-1)
        for j, kernel in enumerate(self.bunch_kernels):
            heard = ops.take(kernel(self.embedding.embeddings), bunches[:, 1:, j], axis=0)
            for i, part in enumerate(ops.split(heard, size - 1 - j, axis=-1), start=j + 1):
                hidden[i] = hidden[i] + part
        logits = self.affine2(ops.relu(ops.stack(hidden, axis=2)))
        return ops.reshape(logits, (-1, steps * size, 2**self.config.bits))


class RecurrentGRUCell(keras.layers.Layer):
    """A GRU step (Cho et al. 2014, reset after the product, as cuDNN does) whose input kernel has been applied."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the recurrent kernel ``[units, 3 * units]`` (update, reset, candidate) and its bias."""
        self.kernel = self.add_weight(shape=(self.units, 3 * self.units), initializer="orthogonal", name="kernel")
        self.bias = self.add_weight(shape=(3 * self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        """``inputs [B, 3 * units]`` and state ``[B, units]`` to the new state."""
        (h,) = states
        recurrent = ops.matmul(h, self.kernel) + self.bias
        xz, xr, xh = ops.split(inputs, 3, axis=-1)
        hz, hr, hh = ops.split(recurrent, 3, axis=-1)
        update = ops.sigmoid(xz + hz)
        candidate = ops.tanh(xh + ops.sigmoid(xr + hr) * hh)
        h = update * h + (1 - update) * candidate
        return h, [h]
