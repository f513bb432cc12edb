"""Begin a training with weights that are there already: another run's, or a release's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgy_tf.errors import ModelError
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.network import NOBODY, Network
from edgy_tf.preset import Preset, preset_from_dict
from edgy_tf.releases import MANIFEST, find_release
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.weights import Arrays, assign_variables, variables_of

Speakers = list[tuple[str, str]]

TABLE = "speaker/embeddings"

HEADS = {"mel_head": "mel or content", "text_head": "content"}
"""What decodes codes besides the WaveRNN, with the target of the phases that it exists in."""

GAMMA = 0.1
"""Of the normalisation in a residual layer that is added: with 0 nothing would reach its weights through the ReLU."""

BETA = 2.0
"""Of the normalisation in a layer with a stride that is added: in deviations, so that the ReLU cuts off hardly any."""

APART = 0.02
"""Between a vector of a codebook and its twin in one that is split, in deviations of all vectors."""


def start_from(origin: str, model: VQVAE, speakers: Speakers) -> tuple[Preset, ...]:
    """Take over each part of another network that has the same shape here; the others begin anew.

    A codebook of another size begins anew, for example, and so does each speaker whom the other one does not know; but
    of a multiple of its size, for the same latents, it begins as each vector so many times, a little apart (Linde, Buzo
    and Gray 1980).
    Layers that the encoder has beyond those of the other one begin as next to nothing, or, where they have a stride, as
    the mean of what they join.

    Args:
        origin: folder of a run, or name or folder of a release.
        model: is given the weights.
        speakers: of its table.

    Returns:
        What the weights have learned by so far (``Checkpoint.earlier``).

    Raises:
        ModelError: no such run or release, its front end is another, its encoder is not this one but for layers
            at the end that see the past alone, each with a residual connection or a stride, or it has a head that
            decodes and the preset none, so that what is trained could not do what its origin does.
    """
    lineage, arrays, known = _read(origin)
    preset = lineage[-1]
    mine = model.preset
    layers = len(preset.encoder.layers)
    begun = replace(mine.encoder, layers=mine.encoder.layers[:layers], levelled=preset.encoder.levelled)
    same = (preset.front_end, preset.encoder, preset.codebook.dim) == (mine.front_end, begun, mine.codebook.dim)
    added = zip(mine.encoder.layers[layers:], mine.residuals[layers:], mine.crops[layers:], strict=True)
    fit = (after == 0 and (residual or not conv.depthwise) for conv, residual, (_, after) in added)
    if not same or not all(fit):
        raise ModelError(f"{origin} has another encoder than preset {mine.name}; start from one that has the same")
    own = variables_of(model)
    if mine.stride == preset.stride and not (mine.codebook.product or preset.codebook.product):
        arrays = arrays | _split(arrays, mine.codebook.size)
    if lost := sorted({_part(name) for name in arrays} & HEADS.keys() - {_part(name) for name in own}):
        raise ModelError(
            f"{origin} has a {lost[0]}, which preset {mine.name} would lose; give it a {HEADS[lost[0]]} phase first"
        )
    fits = {name for name, value in own.items() if name in arrays and arrays[name].shape == value.shape}
    anew = {_part(name) for name in own.keys() - fits}
    if known != speakers:
        anew |= {"speaker", "adversary"}
    assign_variables(model, own | {name: arrays[name] for name in fits if _part(name) not in anew})
    if "speaker" in anew and TABLE in own and TABLE in arrays and own[TABLE].shape[1] == arrays[TABLE].shape[1]:
        # The heads speak in these voices: without them, above all without nobody, they would be as good as untrained.
        rows = {speaker: row for row, speaker in enumerate(known)}
        table = [arrays[TABLE][rows[s]] if s in rows else own[TABLE][row] for row, s in enumerate(speakers)]
        assign_variables(model.speaker, {TABLE: np.stack(table)})
    for number, residual in enumerate(mine.residuals[layers:], start=layers + 1):
        norm, conv = (model.encoder.get_layer(f"{kind}{number}") for kind in ("norm", "conv"))
        if residual:
            norm.gamma.assign(np.full(norm.gamma.shape, GAMMA, np.float32))
        else:
            norm.beta.assign(np.full(norm.beta.shape, BETA, np.float32))
            kernel = np.eye(mine.encoder.units, dtype=np.float32) / conv.kernel.shape[1]
            conv.kernel.assign(np.broadcast_to(kernel, conv.kernel.shape))
    return lineage


def _read(origin: str) -> tuple[tuple[Preset, ...], Arrays, Speakers]:
    folder = Path(origin)
    if folder.is_dir() and not (folder / MANIFEST).exists():
        run = Checkpoint.load(folder)
        return run.lineage, run.model, run.speakers
    release = find_release(origin)
    network = Network.load(release.network)
    lineage = tuple(preset_from_dict(preset, origin) for preset in release.lineage)
    # A release keeps the codebook, not the moving averages that it comes from.
    once = {"quantizer/sums": network.codebook, "quantizer/counts": np.ones(len(network.codebook), np.float32)}
    nobody = {TABLE: network.arrays[NOBODY][None]} if NOBODY in network.arrays else {}
    return lineage, network.arrays | nobody | once | {"quantizer/updates": np.float32(1)}, [("nobody", "")]


def _split(arrays: Arrays, size: int) -> Arrays:
    """The quantiser in ``arrays`` with ``size`` vectors, if its own divide that; its codes keep their numbers."""
    vectors, counts = arrays["quantizer/codebook"], arrays["quantizer/counts"]
    times, rest = divmod(size, len(vectors))
    if rest or times < 2:
        return {}
    apart = APART * vectors.std() * np.random.default_rng(0).standard_normal((size, vectors.shape[1]))
    apart[: len(vectors)] = 0
    vectors = (np.tile(vectors, (times, 1)) + apart).astype(np.float32)
    counts = np.tile(counts / np.float32(times), times)
    sums = vectors * counts[:, None]
    return {"quantizer/codebook": vectors, "quantizer/counts": counts, "quantizer/sums": sums}


def _part(name: str) -> str:
    return name.partition("/")[0]
