"""Codes and a voice to mel and speech."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.decode import Decoder, Voice
from edgy_tf.decode.decoder import VOCODERS
from edgy_tf.decode.voices import enrol
from edgy_tf.errors import CodebookMismatchError, ModelError
from edgy_tf.voice_file import load_voice, save_voice
from tests.conftest import harmonic_voice


def test_lengths_follow_from_the_codes(decoder: Decoder) -> None:
    preset, codes = decoder.network.preset, [1, 2, 3, 4, 5, 6, 7]
    assert decoder.decode(codes, decoder.voice()).shape == (len(codes) * preset.samples_per_code,)
    assert decoder.mel(codes, decoder.voice()).shape == (len(codes) * preset.stride, preset.front_end.mels)
    assert decoder.decode([], decoder.voice()).shape == (0,)


def test_speech_is_finite_and_within_full_scale(decoder: Decoder) -> None:
    speech = decoder.decode(np.arange(16), decoder.voice())
    assert np.isfinite(speech).all()
    assert np.abs(speech).max() <= 1
    assert speech.std() > 0


def test_voice_and_codes_both_matter(decoder: Decoder) -> None:
    codes = np.arange(16)
    plain = decoder.mel(codes, decoder.voice("F1"))
    assert np.abs(plain - decoder.mel(codes, decoder.voice("M1"))).max() > 1e-4
    assert np.abs(plain - decoder.mel(codes[::-1], decoder.voice("F1"))).max() > 1e-4


@pytest.mark.parametrize("codes", [[-1], [16], [0, 99]])
def test_codes_outside_the_codebook_are_refused(decoder: Decoder, codes: list[int]) -> None:
    with pytest.raises(ModelError, match="0 to 15"):
        decoder.decode(codes, decoder.voice())


def test_unknown_and_misshapen_voices_are_refused(decoder: Decoder) -> None:
    with pytest.raises(ModelError, match="no voice 'Elvis'"):
        decoder.voice("Elvis")
    with pytest.raises(ModelError, match="4 numbers"):
        decoder.decode([1], Voice(np.zeros(5, np.float32)))


def test_codes_of_another_codebook_are_refused_by_name(decoder: Decoder) -> None:
    decoder.check(decoder.network.codebook_id)
    with pytest.raises(CodebookMismatchError, match="0123456789abcdef"):
        decoder.check("0123456789abcdef")


def test_a_stream_is_one_wave_in_any_pieces(decoder: Decoder) -> None:
    preset, codes = decoder.network.preset, np.arange(12)
    whole, _ = decoder.stream(decoder.voice(), seed=3).speak(codes, 0, 12)
    assert whole.shape == (12 * preset.samples_per_code,)
    assert 0 < np.abs(whole).max() <= 1
    stream, pieces = decoder.stream(decoder.voice(), seed=3), []
    for start, end in ((0, 5), (5, 5), (5, 6), (6, 12)):
        stream.speak(codes, start, start)  # What is not taken leaves no trace.
        stream.speak(codes, start, 12)
        piece, stream = stream.speak(codes, start, end)
        pieces.append(piece)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    other, _ = decoder.stream(decoder.voice(), seed=4).speak(codes, 0, 12)
    assert np.any(other != whole)


def test_a_release_without_a_wavernn_has_no_streams(decoder: Decoder) -> None:
    arrays = {name: array for name, array in decoder.network.arrays.items() if not name.startswith("wavernn")}
    silent = Decoder(replace(decoder.network, arrays=arrays), "griffin-lim")
    with pytest.raises(ModelError, match="no WaveRNN; it speaks by griffin-lim"):
        silent.stream(silent.voice())


@pytest.mark.parametrize("vocoder", VOCODERS)
def test_every_vocoder_speaks_and_may_be_the_releases_own(decoder: Decoder, vocoder: str) -> None:
    preset, codes = decoder.network.preset, np.arange(16)
    speech = decoder.decode(codes, decoder.voice(), vocoder=vocoder)
    assert speech.shape == (len(codes) * preset.samples_per_code,)
    assert np.isfinite(speech).all()
    assert 0 < np.abs(speech).max() <= 1
    assert decoder.decode([], decoder.voice(), vocoder=vocoder).shape == (0,)
    np.testing.assert_array_equal(Decoder(decoder.network, vocoder).decode(codes, decoder.voice()), speech)


def test_a_vocoder_that_is_not_there_is_refused(decoder: Decoder) -> None:
    with pytest.raises(ModelError, match="no vocoder 'organ' in this release; choose wavernn or griffin-lim"):
        decoder.decode([1], decoder.voice(), vocoder="organ")
    arrays = {name: array for name, array in decoder.network.arrays.items() if not name.startswith("mel_head")}
    with pytest.raises(ModelError, match="no vocoder 'griffin-lim' in this release; choose wavernn"):
        Decoder(replace(decoder.network, arrays=arrays)).decode([1], decoder.voice(), vocoder="griffin-lim")


def test_words_come_from_the_mel_head(decoder: Decoder) -> None:
    assert decoder.has_words
    words = decoder.words([1, 2, 3])
    assert words.shape == (3 * decoder.network.preset.stride, 80)
    assert words.max() - words.min() <= 2 + 1e-6
    assert decoder.words([]).shape == (0, 80)


def test_words_need_a_head(decoder: Decoder) -> None:
    arrays = {name: array for name, array in decoder.network.arrays.items() if not name.startswith("mel_head")}
    deaf = Decoder(replace(decoder.network, arrays=arrays))
    assert not deaf.has_words
    with pytest.raises(ModelError, match="no mel head"):
        deaf.words([1, 2])


def test_words_are_read_in_nobodys_voice(decoder: Decoder) -> None:
    network = decoder.network
    width = 2 * network.preset.decoder.conditioning
    rng = np.random.default_rng(0)
    head = {
        "text_head/kernel": rng.standard_normal((width, 80)).astype(np.float32),
        "text_head/bias": np.zeros(80, np.float32),
        "nobody": decoder.voice("F1").embedding,
    }
    reader = Decoder(replace(network, arrays=network.arrays | head))
    assert reader.has_words
    words = reader.words([1, 2, 3])
    assert words.shape == (3 * network.preset.stride, 80)
    np.testing.assert_allclose(
        words, reader.context([1, 2, 3], reader.voice("F1")) @ head["text_head/kernel"], 1e-4, 1e-5
    )
    assert reader.words([]).shape == (0, 80)
    assert "nobody" not in reader.voices


def test_enrolment_brings_the_mel_nearer(decoder: Decoder) -> None:
    from edgy_tf.frontend import log_mel

    audio = harmonic_voice(np.random.default_rng(9), 200, 1.0)
    codes = np.random.default_rng(0).integers(0, 16, decoder.network.preset.codes_for(len(audio)))
    target = log_mel(audio, decoder.network.preset.front_end)

    def distance(voice: Voice) -> float:
        return float(np.abs(decoder.mel(codes, voice)[: len(target)] - target).mean())

    assert distance(enrol(decoder, codes, audio, steps=40)) < distance(decoder.voice()) - 1e-3


def test_a_voice_file_survives_and_belongs_to_its_codebook(tmp_path: Path) -> None:
    voice = np.linspace(-1, 1, 4).astype(np.float32)
    save_voice(tmp_path / "me.npz", voice, "a" * 16)
    np.testing.assert_array_equal(load_voice(tmp_path / "me.npz", "a" * 16), voice)
    with pytest.raises(CodebookMismatchError, match="enrol it again"):
        load_voice(tmp_path / "me.npz", "b" * 16)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken"])
def test_damaged_voice_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "me.npz").write_bytes(content)
    with pytest.raises(ModelError, match="not a voice") as caught:
        load_voice(tmp_path / "me.npz", "a" * 16)
    assert "\n" not in str(caught.value)
