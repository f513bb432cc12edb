"""The whole network as it is trained: encoder, quantiser, voice, conditioning and WaveRNN (paper figure 2)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edgy_tf.frontend.spectra import features, magnitudes
from edgy_tf.models.adversary import LEVELS, PROSODY, Adversary
from edgy_tf.models.another_voice import another_voice
from edgy_tf.models.encoder import build_encoder
from edgy_tf.models.quantizer import VectorQuantizer, perplexity
from edgy_tf.models.speaker import build_speaker
from edgy_tf.models.spelling import Spelling
from edgy_tf.models.wavernn import WaveRNN, build_conditioning
from edgy_tf.models.whisper import HOP, MELS, WINDOW, WhisperEncoder, features_of_mel, whisper_features
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Phase
from edgy_tf.weights import Arrays

TERMS = (
    "nll",
    "mel",
    "text",
    "words",
    "spelling",
    "units",
    "commitment",
    "pauses",
    "agreement",
    "who",
    "gender",
    "prosody",
    "perplexity",
)
"""What a batch is judged by; all but the perplexity are summed."""


class VQVAE(keras.Model):
    """Equation 2 over a batch of crops.

    A batch is a dict (``edgy_tf.train.batches``): ``mel [B, F, mels]`` as the encoder hears it, ``target
    [B, N * stride, mels]`` as the mel head should give it back, ``wave [B, S + W]`` mu-law classes, ``speaker``
    (``[B]`` indices, or ``[B, R, mels]`` frames for a ResNet voice), and ``jitter [B, N]``, for each latent the index
    of the one that stands in for it. Where the codes are frozen, ``codes [B, N]`` stand for ``mel``; of the crops
    that are ``changed [B]`` they are those of ``heard`` instead.
    A ``content`` phase has samples instead: ``pcm`` clean and ``heard`` as the microphone might give it, int16
    ``[B, samples]``, ``change [B, C]`` for ``another_voice``, ``gender [B]`` (0 unknown, 1 F, 2 M), and ``units
    [B, N * stride / 2]`` (0 unknown) where a head tells them; ``prosody [B, P]`` (0 unknown) where an adversary asks
    about it; ``mask [B, mels]``, 0 in the bands that the encoder hears nothing of; ``speaks [B, N]`` (0 in pauses)
    where these are to have one code. Where pages are spelled, ``page [P, samples]`` is like ``heard``, with
    ``page_change [P, C]``, ``page_frames [P]``, after which there is nothing, and ``tokens [P, L]``.

    The mel head is a linear layer on the conditioning; it exists where a phase trains with it. It makes the
    conditioning a decoder of its own, from codes to mel. The text head beside it gives, in nobody's voice, the
    features of a recogniser: from codes to words without a vocoder.
    """

    def __init__(
        self, preset: Preset, speakers: int, phase: Phase, teacher: Arrays | None = None, reader: Arrays | None = None
    ) -> None:
        # Losses and targets stay float32 under any policy; each part below follows the policy itself.
        super().__init__(name="vqvae", dtype="float32")
        self.preset = preset
        self.encoder = build_encoder(preset)
        self.quantizer = VectorQuantizer(preset.codebook, name="quantizer")
        self.speaker = build_speaker(preset, speakers)
        self.conditioning = build_conditioning(preset)
        self.wavernn = WaveRNN(preset, name="wavernn")
        targets = {p.target for p in preset.train.phases}
        self.mel_head: Any = None
        self.text_head: Any = None
        self.unit_head: Any = None
        self.adversary: Any = None
        self.prosody: Any = None
        self.teacher: Any = None
        if targets & {"mel", "content"}:
            self.mel_head = layers.Dense(preset.front_end.mels, dtype="float32", name="mel_head")
        if "content" in targets:
            self.text_head = layers.Dense(MELS, dtype="float32", name="text_head")
            self.adversary = Adversary({"speakers": speakers, "genders": 3}, name="adversary")
            if preset.train.content.prosody:
                self.prosody = Adversary(dict.fromkeys(PROSODY, LEVELS + 1), name="prosody")
            if units := preset.train.content.units:
                self.unit_head = layers.Dense(units + 1, dtype="float32", name="unit_head")
        if teacher:
            self.teacher = WhisperEncoder(teacher, keras.config.dtype_policy().compute_dtype)
        self.spelling: Any = Spelling(reader) if reader else None
        self.means = {n: keras.metrics.Mean(n) for n in ("loss", *TERMS)}
        self._build()
        self.begin(phase)

    def _build(self) -> None:
        # Every variable exists from the start, whatever the phase: a checkpoint always holds the same names.
        p = self.preset
        self.quantizer.build((None, None, p.codebook.dim))
        conditioning = (None, None, 2 * p.decoder.conditioning)
        self.wavernn.build((None, None), conditioning)
        for head in (self.mel_head, self.text_head, self.unit_head):
            if head is not None:
                head.build(conditioning)
        for asking in (self.adversary, self.prosody):
            if asking is not None:
                asking.build((None, None, p.codebook.dim))
        if self.teacher is not None:
            self.teacher.build((None, None, MELS))
        self.built = True

    def begin(self, phase: Phase) -> None:
        """Choose what is trained from now on; compile afterwards."""
        self.phase = phase
        self.wavernn.trainable = phase.target == "wave"
        content, decoding = phase.target == "content", not (phase.freeze and phase.target == "wave")
        self.encoder.trainable = not phase.freeze
        self.conditioning.trainable = decoding
        if self.preset.speaker.kind == "table":
            self.speaker.trainable = decoding
        for part, trains in (
            (self.mel_head, decoding),
            (self.text_head, content),
            (self.unit_head, content),
            (self.adversary, content and not phase.freeze),
            (self.prosody, content and not phase.freeze),
        ):
            if part is not None:
                part.trainable = trains

    def voices(self, speaker: Any) -> Any:
        """Speaker indices, or frames of reference, to voices ``[B, S]``."""
        return self.speaker(speaker)

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Compute the losses of one batch, each a scalar, and the perplexity of its codes."""
        if self.phase.target == "content":
            return self._content(batch, training)
        if "codes" in batch:
            quantised = self.quantizer.lookup(batch["codes"])
            return {"nll": self._nll(batch["wave"], self.conditioning(quantised, self.voices(batch["speaker"])))}
        latents = self.encoder(batch["mel"], training=training)
        quantised, codes, commitment = self.quantizer(latents, training=training)
        if self.preset.train.jitter and training:
            quantised = ops.take_along_axis(quantised, batch["jitter"][:, :, None], axis=1)
        context = self.conditioning(quantised, self.voices(batch["speaker"]))
        losses = {"commitment": commitment, "perplexity": perplexity(codes, self.preset.codebook.size)}
        if self.mel_head is not None:
            losses["mel"] = _distance(self.mel_head(context), batch["target"])
        if self.phase.target == "wave":
            losses["nll"] = self._nll(batch["wave"], context)
        return losses

    def _content(self, batch: dict[str, Any], training: bool) -> dict[str, Any]:
        p, cfg, fe = self.preset, self.preset.train.content, self.preset.front_end
        pcm = ops.cast(batch["pcm"], "float32") / 32768
        clean = features(magnitudes(pcm, fe), fe)
        losses: dict[str, Any] = {}
        if "codes" in batch:
            quantised = self.quantizer.lookup(self._codes(batch))
        else:
            quantised, losses = self._hidden(batch, training)
        frames, judged = self.phase.codes * p.stride, self.phase.judged
        mel = self.mel_head(self.conditioning(_share(quantised, cfg.mel_gradient), self.voices(batch["speaker"])))
        nobody = self.voices(ops.zeros_like(batch["speaker"]))
        context = self.conditioning(quantised, nobody)
        text = self.text_head(context if self.phase.freeze else _share(context, cfg.text_gradient))
        begin = p.samples_before - WINDOW // 2
        spoken = whisper_features(pcm[:, begin : begin + (frames - 1) * HOP + WINDOW])
        losses["mel"] = _distance(mel, clean[:, p.history : p.history + frames])
        losses["text"] = _distance(text, spoken)
        if judged:
            given = [(self.text_head(context[:judged]), cfg.words)]
            if cfg.speech_words:
                given.append((features_of_mel(mel[:judged], fe), cfg.speech_words))
            losses["words"] = self._words(given, spoken[:judged])
        if self.phase.spelled:
            losses["spelling"] = cfg.spelling * self._spelling(batch, training)
        if self.unit_head is not None:
            pairs = ops.reshape(context, (-1, frames // 2, 2, context.shape[-1]))
            losses["units"] = _cross_entropy(batch["units"], self.unit_head(ops.mean(pairs, 2)))
        return losses

    def _codes(self, batch: dict[str, Any]) -> Any:
        """Frozen codes, some of them those of other voices."""
        if "heard" not in batch:
            return batch["codes"]
        heard = self.quantizer.nearest(self.encoder(self._mel(batch["heard"], batch["change"])))
        return ops.where(batch["changed"][:, None], heard, batch["codes"])

    def _hidden(self, batch: dict[str, Any], training: bool) -> tuple[Any, dict[str, Any]]:
        """Quantised latents of the speech as it is heard, and what they are judged by whatever decodes them."""
        p, cfg = self.preset, self.preset.train.content
        heard = self._mel(batch["heard"], batch["change"] if training else None)
        if training and cfg.masked_mels:
            heard = heard * batch["mask"][:, None]
        latents = self.encoder(ops.stop_gradient(heard), training=training)
        if training and self.phase.latent_noise:
            latents = ops.cast(latents, "float32") + batch["latent_noise"]
        pauses = ops.equal(batch["speaks"], 0) if cfg.pause_db else None
        quantised, codes, commitment = self.quantizer(latents, training=training, pauses=pauses if training else None)
        who, gender = self.adversary(reversed_gradient(quantised, cfg.adversary))
        losses = {
            "commitment": commitment,
            "perplexity": perplexity(codes, p.codebook.size),
            "who": _cross_entropy(batch["speaker"], who) if training else ops.zeros(()),
            "gender": _cross_entropy(batch["gender"], gender),
        }
        if pauses is not None:
            losses["pauses"] = self.quantizer.pause_loss(latents, pauses)
        if training and cfg.agreement:
            # The same room, noise and codec: the crop's neighbour lends its voice.
            other = self._mel(batch["heard"], ops.roll(batch["change"], 1, axis=0))
            otherwise = self.encoder(ops.stop_gradient(other), training=training)
            losses["agreement"] = cfg.agreement * self.quantizer.disagreement(otherwise, codes)
        if self.prosody is not None:
            told = enumerate(self.prosody(reversed_gradient(quantised, cfg.prosody)))
            losses["prosody"] = ops.mean(
                ops.stack([_cross_entropy(batch["prosody"][:, i], logits) for i, logits in told])
            )
        return quantised, losses

    def _mel(self, pcm: Any, change: Any = None) -> Any:
        """Log-mel of int16 samples, in another voice where there is a ``change``."""
        fe = self.preset.front_end
        spectra = magnitudes(ops.cast(pcm, "float32") / 32768, fe)
        return features(spectra if change is None else another_voice(spectra, change), fe)

    def _spelling(self, batch: dict[str, Any], training: bool) -> Any:
        """Loss of what the recogniser writes of pages, whose codes learn but if they are frozen."""
        mel = self._mel(batch["page"], batch["page_change"] if training else None)
        # As the encoder is when it is released: a page holds silence, which its statistics should not.
        quantised, _, _ = self.quantizer(self.encoder(ops.stop_gradient(mel)))
        nobody = self.voices(ops.zeros_like(batch["page_frames"]))
        text = self.text_head(self.conditioning(quantised, nobody))
        inside = np.arange(text.shape[1])[None] < batch["page_frames"][:, None]
        return self.spelling({"mel": text * ops.cast(inside, "float32")[..., None], "tokens": batch["tokens"]})

    def _words(self, given: list[tuple[Any, float]], spoken: Any) -> Any:
        """Distance of the recogniser's states for features and for speech, as a share of their variance, weighted."""
        wanted = ops.stop_gradient(self.teacher(spoken))
        variance = ops.mean(ops.square(wanted - ops.mean(wanted, axis=(0, 1))), axis=(0, 1))
        distances = (w * ops.mean(ops.square(self.teacher(x) - wanted) / (variance + 1e-3)) for x, w in given)
        return sum(distances)

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
        """Sum the terms of equation 2, and of what stands beside the likelihood in a phase."""
        return sum(ops.cast(y_pred[n], "float32") for n in TERMS if n in y_pred and n != "perplexity")

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Average what ``call`` returned over an epoch."""
        self.means["loss"].update_state(self.compute_loss(y_pred=y_pred))
        for name, value in y_pred.items():
            self.means[name].update_state(value)
        return {n: self.means[n].result() for n in ("loss", *y_pred)}


def _distance(given: Any, wanted: Any) -> Any:
    return ops.mean(ops.abs(ops.cast(given, "float32") - wanted))


def _cross_entropy(labels: Any, logits: Any) -> Any:
    """Mean over those whose label is known; 0 is unknown."""
    known = ops.cast(labels > 0, "float32")
    each = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.sum(known * each) / ops.maximum(ops.sum(known), 1)


def _share(x: Any, share: float) -> Any:
    """``x`` itself, of whose gradient a share comes back."""
    return share * x + (1 - share) * ops.stop_gradient(x)


def reversed_gradient(x: Any, share: float) -> Any:
    """``x`` itself, whose gradient comes back reversed and scaled (Ganin et al. 2016)."""
    return ops.stop_gradient((1 + share) * x) - share * x
