from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from edgy_tf.models.wavernn import Conditioning, ConvConditioning, WaveRNN, build_conditioning
from edgy_tf.preset import Conv, Preset

FRAMES = 2

Build = Callable[[int], WaveRNN]


@pytest.fixture(scope="module")
def small(tiny: Preset) -> Preset:
    """Frames of eight samples, so that every one of them can be tried."""
    return replace(tiny, front_end=replace(tiny.front_end, hop=8))


@pytest.fixture(scope="module")
def build(small: Preset) -> Build:
    def with_bunch(bunch: int) -> WaveRNN:
        preset = replace(small, decoder=replace(small.decoder, bunch=bunch))
        wavernn = WaveRNN(preset)
        wavernn.build((None, None), (None, None, 2 * preset.decoder.conditioning))
        rng = np.random.default_rng(0)
        for weight in wavernn.weights:
            weight.assign(rng.standard_normal(weight.shape) * 0.5)
        return wavernn

    return with_bunch


def _inputs(preset: Preset, bunch: int, batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    wave = rng.integers(0, 2**preset.decoder.bits, (batch, bunch + FRAMES * preset.front_end.hop))
    return wave, rng.standard_normal((batch, FRAMES, 2 * preset.decoder.conditioning)).astype(np.float32)


def test_a_longer_code_is_so_many_shorter_ones_to_the_context(tiny: Preset) -> None:
    short = replace(tiny, decoder=replace(tiny.decoder, context=(Conv(3), Conv(3, dilation=2))))
    layers = (*short.encoder.layers, Conv(2, stride=2))
    long = replace(
        short,
        encoder=replace(short.encoder, layers=layers),
        decoder=replace(short.decoder, place=short.stride),
    )
    assert long.stride == 2 * short.stride
    conditioning, slower = build_conditioning(short), build_conditioning(long)
    slower.set_weights(conditioning.get_weights())
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2, 5, tiny.codebook.dim)).astype(np.float32)
    voice = rng.standard_normal((2, tiny.speaker.dim)).astype(np.float32)
    np.testing.assert_allclose(slower(vectors, voice), conditioning(vectors.repeat(2, axis=1), voice), atol=1e-6)


@pytest.mark.parametrize("bunch", [1, 2, 4])
def test_a_sample_changes_the_logits_after_it_alone(small: Preset, build: Build, bunch: int) -> None:
    wavernn = build(bunch)
    wave, conditioning = _inputs(small, bunch)
    logits = np.asarray(wavernn(wave, conditioning))
    assert logits.shape == (1, FRAMES * small.front_end.hop, 2**small.decoder.bits)
    # One copy for every sample, with that sample changed.
    changed = np.repeat(wave, wave.shape[1], axis=0)
    np.fill_diagonal(changed, (changed.diagonal() + 7) % 2**small.decoder.bits)
    # Another batch size may round differently on some processors.
    moved = (np.abs(np.asarray(wavernn(changed, conditioning.repeat(len(changed), axis=0))) - logits) > 1e-5).any(-1)
    # Logits t are of sample t after the bunch in front.
    before = np.arange(wave.shape[1])[:, None] < np.arange(logits.shape[1]) + bunch
    np.testing.assert_array_equal(moved, before)


@pytest.mark.parametrize("bunch", [1, 4])
def test_the_conditioning_of_a_frame_changes_its_own_logits_and_those_after(
    small: Preset, build: Build, bunch: int
) -> None:
    wavernn = build(bunch)
    wave, conditioning = _inputs(small, bunch)
    other = conditioning.copy()
    other[:, 1] += 1
    hop = small.front_end.hop
    moved = (np.asarray(wavernn(wave, conditioning)) != np.asarray(wavernn(wave, other))).any(-1)[0]
    np.testing.assert_array_equal(moved, np.arange(FRAMES * hop) >= hop)


def test_without_bunches_it_is_a_gru_on_embedding_and_conditioning(small: Preset, build: Build) -> None:
    wavernn = build(1)
    cfg, hop = small.decoder, small.front_end.hop
    wave, conditioning = _inputs(small, 1, batch=3)
    cell = wavernn.gru.cell
    gru = keras.layers.GRU(cfg.gru, return_sequences=True, reset_after=True)
    gru.build((None, None, cfg.embedding + 2 * cfg.conditioning))
    gru.set_weights(
        [
            np.concatenate([wavernn.embedding_kernel.kernel, wavernn.conditioning_kernel.kernel]),
            cell.kernel,
            np.stack([wavernn.conditioning_kernel.bias, cell.bias]),
        ]
    )
    embedded = np.asarray(wavernn.embedding.embeddings)[wave[:, :-1]]
    hidden = gru(np.concatenate([embedded, conditioning.repeat(hop, axis=1)], -1))
    expected = wavernn.affine2(keras.ops.relu(wavernn.affine1(hidden)))
    np.testing.assert_allclose(wavernn(wave, conditioning), expected, atol=1e-4)


def test_conditioning_is_a_vector_a_frame_that_knows_codes_and_voice(tiny: Preset) -> None:
    layer = Conditioning(tiny)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2, 5, tiny.codebook.dim)).astype(np.float32)
    voice = rng.standard_normal((2, tiny.speaker.dim)).astype(np.float32)
    frames = np.asarray(layer(vectors, voice))
    assert frames.shape == (2, 5 * tiny.stride, 2 * tiny.decoder.conditioning)
    # Both directions run over all of it.
    for i in (0, 4):
        other = vectors.copy()
        other[0, i] += 1
        moved = (np.asarray(layer(other, voice)) != frames).any(-1)
        assert moved[0].all()
        assert not moved[1].any()
    assert (np.asarray(layer(vectors, voice + 1)) != frames).any(-1).all()


def test_convolutional_conditioning_sees_its_kernels_and_no_further(tiny: Preset) -> None:
    context = (Conv(3), Conv(3, dilation=2))
    preset = replace(tiny, decoder=replace(tiny.decoder, context=context))
    conditioning = build_conditioning(preset)
    assert isinstance(conditioning, ConvConditioning)
    assert isinstance(build_conditioning(tiny), Conditioning)
    rng = np.random.default_rng(0)
    codes, reach = 11, 1 + 2
    vectors = rng.standard_normal((1, codes, preset.codebook.dim)).astype(np.float32)
    voice = rng.standard_normal((1, preset.speaker.dim)).astype(np.float32)
    given = np.asarray(conditioning(vectors, voice))
    assert given.shape == (1, codes * preset.stride, 2 * preset.decoder.conditioning)
    other = vectors.copy()
    other[0, 5] += 1
    moved = np.abs(np.asarray(conditioning(other, voice)) - given).max(-1).reshape(codes, -1).max(-1) > 1e-6
    np.testing.assert_array_equal(moved, np.abs(np.arange(codes) - 5) <= reach)
    assert np.abs(np.asarray(conditioning(vectors, voice + 1)) - given).max(-1).min() > 1e-6
