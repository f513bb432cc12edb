"""How a preset is trained: its phases, and what they ask of the codes. Needs the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """One stretch of training.

    Attributes:
        target: ``wave`` trains through the WaveRNN (equation 2); ``mel`` trains encoder, codebook and conditioning
            through a linear mel head, which is cheap enough to warm them up on a CPU; ``content`` adds to that a
            head for a recogniser's features, judged by the recogniser's own encoder (see ``Content``).
        steps: optimiser steps.
        codes: length of a random crop, in codes.
        wave_codes: of those, how many the WaveRNN is unrolled over.
        freeze: keep the codes as the phases before made them; a ``wave`` phase then trains the WaveRNN alone, a
            ``content`` phase all that decodes.
        batch: crops a step.
        judged: of those, in a ``content`` phase, how many the recogniser's encoder judges: it costs three times
            what everything else does.
        spelled: pages of 17.2 s, beside the crops of a ``content`` phase, of which the recogniser must write the words.
        changed: share of the crops, in a ``content`` phase that freezes the codes, whose codes are those of other
            voices, in rooms and in noise; what they must tell stays the clean speech.
        latent_noise: standard deviation of noise on each number of a latent in a ``content`` phase: latents gather
            around their codes, and what a compressed encoder gets slightly wrong changes few codes.
    """

    target: str
    steps: int
    codes: int
    wave_codes: int = 0
    freeze: bool = False
    batch: int = 64
    judged: int = 0
    spelled: int = 0
    changed: float = 0.0
    latent_noise: float = 0.0


@dataclass(frozen=True)
class Content:
    """What a ``content`` phase asks of the codes: the words, whoever says them.

    Attributes:
        words: weight of the distance between a recogniser's states for the text head's features and for the clean
            speech, of the crops that are judged.
        spelling: weight of the cross-entropy of what the recogniser shall write of the text head's features, of the
            pages that are spelled.
        speech_words: weight of the same for the mel head's; 0 does not judge it.
        units: clusters of the recogniser's states, of which a head must tell the one of each 20 ms; 0 for no head.
        text_gradient: share of the text head's gradient that reaches the codes, but for that of ``words``.
        mel_gradient: share of the mel head's gradient that reaches the codes; the mel tells more than words.
        speed: crops and pages are played slower, as they are, or faster by this share (Ko et al. 2015).
        pitch: the encoder hears each crop with its pitch moved by up to so many octaves.
        formants: and with its formants moved by up to so many octaves.
        equaliser_db: and through a random smooth filter of so many dB.
        noise_snr_db: and, half of the time, in noise; the least signal-to-noise ratio.
        room: and, half of the time, in a room; seconds in which the most lively one falls silent; 0 for none.
        codecs: and, of this share of the crops, what a lossy codec leaves; 0 for none.
        masked_mels: and, of each crop, two bands of up to so many mels are silent (Park et al. 2019); 0 for none.
        agreement: weight of the cross-entropy of a crop's codes, given what the encoder hears of it in another voice
            again: the same words are to have the same codes (Gat et al. 2023); 0 asks nothing of them.
        adversary: share of an adversary's gradient, reversed, that reaches the codes; it tells speaker and gender
            from them (Ganin et al. 2016).
        prosody: the same of another one, who tells from them how it is said: pitch, melody, dynamics and effort
            (`edgy_tf.train.prosody`); 0 for none.
        pause_db: what lies so many dB below the level of its utterance is a pause, and all pauses are to have one code
            (`edgy_tf.train.pauses`); 0 asks nothing of them.
        pause_around: codes on either side of a pause that must be as quiet, too.
    """

    words: float = 0.5
    spelling: float = 1.0
    speech_words: float = 0.0
    units: int = 0
    text_gradient: float = 1.0
    mel_gradient: float = 1.0
    speed: float = 0.0
    pitch: float = 0.0
    formants: float = 0.0
    equaliser_db: float = 0.0
    noise_snr_db: float = 10.0
    room: float = 0.0
    codecs: float = 0.0
    masked_mels: int = 0
    agreement: float = 0.0
    adversary: float = 0.0
    prosody: float = 0.0
    pause_db: float = 0.0
    pause_around: int = 3


@dataclass(frozen=True)
class TrainConfig:
    """How a preset is trained (paper section 4.2.2).

    Attributes:
        learning_rate: of Adam, halved after each fraction of a phase in ``halve_at``.
        clip: largest norm of the gradient.
        jitter: probability that a latent frame is replaced by a neighbour (Chorowski et al. 2019); 0 turns it off.
        gain_db: each crop is made louder or softer by up to this much.
        content: of phases with that target.
    """

    learning_rate: float
    halve_at: tuple[float, ...]
    clip: float
    jitter: float
    gain_db: float
    phases: tuple[Phase, ...]
    content: Content = Content()
