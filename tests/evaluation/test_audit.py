"""The audit from corpus to report, with planted leaks that it must call out."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgy_tf.corpora import Corpus, Utterance, open_corpus, to_float32, write_wav
from edgy_tf.errors import CorpusError, EdgyError, MissingDependencyError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import load_preset
from edgy_tf.reading import Reading
from edgy_tf.releases import READING, find_release
from evaluation import audit as module
from evaluation.audit import Audit
from evaluation.plan import AttributePlan, CostPlan, IdentityPlan, Plan, UtilityPlan
from evaluation.report import write_report
from evaluation.systems import Pcm, Processed, System, open_systems
from tests.conftest import harmonic_voice

SPEAKERS, TAKES = 16, 6
"""Half of the speakers train, half are tested."""


class Leak:
    """A would-be anonymiser that is none."""

    settings = "planted"

    def __init__(self, name: str) -> None:
        self.name = name
        self.words = (lambda codes: np.zeros((len(codes), 80), np.float32)) if name == "coded" else None

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        rng = np.random.default_rng(len(pcm))
        noise = (0.1 * rng.standard_normal(len(pcm))).astype(np.float32)
        number = int(utterance.speaker.removeprefix("voice"))
        if self.name == "copy":
            return Processed(to_float32(pcm), None, 16 * len(pcm))
        if self.name == "coded":
            mine = np.random.default_rng(number).integers(
                0, 40, 4
            )  # Ids of speakers that nobody learned are codes, too.
            codes = np.where(rng.random(200) < 0.3, rng.choice(mine, 200), rng.integers(0, 40, 200))
            return Processed(noise, codes.astype(np.int32), 1800)
        assert self.name == "swapped"
        pitch = 110 if utterance.gender == "F" else 220
        return Processed(harmonic_voice(rng, pitch, len(pcm) / 16000)[: len(pcm)], None, 1)


class Ear:
    """A verifier that goes by the mean spectrum."""

    name = "ear"
    views = 1

    def embed(self, clips: Sequence[np.ndarray], cache: Path, *, total: int | None = None) -> np.ndarray:
        return np.array([log_mel(to_float32(clip), load_preset("pi").front_end).mean(0) for clip in clips], np.float32)


class Listener:
    """A recogniser that hears every word, and reads two of three where it has learned to."""

    reads, at_once = True, 1

    def __init__(self, learned: bool) -> None:
        self.name = "reader" if learned else "listener"

    def transcribe(self, audio: np.ndarray) -> str:
        return "la la la"

    def read(self, features: np.ndarray) -> str:
        assert self.name == "reader"
        return "la la"


def opened(names: Sequence[str], release: str, variant: str, seed: int) -> list[System]:
    return open_systems(names, release, variant, seed) if names == ["raw"] else [Leak(name) for name in names]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    rows = ["path\tspeaker\tsplit\tgender\ttranscript"]
    for number in range(SPEAKERS):
        gender, pitch = ("F", 200 + 5 * number) if number % 2 else ("M", 100 + 4 * number)
        for take in range(TAKES):
            name = f"voice{number}-{take}.wav"
            write_wav(folder / name, harmonic_voice(rng, pitch, rng.uniform(0.7, 1.0)))
            split = "train" if number < SPEAKERS // 2 else "test"
            rows.append(f"{name}\tvoice{number}\t{split}\t{gender}\tLA LA LA")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return open_corpus(folder)


LEAKS = ("raw", "copy", "coded", "swapped")
PLAN = Plan(
    about="planted leaks",
    seed=0,
    utility=UtilityPlan(systems=("raw", "copy", "coded"), utterances=12),
    identity=IdentityPlan(LEAKS, ("ear",), per_speaker=6, training_speakers=8, training_utterances=6),
    attributes=AttributePlan(LEAKS, ("acoustic",), ("SVM",), 4, training_speakers=8, training_utterances=1),
    cost=CostPlan(seconds=1, runs=2),
)


@pytest.fixture(scope="module")
def audited(people: Corpus, tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open_recogniser", lambda name, release=None: Listener(release is not None))
        patch.setattr(module, "open_verifiers", lambda names: [Ear()])
        release = Path(shutil.copytree(tiny_release, folder / "tiny"))
        Reading(find_release(str(release)).codebook_id, {}).save(release / READING)
        audit = Audit(PLAN, str(release), "int8", people, folder / "cache", folder / "out", open_systems=opened)
        result = audit.run("edgy audit tiny")
    write_report(result, folder / "out")
    assert json.loads((folder / "out" / "audit.json").read_text()) == json.loads(json.dumps(result))
    return result


def verdict(result: dict[str, Any], attribute: str, system: str) -> dict[str, Any]:
    [row] = [v for v in result["verdicts"] if (v["attribute"], v["system"]) == (attribute, system)]
    return row


def test_an_anonymiser_that_returns_its_input_is_called_out(audited: dict[str, Any]) -> None:
    for attribute, figure in (("identity", "eer"), ("gender", "accuracy")):
        copy, raw = verdict(audited, attribute, "copy"), verdict(audited, attribute, "raw")
        assert copy["outcome"] == raw["outcome"] == "not protected"
        if figure == "eer":
            assert copy["best"]["value"] <= raw["raw"]["value"] < 0.25
        else:
            assert copy["best"]["value"] >= raw["raw"]["value"] > 0.9


def test_an_id_in_the_codes_is_called_out(audited: dict[str, Any]) -> None:
    found = verdict(audited, "identity", "coded")
    assert found["outcome"] == "not protected"
    assert found["best"]["scenario"] == "code-level"
    assert found["best"]["value"] < 0.05
    [identity] = [i for i in audited["identity"] if i["system"] == "coded"]
    sound = [a for a in identity["attacks"] if a["scenario"] == "semi-informed" and a["trials"] == "mixed"]
    assert min(a["counted"] for a in sound) > 0.2


def test_swapped_genders_are_called_out(audited: dict[str, Any]) -> None:
    found = verdict(audited, "gender", "swapped")
    assert found["outcome"] == "not protected"
    assert found["best"]["value"] > 0.9
    [gender] = [a for a in audited["attributes"] if a["system"] == "swapped"]
    ignorant = [a for a in gender["attacks"] if a["scenario"] == "ignorant"]
    assert all(a["broken"] and a["score"]["high"] < 0.5 for a in ignorant)


def test_words_bits_cost_and_origin_are_there(audited: dict[str, Any]) -> None:
    words = [(u["system"], u["path"], u["wer"]) for u in audited["utility"]]
    assert words[:3] == [("raw", "speech", 0), ("copy", "speech", 0), ("coded", "speech", 0)]
    assert words[3] == ("coded", "text", pytest.approx(1 / 3))
    bits = {b["system"]: b["bits_per_s"] for b in audited["bits"]}
    assert bits["raw"] == bits["copy"] == 256000
    assert 1800 < bits["coded"] < 1800 / 0.7
    assert [stage["stage"] for stage in audited["cost"][0]["stages"]] == ["init", "front_end", "encode"]
    assert audited["not_measured"] == []
    assert audited["release"]["codebook_id"]
    assert audited["corpus"]["sources"]["people0"] == {"utterances": 96, "speakers": 16}
    assert audited["versions"]["numpy"] == np.__version__


def test_what_is_missing_is_said_and_not_made_up(
    people: Corpus, tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise MissingDependencyError("no recogniser is installed; run: pip install it")

    def none(*_: object) -> list[Any]:
        raise MissingDependencyError("ear needs ears; run: pip install ears")

    monkeypatch.setattr(module, "open_recogniser", missing)
    monkeypatch.setattr(module, "open_verifiers", none)
    women = Corpus([replace(u, transcript=None) for u in people.utterances if u.gender == "F"])
    plan = replace(
        PLAN, attributes=replace(PLAN.attributes, systems=("raw",)), identity=replace(PLAN.identity, systems=("raw",))
    )
    result = Audit(plan, str(tiny_release), "int8", women, tmp_path / "cache", tmp_path / "out").run("edgy audit")
    assert result["utility"] == result["identity"] == result["attributes"] == result["verdicts"] == []
    reasons = {row["what"]: row["reason"] for row in result["not_measured"]}
    assert reasons["identity"] == "ear needs ears; run: pip install ears"
    assert "1 class" in reasons["gender"]
    assert any("transcript" in row["reason"] for row in result["not_measured"])
    assert any("pip install it" in row["reason"] for row in result["not_measured"])


def test_nothing_to_measure_on_is_an_error(people: Corpus, tiny_release: Path, tmp_path: Path) -> None:
    training = people.select(split="train")
    with pytest.raises(CorpusError, match="no test or eval split"):
        Audit(PLAN, str(tiny_release), "int8", training, tmp_path, tmp_path).run("edgy audit")
    with pytest.raises(EdgyError, match="no release 'pie'"):
        Audit(PLAN, "pie", "int8", people, tmp_path, tmp_path).run("edgy audit")
