"""The audit: what words survive a release, what attackers still learn, and what it costs, into one dict.

The dict is what ``audit.json`` holds and what `evaluation.report` draws. Everything slow is kept in a cache by content,
so that an audit that was stopped goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from joblib import Memory

from edgy_tf import __version__
from edgy_tf.corpora import Corpus, Utterance, load
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.corpora.base import Split
from edgy_tf.errors import CorpusError, EdgyError
from edgy_tf.recognisers import Recogniser, open_recogniser
from edgy_tf.releases import Release, find_release
from evaluation.attackers import Heard
from evaluation.attributes import hear, measure_attribute
from evaluation.cost import machine, measure_cost
from evaluation.plan import Plan
from evaluation.selection import fingerprint, some_of_each, sources_of, spoken
from evaluation.splits import Attribute
from evaluation.systems import Processed, System, open_systems, process_corpus
from evaluation.utility import Route, measure_utility, transcripts, write_tsv
from evaluation.verdicts import attribute_verdict, identity_verdict
from evaluation.verification import measure_identity
from evaluation.verifiers import Trainable, open_verifiers

PACKAGES = (
    "tensorflow", "keras", "ai-edge-litert", "numpy", "scikit-learn", "jiwer", "librosa", "opensmile", "faster-whisper",
    "ctranslate2", "torch", "Resemblyzer", "av", "pycodec2",
)  # fmt: skip
"""Whose versions an audit's figures depend on."""

UNSEEN: tuple[Split, ...] = ("test", "eval")
"""Splits whose speakers no release and no attacker has learned from."""


@dataclass
class Audit:
    """One run of a plan; `run` it once.

    Attributes:
        plan: what to measure.
        release: name or folder of the release.
        variant: its encoder.
        corpus: speech; test and eval splits are attacked, the train split trains retrained attackers.
        cache: folder of everything slow; it may be shared between audits.
        recogniser: see `edgy_tf.recognisers.open_recogniser`.
        out: where the transcripts go.
        open_systems: makes systems of names; the tests plant leaks here.
    """

    plan: Plan
    release: str
    variant: str
    corpus: Corpus
    cache: Path
    out: Path
    recogniser: str = "auto"
    open_systems: Callable[[Sequence[str], str, str, int], list[System]] = open_systems
    _result: dict[str, Any] = field(default_factory=dict, init=False)
    _used: set[Utterance] = field(default_factory=set, init=False)
    _systems: dict[str, System] = field(default_factory=dict, init=False)

    def run(self, command: str) -> dict[str, Any]:
        """Measure everything, and return what ``audit.json`` holds; ``command`` is noted in it.

        What cannot be measured, for want of a package, of speakers or of labels, stands under ``not_measured`` with
        the reason.

        Raises:
            EdgyError: no such release or system, or a file of the release was changed.
            CorpusError: nothing to measure on.
        """
        begun = time.monotonic()
        release = find_release(self.release)
        release.verify()
        release.encoder(self.variant)
        if not sources_of(self.corpus, *UNSEEN):
            raise CorpusError("the corpus has no test or eval split to measure on; see docs/corpora.md")
        lists = ("bits", "utility", "identity", "attributes", "verdicts", "cost", "not_measured")
        self._result = {name: [] for name in lists}
        self._utility(release)
        self._identity()
        self._attributes()
        with self._or_reason("cost", self.variant, "-"):
            costs = measure_cost(self.release, self.variant, self.plan.cost.seconds, self.plan.cost.runs)
            self._result["cost"] = [asdict(cost) for cost in costs]
        about = _about(self, release, command, time.monotonic() - begun)
        return about | self._result

    def _utility(self, release: Release) -> None:
        plan = self.plan.utility
        listeners: dict[Route, Recogniser] = {}
        with self._or_reason("utility", "all", "all"):
            speech = open_recogniser(self.recogniser)
            text = open_recogniser(self.recogniser, release) if release.reading else speech
            listeners = {"speech": speech, "text": text}
        of_source = spoken(self.corpus, plan.utterances)
        if not of_source:
            self._not_measured("utility", "all", "all", "no test utterance has a transcript")
        for source, chosen in of_source.items():
            texts: dict[str, Sequence[str]] = {}
            for name in plan.systems:
                with self._or_reason("utility", name, source):
                    utterances, processed = self._processed(name, chosen)
                    self._bits(name, source, utterances, processed)
                    if not listeners:
                        continue
                    for route, heard in self._routes(name, processed, listeners["text"].reads):
                        about, recogniser = f"{name} {route}", listeners[route]
                        texts[about] = transcripts(
                            recogniser, heard, self.cache / "texts", path=route, about=about, total=len(utterances)
                        )
                        found = measure_utility(name, route, recogniser.name, utterances, texts[about], self.plan.seed)
                        self._result["utility"].append(asdict(found))
            if texts:
                self.out.mkdir(parents=True, exist_ok=True)
                write_tsv(self.out / f"transcripts-{source}.tsv", utterances, texts)

    def _routes(self, name: str, processed: Sequence[Processed], reads: bool) -> Iterator[tuple[Route, Iterator[Any]]]:
        """What a recogniser is given of a system: its sound, and of a release's codes the features without sound."""
        if all(p.audio is not None for p in processed):
            yield "speech", (p.audio for p in processed)
        words = self._systems[name].words
        if words is not None and reads:
            yield "text", (words(p.codes) for p in processed if p.codes is not None)

    def _identity(self) -> None:
        plan = self.plan.identity
        tested = [u for u in self.corpus.utterances if u.split in UNSEEN]
        others = self.corpus.select(split="train")
        for source in sources_of(self.corpus, *UNSEEN):
            tests = some_of_each([u for u in tested if u.source == source], plan.per_speaker)
            own = others.select(source=source).utterances
            training = some_of_each(own or others.utterances, plan.training_utterances, speakers=plan.training_speakers)
            for name in plan.systems:
                with self._or_reason("identity", name, source):
                    if not training:
                        raise CorpusError("no train split for attackers to learn from; give a corpus that has one")
                    # To learn a network from scratch pays only where the speech is like that under attack.
                    verifiers = [v for v in open_verifiers(plan.verifiers) if own or not isinstance(v, Trainable)]
                    tests, raw = self._processed("raw", tests)
                    training, raw_training = self._processed("raw", training)
                    processed = processed_training = None
                    if name != "raw":
                        _, processed = self._processed(name, tests)
                        _, processed_training = self._processed(name, training)
                    found = measure_identity(
                        tests,
                        raw,
                        processed,
                        training,
                        raw_training,
                        processed_training,
                        verifiers=verifiers,
                        cache=self.cache / "voices",
                        seed=self.plan.seed,
                    )
                    self._result["identity"].append(
                        {"system": name, "source": source, "outcome": found.outcome} | asdict(found)
                    )
                    self._result["verdicts"].append(identity_verdict(name, source, found))

    def _attributes(self) -> None:
        plan = self.plan.attributes
        measured = Memory(self.cache / "attacks" / __version__, verbose=0).cache(measure_attribute)
        for source in sources_of(self.corpus, *UNSEEN):
            unseen = [u for u in self.corpus.utterances if u.source == source and u.split in UNSEEN]
            own = [u for u in self.corpus.select(split="train", source=source).utterances if u.gender or u.emotion]
            taught = some_of_each(own, plan.training_utterances, speakers=plan.training_speakers)
            chosen = some_of_each(unseen, plan.per_speaker) + taught
            attributes: list[Attribute] = [a for a in ("gender", "emotion") if any(getattr(u, a) for u in chosen)]
            heard: dict[str, Heard] = {}
            for name in dict.fromkeys(["raw", *plan.systems]) if attributes else ():
                with self._or_reason("attributes", name, source):
                    chosen, processed = self._processed(name, chosen)
                    heard[name] = hear(processed, plan.features, self.cache)
            raw = heard.pop("raw", None)
            for attribute in attributes if raw else ():
                with self._or_reason(attribute, "all", source):
                    assert raw is not None
                    found = measured(attribute, chosen, raw.features, heard, plan.classifiers, self.plan.seed)
                    for name in (n for n in plan.systems if n in found):
                        one = found[name]
                        about = {"system": name, "source": source, "outcome": one.outcome, "chance": one.chance}
                        self._result["attributes"].append(about | asdict(one))
                        self._result["verdicts"].append(attribute_verdict(name, source, one))

    def _processed(self, name: str, utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Processed]]:
        """Utterances that can be read, and what a system makes of them."""
        if name not in self._systems:
            [self._systems[name]] = self.open_systems([name], self.release, self.variant, self.plan.seed)
        corpus = Corpus(list(utterances), self.corpus.skipped)
        pairs = list(process_corpus(self._systems[name], corpus, self.cache / "systems"))
        if not pairs:
            raise CorpusError("no utterance could be read")
        self._used.update(u for u, _ in pairs)
        return [u for u, _ in pairs], [p for _, p in pairs]

    def _bits(self, name: str, source: str, utterances: Sequence[Utterance], processed: Sequence[Processed]) -> None:
        seconds = sum(len(pcm) for _, pcm in load(Corpus(list(utterances)))) / SAMPLE_RATE
        rate = sum(p.bits for p in processed) / seconds
        self._result["bits"].append({"system": name, "source": source, "bits_per_s": rate})

    @contextmanager
    def _or_reason(self, what: str, system: str, source: str) -> Iterator[None]:
        try:
            yield
        except EdgyError as error:
            self._not_measured(what, system, source, str(error))

    def _not_measured(self, what: str, system: str, source: str, reason: str) -> None:
        self._result["not_measured"].append({"what": what, "system": system, "source": source, "reason": reason})


def _about(audit: Audit, release: Release, command: str, seconds: float) -> dict[str, Any]:
    """Where the figures come from."""
    used = audit._used
    sources = sorted({u.source for u in used})
    return {
        "version": __version__,
        "command": command,
        "plan": asdict(audit.plan),
        "date": date.today().isoformat(),
        "seed": audit.plan.seed,
        "seconds": round(seconds, 1),
        "machine": machine(),
        "versions": _versions(),
        "corpus": {
            "sha256": fingerprint(used),
            "sources": {
                source: {
                    "utterances": sum(u.source == source for u in used),
                    "speakers": len({u.speaker for u in used if u.source == source}),
                }
                for source in sources
            },
        },
        "release": {
            "name": release.name,
            "codebook_id": release.codebook_id,
            "variant": audit.variant,
            "files": release.files,
        },
        "systems": list(audit._systems),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
