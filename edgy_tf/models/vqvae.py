"""The whole network as it is trained: encoder, quantiser, voice, conditioning and WaveRNN (paper figure 2)."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from edgy_tf.models.encoder import build_encoder
from edgy_tf.models.quantizer import VectorQuantizer, perplexity
from edgy_tf.models.speaker import build_speaker
from edgy_tf.models.wavernn import Conditioning, WaveRNN
from edgy_tf.preset import Phase, Preset


class VQVAE(keras.Model):
    """Equation 2 over a batch of crops.

    A batch is a dict: ``mel [B, F, mels]`` as the encoder hears it, ``target [B, N * stride, mels]`` as the mel head
    should give it back, ``wave [B, S + W]`` mu-law classes, ``speaker`` (``[B]`` indices, or ``[B, R, mels]`` frames
    for a ResNet voice), and ``jitter [B, N]``, for each latent the index of the one that stands in for it.

    The mel head is a linear layer on the conditioning; it exists where a phase trains with it. It makes the
    conditioning a decoder of its own, from codes to mel.
    """

    def __init__(self, preset: Preset, speakers: int, phase: Phase) -> None:
        # Losses and targets stay float32 under any policy; each part below follows the policy itself.
        super().__init__(name="vqvae", dtype="float32")
        self.preset = preset
        self.encoder = build_encoder(preset)
        self.quantizer = VectorQuantizer(preset.codebook, name="quantizer")
        self.speaker = build_speaker(preset, speakers)
        self.conditioning = Conditioning(preset, name="conditioning")
        self.wavernn = WaveRNN(preset, name="wavernn")
        self.mel_head = None
        if any(p.target == "mel" for p in preset.train.phases):
            self.mel_head = layers.Dense(preset.front_end.mels, dtype="float32", name="mel_head")
        self.means = {n: keras.metrics.Mean(n) for n in ("loss", "nll", "mel", "commitment", "perplexity")}
        self._build()
        self.begin(phase)

    def _build(self) -> None:
        # Every variable exists from the start, whatever the phase: a checkpoint always holds the same names.
        p = self.preset
        self.quantizer.build((None, None, p.codebook.dim))
        self.conditioning.build((None, None, p.codebook.dim), (None, p.speaker.dim))
        conditioning = (None, None, 2 * p.decoder.conditioning)
        self.wavernn.build((None, None), conditioning)
        if self.mel_head is not None:
            self.mel_head.build(conditioning)
        self.built = True

    def begin(self, phase: Phase) -> None:
        """Choose what is trained from now on; compile afterwards."""
        self.phase = phase
        self.encoder.trainable = not phase.freeze
        self.wavernn.trainable = phase.target == "wave"

    def voices(self, speaker: Any) -> Any:
        """Speaker indices, or frames of reference, to voices ``[B, S]``."""
        return self.speaker(speaker)

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Compute the losses of one batch, each a scalar, and the perplexity of its codes."""
        latents = self.encoder(batch["mel"], training=training and not self.phase.freeze)
        quantised, codes, commitment = self.quantizer(latents, training=training and not self.phase.freeze)
        if self.preset.train.jitter and training:
            quantised = ops.take_along_axis(quantised, batch["jitter"][:, :, None], axis=1)
        context = self.conditioning(quantised, self.voices(batch["speaker"]))
        losses = {"commitment": commitment, "perplexity": perplexity(codes, self.preset.codebook.size)}
        if self.mel_head is not None:
            losses["mel"] = ops.mean(ops.abs(ops.cast(self.mel_head(context), "float32") - batch["target"]))
        if self.phase.target == "wave":
            losses["nll"] = self._nll(batch["wave"], context)
        return losses

    def _nll(self, wave: Any, context: Any) -> Any:
        phase, stride = self.phase, self.preset.stride
        first = (phase.codes - phase.wave_codes) // 2 * stride
        context = context[:, first : first + phase.wave_codes * stride]
        logits = ops.cast(self.wavernn(wave, context), "float32")
        target = wave[:, self.preset.decoder.bunch :]
        return ops.mean(ops.sparse_categorical_crossentropy(target, logits, from_logits=True))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Sum the terms of equation 2; the mel head's distance stands beside the likelihood where there is one."""
        return sum(ops.cast(y_pred[n], "float32") for n in ("nll", "mel", "commitment") if n in y_pred)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Average what ``call`` returned over an epoch."""
        self.means["loss"].update_state(self.compute_loss(y_pred=y_pred))
        for name, value in y_pred.items():
            self.means[name].update_state(value)
        return {n: self.means[n].result() for n in ("loss", *y_pred)}
