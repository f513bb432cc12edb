"""What the values of a preset must be among themselves, beyond their types. Needs the standard library alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgy_tf.preset import Preset

TARGETS = ("content", "mel", "wave")


def broken_rule(p: Preset) -> str | None:
    """The first rule that a preset breaks, in words, or None: then a network can be built of it and trained."""
    sizes = {
        "encoder.units": p.encoder.units,
        "codebook.dim": p.codebook.dim,
        "speaker.dim": p.speaker.dim,
        "decoder.conditioning": p.decoder.conditioning,
        "decoder.gru": p.decoder.gru,
        "decoder.embedding": p.decoder.embedding,
        "decoder.affine": p.decoder.affine,
        "decoder.bunch": p.decoder.bunch,
        "codebook.restart_below": p.codebook.restart_below,
        "train.learning_rate": p.train.learning_rate,
        "train.clip": p.train.clip,
    }
    for key, size in sizes.items():
        if size <= 0:
            return f"{key} must be positive"
    rules = [
        (p.front_end.window <= p.front_end.n_fft, "front_end.window must not exceed n_fft"),
        (0 < p.front_end.hop <= p.front_end.window, "front_end.hop must be between 1 and window"),
        ((p.front_end.window - p.front_end.hop) % 2 == 0, "front_end.window minus hop must be even"),
        (
            0 <= p.front_end.fmin < p.front_end.fmax <= p.front_end.sample_rate / 2,
            "front_end.fmin < fmax <= half the rate",
        ),
        (p.front_end.mels > 0, "front_end.mels must be positive"),
        (p.front_end.floor_db < 0, "front_end.floor_db must be negative"),
        (len(p.encoder.layers) > 0, "encoder.layers must not be empty"),
        (
            all(c.kernel > 0 and c.stride > 0 and c.dilation > 0 for c in p.encoder.layers),
            "encoder.layers must be positive",
        ),
        (p.encoder.lookahead >= 0 and p.history >= 0, f"encoder.lookahead must be 0 to {p.receptive_field - p.stride}"),
        (2 <= p.codebook.size <= 65536, "codebook.size must be 2 to 65536"),
        (
            not p.codebook.product
            or (min(p.codebook.product) > 0 and math.prod(p.codebook.product) == p.codebook.size),
            "codebook.product must be positive and multiply to codebook.size",
        ),
        (
            p.codebook.dim % (len(p.codebook.product) or 1) == 0,
            "codebook.dim must be divisible by the parts of codebook.product",
        ),
        (0 < p.codebook.decay < 1, "codebook.decay must be between 0 and 1"),
        (p.speaker.kind in ("table", "resnet"), "speaker.kind must be 'table' or 'resnet'"),
        (p.front_end.hop % p.decoder.bunch == 0, "decoder.bunch must divide front_end.hop"),
        (
            p.decoder.place >= 0 and p.stride % (p.decoder.place or 1) == 0,
            f"decoder.place must divide the {p.stride} frames of a code",
        ),
        (p.decoder.place == 0 or len(p.decoder.context) > 0, "decoder.place needs a decoder.context"),
        (2 <= p.decoder.bits <= 12, "decoder.bits must be 2 to 12"),
        (0 <= p.train.jitter <= 1, "train.jitter must be between 0 and 1"),
        (
            all(min(f.steps, f.codes, f.batch) > 0 for f in p.train.phases),
            "a phase's steps, codes and batch must be positive",
        ),
        (
            all(f.target != "mel" for f in p.train.phases if f.freeze),
            "only a wave or a content phase can freeze the codes",
        ),
        (
            not p.encoder.levelled or all(f.target == "content" or f.freeze for f in p.train.phases),
            "an encoder that is levelled learns in content phases alone",
        ),
        (
            p.train.content.units == 0 or (p.train.content.units > 1 and p.stride % 2 == 0 and p.front_end.hop == 160),
            "train.content.units must be 0, or more than 1 of 20 ms that codes of 20, 40, ... ms can be told",
        ),
        (p.train.content.prosody >= 0, "train.content.prosody must not be negative"),
        (0 <= p.train.content.masked_mels <= p.front_end.mels, "train.content.masked_mels must be 0 to front_end.mels"),
        (p.train.content.agreement >= 0, "train.content.agreement must not be negative"),
        (
            min(p.train.content.pause_db, p.train.content.pause_around) >= 0,
            "train.content.pause_db and pause_around must not be negative",
        ),
        (0.1 <= p.train.content.room <= 2 or not p.train.content.room, "train.content.room must be 0, or 0.1 to 2"),
        (0 <= p.train.content.codecs <= 1, "train.content.codecs must be between 0 and 1"),
        (0 <= p.train.content.speed <= 0.5, "train.content.speed must be between 0 and 0.5"),
        (len(p.train.phases) > 0, "train.phases must not be empty"),
        (all(f.target in TARGETS for f in p.train.phases), f"a phase's target must be one of {', '.join(TARGETS)}"),
        (all(0 <= f.wave_codes <= f.codes for f in p.train.phases), "a phase's wave_codes must not exceed its codes"),
        (all(0 <= f.judged <= f.batch for f in p.train.phases), "a phase's judged must not exceed its batch"),
        (
            all(f.spelled >= 0 and (f.target == "content" or not f.spelled) for f in p.train.phases),
            "only a content phase can be spelled",
        ),
        (
            all(0 <= f.changed <= (f.target == "content" and f.freeze) for f in p.train.phases),
            "a phase's changed must be 0 to 1, and only a content phase that freezes the codes has it",
        ),
        (all(f.latent_noise >= 0 for f in p.train.phases), "a phase's latent_noise must not be negative"),
        (all(f.wave_codes > 0 for f in p.train.phases if f.target == "wave"), "a wave phase needs wave_codes"),
    ]
    return next((message for holds, message in rules if not holds), None)
