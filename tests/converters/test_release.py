"""What ``edgy export`` writes is what the checkpoint means, or nothing is written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import converters.release
from converters.encoder import convert_encoder
from converters.release import export
from converters.verify import KerasEncoder, agreement
from edgy_tf.corpora import load, open_corpus
from edgy_tf.decode import Decoder
from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.preset_training import Phase
from edgy_tf.reading import DOWN, UP, Reading
from edgy_tf.releases import READING, find_release, release_of
from edgy_tf.train.checkpoint import Checkpoint
from pi_runtime import EdgeEncoder


@pytest.fixture(scope="module")
def speech(tones: Path) -> list[np.ndarray]:
    return [pcm for _, pcm in load(open_corpus(tones).select(split="test"))]


def test_float_codes_equal_keras_and_both_front_ends(tiny_release: Path, speech: list[np.ndarray]) -> None:
    release = find_release(str(tiny_release))
    network = Network.load(release.network)
    others = {
        "float32": EdgeEncoder(release.encoder("float32")).encode,
        "int8": EdgeEncoder(release.encoder("int8")).encode,
        "numpy": KerasEncoder(network, "numpy").encode,
    }
    result = agreement(KerasEncoder(network).encode, others, speech)
    assert result["float32"].share >= 0.999
    assert result["numpy"].share >= 0.99
    assert result["int8"].share >= 0.8
    assert result["int8"].utterances == len(speech)


def test_an_encoder_that_is_levelled_is_levelled_everywhere(
    tiny_run: Path, tones: Path, speech: list[np.ndarray], tmp_path: Path
) -> None:
    checkpoint = Checkpoint.load(tiny_run)
    preset = checkpoint.preset
    phases = tuple(Phase("content", steps=1, codes=8) for _ in preset.train.phases)
    encoder, train = replace(preset.encoder, levelled=True), replace(preset.train, phases=phases)
    levelled = replace(checkpoint, preset=replace(preset, encoder=encoder, train=train))
    release, reports = export(levelled, open_corpus(tones), tmp_path / "levelled", ["float32"])
    assert reports["float32"].agreement["pcm_to_codes"].share >= 0.999
    assert reports["float32"].agreement["encode"].share >= 0.999
    session = EdgeEncoder(release.encoder("float32"))
    assert session.info.levelled
    plain = replace(Network.load(release.network), preset=preset)
    soft = [pcm // 16 for pcm in speech]
    assert agreement(KerasEncoder(Network.load(release.network)).encode, {"": session.encode}, soft)[""].share >= 0.999
    assert agreement(KerasEncoder(plain).encode, {"": session.encode}, soft)[""].share < 0.9


def test_the_release_names_itself_and_its_files(tiny_release: Path, tiny_run: Path) -> None:
    release = find_release(str(tiny_release))
    release.verify()
    checkpoint = Checkpoint.load(tiny_run)
    assert release.codebook_id == checkpoint.network.codebook_id == Network.load(release.network).codebook_id
    assert release_of(release.codebook_id, str(tiny_release)) == release
    for variant in release.variants:
        info = EdgeEncoder(release.encoder(variant)).info
        assert (info.variant, info.codebook_id) == (variant, release.codebook_id)


def test_a_network_that_never_learned_to_speak_is_not_asked_to(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path
) -> None:
    assert find_release(str(tiny_release)).vocoder == "wavernn"
    silent = replace(Checkpoint.load(tiny_run), phase=0)
    release, _ = export(silent, open_corpus(tones), tmp_path / "silent", ["float32"])
    assert release.vocoder == "griffin-lim"
    decoder = Decoder.from_release(release.folder)
    assert decoder.vocoders == ["griffin-lim"]
    codes = np.arange(4)
    assert len(decoder.decode(codes, decoder.voice())) == 4 * decoder.network.preset.samples_per_code
    with pytest.raises(ModelError, match="no vocoder 'wavernn' in this release; choose griffin-lim"):
        decoder.decode(codes, decoder.voice(), vocoder="wavernn")


def test_what_a_recogniser_learned_goes_along_if_it_reads_these_codes(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path
) -> None:
    assert find_release(str(tiny_release)).reading is None
    checkpoint, corpus = Checkpoint.load(tiny_run), open_corpus(tones)
    adapters = {f"encoder/conv1/weight{DOWN}": np.ones((1, 240)), f"encoder/conv1/weight{UP}": np.ones((512, 1))}
    learned = Reading(checkpoint.network.codebook_id, adapters)
    learned.save(tmp_path / READING)
    release, _ = export(checkpoint, corpus, tmp_path / "reads", ["float32"], reading=tmp_path / READING)
    release.verify()
    assert release.reading is not None
    assert READING in release.files
    assert Reading.load(release.reading).codebook_id == release.codebook_id
    Reading("another", adapters).save(tmp_path / READING)
    with pytest.raises(ModelError, match="reads codebook another"):
        export(checkpoint, corpus, tmp_path / "other", ["float32"], reading=tmp_path / READING)
    assert not (tmp_path / "other").exists()


def test_no_speaker_of_the_training_corpus_is_released(tiny_release: Path, tiny_run: Path) -> None:
    network = Network.load(find_release(str(tiny_release)).network)
    assert not [name for name in network.arrays if name.startswith("speaker/")]
    table = Checkpoint.load(tiny_run).model["speaker/embeddings"]
    for voice in network.voices.values():
        assert np.abs(table - voice).max(axis=1).min() > 1e-3


def test_conversion_is_reproducible(tiny_release: Path) -> None:
    release = find_release(str(tiny_release))
    network = Network.load(release.network)
    first = convert_encoder(network, "float32", [], "Apache-2.0")
    assert first == convert_encoder(network, "float32", [], "Apache-2.0")


def test_a_changed_file_is_noticed(tiny_release: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_release, copy)
    (copy / "encoder-int8.tflite").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"encoder-int8\.tflite"):
        find_release(str(copy)).verify()
    (copy / "encoder-int8.tflite").unlink()
    with pytest.raises(ModelError, match=r"lacks encoder-int8\.tflite"):
        find_release(str(copy)).verify()


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"name": "x"})])
def test_a_damaged_manifest_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "release.json").write_text(text)
    with pytest.raises(ModelError, match="damaged") as caught:
        find_release(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_below_the_bar_nothing_is_written(
    tiny_run: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A codebook search of other vectors: the file is valid, and its codes are wrong.
    right = converters.encoder._codebook_search
    monkeypatch.setattr(converters.encoder, "_codebook_search", lambda codebook: right(codebook[::-1]))
    with pytest.raises(ModelError, match="diverges at the search of the codebook; nothing was written"):
        export(Checkpoint.load(tiny_run), open_corpus(tones), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_foreign_folder_is_not_overwritten(tiny_run: Path, tones: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(ModelError, match="not empty"):
        export(Checkpoint.load(tiny_run), open_corpus(tones), tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"
