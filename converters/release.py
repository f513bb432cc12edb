"""From a finished training run to a release: encoders, decoder, voices, prior, manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from converters.encoder import convert_encoder
from converters.equalise import equalised
from converters.report import Report, report
from converters.variants import RELEASED
from edgy_tf.corpora import Corpus, hold_out, some_speech, to_float32
from edgy_tf.decode.voices import synthetic_voices
from edgy_tf.errors import ModelError
from edgy_tf.frontend import encoder_input
from edgy_tf.network import NOBODY, Network
from edgy_tf.preset import Preset
from edgy_tf.reading import Reading
from edgy_tf.releases import MANIFEST, READING, Release, find_release
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.weights import whole_folder
from pi_runtime import EdgeEncoder

LICENCE = "Apache-2.0"
CALIBRATION = 100
PRIOR = 1000
HELD_OUT = 20
"""Utterances that int8 is calibrated on, that the prior is counted on, that the result is verified on."""


def export(
    checkpoint: Checkpoint,
    corpus: Corpus,
    out: Path,
    variants: Sequence[str] = RELEASED,
    vocoder: str | None = None,
    reading: Path | None = None,
) -> tuple[Release, dict[str, Report]]:
    """Write a release into ``out``, whole or not at all, and say how its encoders compare with Keras.

    Args:
        checkpoint: a finished run.
        corpus: what it was trained on: calibrates int8, counts the prior; its held-out speakers verify.
        out: folder of the release; an earlier release there is replaced.
        variants: of ``converters.variants.VARIANTS``, one at least.
        vocoder: out of ``edgy_tf.decode.decoder.VOCODERS``, by which its codes read best; None takes the WaveRNN where
            one was trained.
        reading: what ``edgy train-reading`` wrote for its codes.

    Raises:
        CorpusError: no speech to calibrate on.
        ModelError: a variant's codes are not the network's, the reading is of other codes, or ``out`` holds something
            else.
    """
    if out.exists() and not (out / MANIFEST).exists() and any(out.iterdir()):
        raise ModelError(f"{out} is not empty and not a release; choose another folder")
    learned = Reading.load(reading) if reading else None
    if learned and learned.codebook_id != checkpoint.network.codebook_id:
        raise ModelError(f"{reading} reads codebook {learned.codebook_id}, not {checkpoint.network.codebook_id}")
    training, validation = hold_out(corpus, 0.05, checkpoint.seed)
    speech = some_speech(training, CALIBRATION)
    network = Network(checkpoint.preset, _without_table(checkpoint), synthetic_voices(checkpoint, corpus))
    with whole_folder(out) as folder:
        calibration = [encoder_input(to_float32(pcm), network.preset) for pcm in speech]
        network = equalised(network, calibration)
        network.save(folder / "network.safetensors")
        if learned:
            learned.save(folder / READING)
        for variant in tqdm(variants, desc="convert", unit="variant"):
            model = convert_encoder(network, variant, calibration, LICENCE, out.name)
            (folder / f"encoder-{variant}.tflite").write_bytes(model)
        files = {v: folder / f"encoder-{v}.tflite" for v in variants}
        results = report(files, network, some_speech(validation, HELD_OUT))
        for result in results.values():
            result.check()
        main = files[next(v for v in ("int8", "int16x8", *variants) if v in files)]
        _count_prior(folder, main, network, some_speech(training, PRIOR))
        vocoder = vocoder or ("wavernn" if checkpoint.speaks else "griffin-lim")
        _write_manifest(folder, out.name, network, vocoder, checkpoint.earlier)
    return find_release(str(out)), results


def _without_table(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """The speakers of the training corpus stay home: a release has blends of them, nobody, and no training state."""
    private = (
        "speaker/embeddings",
        "quantizer/sums",
        "quantizer/counts",
        "quantizer/updates",
        "adversary/",
        "prosody/",
        "unit_head/",
    )
    # A WaveRNN that has learned nothing is megabytes of noise.
    useless = () if checkpoint.speaks else ("wavernn/",)
    kept = {name: value for name, value in checkpoint.model.items() if not name.startswith((*private, *useless))}
    table = checkpoint.model.get("speaker/embeddings")
    return kept if table is None else kept | {NOBODY: table[0]}


def _count_prior(folder: Path, model: Path, network: Network, speech: list[np.ndarray]) -> None:
    """Counts of each code after each other, smoothed by how often the code occurs at all (uint16 ``[K, K]``)."""
    size = network.preset.codebook.size
    encoder = EdgeEncoder(model)
    pairs = np.zeros((size, size))
    for pcm in tqdm(speech, desc="count codes", unit="file"):
        codes = encoder.encode(pcm)
        np.add.at(pairs, (codes[:-1], codes[1:]), 1)
    single = (pairs.sum(0) + 0.5) / (pairs.sum() + 0.5 * size)
    smooth = pairs + 20 * single
    counts = np.round(smooth / smooth.sum(1, keepdims=True) * 65535).astype(np.uint16)
    np.savez_compressed(folder / "prior.npz", counts=counts)


def _write_manifest(folder: Path, name: str, network: Network, vocoder: str, earlier: Sequence[Preset]) -> None:
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}
    about = {
        "name": name,
        "codebook_id": network.codebook_id,
        "preset": asdict(network.preset),
        "voices": list(network.voices),
        "files": files,
        "vocoder": vocoder,
        "earlier": [asdict(preset) for preset in earlier],
    }
    (folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")
