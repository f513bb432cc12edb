import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgy_tf.cli.main import main
from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.errors import CorpusError, ModelError
from edgy_tf.models.spelling import Spelling
from edgy_tf.reading import UP, Reading
from edgy_tf.releases import READING, find_release
from edgy_tf.train import dictation, pages, reading
from edgy_tf.train.pages import TOKENS, Pages
from edgy_tf.train.reading import STRENGTH, Book, ReadingRun, train_reading
from edgy_tf.weights import Arrays
from edgy_tf.whisper_base import ZERO

LENGTHS = (300, 500, 200)
TEXTS = [[ZERO, 7, 8, ZERO + 150], [ZERO, 9, ZERO + 250], []]


@pytest.fixture
def book() -> Book:
    """Utterances whose every value says which one it is, in two versions."""
    bounds = np.concatenate([[0], np.cumsum(LENGTHS)])
    mel = np.repeat(np.arange(1, len(LENGTHS) + 1), LENGTHS)[:, None] * np.ones(80)
    return Book([mel.astype(np.float16), -mel.astype(np.float16)], bounds, Pages(np.array(LENGTHS), TEXTS))


def test_a_page_has_the_features_of_its_words_in_any_version(book: Book) -> None:
    made = [book.batch(np.random.default_rng(i), augment=False)[0] for i in range(5)]
    seen = set()
    for mel, tokens in ((row, text) for page in made for row, text in zip(page["mel"], page["tokens"], strict=True)):
        words, frame = [int(t) for t in tokens if t in (7, 9)], 0
        for word in words:
            u = TEXTS.index(next(text for text in TEXTS if word in text))
            part = mel[frame : frame + LENGTHS[u]]
            assert np.abs(part).min() == np.abs(part).max() == u + 1
            seen.add((u, bool(part[0, 0] > 0)))
            frame += LENGTHS[u]
        assert words
        assert not mel[frame:].any()
    assert seen == {(0, True), (0, False), (1, True), (1, False)}


def test_gaps_are_short_and_words_stay(book: Book) -> None:
    (plain,), (gaps,) = (book.batch(np.random.default_rng(4), augment) for augment in (False, True))
    assert gaps["tokens"].shape == plain["tokens"].shape == (len(plain["mel"]), TOKENS + 1)
    features = np.random.default_rng(0).standard_normal((400, 80)).astype(np.float32)
    changed = [reading._with_gaps(features.copy(), np.random.default_rng(i)) for i in range(20)]
    moved = [int((c != features).any(1).sum()) for c in changed]
    assert max(moved) <= 5 * 16
    assert 0 in moved
    assert np.count_nonzero(moved) > 5


class _Spelling:
    """A tokeniser whose tokens are letters."""

    def decode(self, tokens: list[int]) -> str:
        return "".join(map(chr, tokens))

    def encode(self, text: str, add_special_tokens: bool) -> SimpleNamespace:
        assert not add_special_tokens
        return SimpleNamespace(ids=[ord(c) for c in text])


def test_what_was_heard_is_believed_unless_the_transcript_says_otherwise() -> None:
    heard = [ZERO, *map(ord, " Hello, world!"), ZERO + 60]
    assert dictation._text(_Spelling(), heard, "HELLO WORLD", 200) == heard
    assert dictation._text(_Spelling(), heard, None, 200) == heard
    misheard = dictation._text(_Spelling(), heard, "YELLOW WORDS", 200)
    assert misheard == [ZERO, *map(ord, " Yellow words."), ZERO + 100]
    # No word is later than the end of the sound, and the last time is told.
    assert dictation._text(_Spelling(), heard, None, 100)[-1] == ZERO + 50
    assert dictation._text(_Spelling(), heard[:-1], None, 100)[-1] == ZERO + 50
    assert dictation._text(_Spelling(), [], None, 100) == []


@pytest.fixture
def run(
    tiny_release: Path,
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole_whisper_arrays: Arrays,
) -> ReadingRun:
    monkeypatch.setattr(reading, "whisper_base", lambda: {})
    monkeypatch.setattr(reading, "whisper_arrays", lambda contents: whole_whisper_arrays)
    monkeypatch.setattr(dictation, "_heard", lambda data: ((i, [ZERO, 7, 8]) for i in range(len(data.frames) - 1)))
    monkeypatch.setattr(dictation, "_tokenizer", _Spelling)
    for name, value in {"BATCH": 2, "RANK": 2, "VALIDATION_BATCHES": 1}.items():
        monkeypatch.setattr(reading, name, value)
    for module in (pages, reading):
        monkeypatch.setattr(module, "FRAMES", 200)
        monkeypatch.setattr(module, "TOKENS", 16)
    corpus = open_corpus(tones)
    # What is said in the test split too would not be learned.
    corpus.utterances = [dataclasses.replace(u, transcript=None) for u in corpus.utterances]
    return ReadingRun(find_release(str(tiny_release)), corpus, tmp_path / "run", steps=4, every=2)


def test_training_learns_resumes_and_leaves_the_release_alone(run: ReadingRun) -> None:
    before = {p.name: p.read_bytes() for p in run.release.folder.iterdir()}
    whole = train_reading(run)
    assert whole.codebook_id == run.release.codebook_id
    assert any(np.abs(change).max() > 0 for change in whole.changes().values())
    assert before == {p.name: p.read_bytes() for p in run.release.folder.iterdir()}

    stopped = dataclasses.replace(run, out=run.out.with_name("stopped"))
    keep = reading.save_arrays

    def fail_at_the_end(path: Path, arrays: Arrays, about: dict[str, int]) -> None:
        if about["step"] == 4:
            raise KeyboardInterrupt
        keep(path, arrays, about)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "save_arrays", fail_at_the_end)
        with pytest.raises(KeyboardInterrupt):
            train_reading(stopped)
    resumed = train_reading(stopped)
    for name, value in whole.adapters.items():
        np.testing.assert_allclose(resumed.adapters[name], value, atol=1e-4)

    with pytest.raises(ModelError, match="other settings"):
        train_reading(dataclasses.replace(run, steps=5))


def test_the_best_on_held_out_speakers_is_kept_and_half_of_it_released(
    run: ReadingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, Arrays]] = []

    def fit(model: Spelling, *_: object, keep: Callable[[int, dict[str, float]], None], **__: object) -> None:
        for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
            model.assign({name: value + step for name, value in model.adapters().items()})
            seen.append((loss, model.adapters()))
            keep(step, {"val_loss": loss})

    monkeypatch.setattr(reading, "fit", fit)
    found = train_reading(run).changes()
    best = Reading("id", min(seen, key=lambda pair: pair[0])[1]).changes()
    for name, change in found.items():
        np.testing.assert_allclose(change, STRENGTH * best[name], rtol=2e-2, atol=2e-2)


def test_a_reading_goes_on_from_an_earlier_one(run: ReadingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STRENGTH", 0.25)

    def fit(model: Spelling, *_: object, keep: Callable[[int, dict[str, float]], None], **__: object) -> None:
        model.assign({name: value + 1 for name, value in model.adapters().items()})
        keep(1, {"val_loss": 1.0})

    monkeypatch.setattr(reading, "fit", fit)
    first = train_reading(run).adapters
    again = train_reading(dataclasses.replace(run, out=run.out.with_name("again"), start=run.out / READING)).adapters
    assert first.keys() == again.keys()
    for name, value in again.items():
        # One more; of what is put out, a quarter of it counts.
        np.testing.assert_allclose(value, first[name] + (0.25 if name.endswith(UP) else 1), atol=0.01)
    with pytest.raises(ModelError, match="other settings"):
        train_reading(dataclasses.replace(run, out=run.out.with_name("again")))


def test_what_is_tested_is_not_learned(run: ReadingRun) -> None:
    said = [dataclasses.replace(u, transcript=u.split) for u in run.corpus.utterances]
    train_reading(dataclasses.replace(run, corpus=Corpus(said)))
    same = [dataclasses.replace(u, transcript="the same") for u in run.corpus.utterances]
    with pytest.raises(CorpusError):
        train_reading(dataclasses.replace(run, corpus=Corpus(same), out=run.out.with_name("other")))


def test_the_command_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-reading", "nothing", "--corpus", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no release 'nothing'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
