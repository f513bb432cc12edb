"""Export a corpus, as it is and processed by a system, for the toolkit of the VoicePrivacy Challenge 2024.

    python -m evaluation.vpc --release pi --corpus CORPUS --source librispeech --out OUT

OUT becomes the toolkit's ``data_dir``: Kaldi folders ``DATASET_enrolls``, ``DATASET_trials_f`` and
``DATASET_trials_m`` of the original, and the same with the suffix of the system, ``_edgy``. In the toolkit's
``configs/eval_pre.yaml``, set ``anon_data_suffix`` and name the dataset as ``libri_test`` is named there. With
``--plain`` there is one folder, ``DATASET``, as for training data and emotions.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.corpora import Corpus, Utterance, load, open_corpus, write_wav
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.corpora.base import SPLITS
from edgy_tf.errors import CorpusError, EdgyError
from evaluation.systems import System, open_systems, process_corpus

ENROL_EVERY = 4
"""Of each speaker's utterances, in the order of their names, the first and every fourth after it enrol."""
Lines = Mapping[str, object]


@dataclass(frozen=True)
class Entry:
    """One utterance of the export.

    Attributes:
        name: its id: the speaker's, a dash, and the rest. A dash sorts before everything in a speaker's id, so
            utterances sorted by name are sorted by speaker too, which Kaldi demands.
        speaker: id of the speaker.
        utterance: as the corpus has it.
        seconds: its length.
    """

    name: str
    speaker: str
    utterance: Utterance
    seconds: float


def export(system: System, corpus: Corpus, out: Path, dataset: str, cache: Path, *, plain: bool = False) -> list[Path]:
    """Write the folders of a corpus before and after a system.

    Files that cannot be read are in neither, and in ``corpus.skipped``. Sound is 16 kHz, 16 bits, mono.

    Args:
        system: one that gives sound.
        corpus: what to export.
        out: the toolkit's ``data_dir``; it is made if missing.
        dataset: its name: two parts joined by ``_``, because the toolkit takes the third for the trials.
        cache: of `process_corpus`.
        plain: one folder, instead of enrolment and trials of each gender.

    Returns:
        the folders, those of the original first.

    Raises:
        CorpusError: nothing to export, no trials can be made of it, two utterances or speakers get the same id, or a
            name has a character that the toolkit cannot take.
        EdgyError: the system gives no sound.
    """
    if not re.fullmatch(r"[^\W_]+(-[^\W_]+)*_[^\W_]+", dataset):
        raise CorpusError(f"dataset '{dataset}': the toolkit needs two words joined by one _, as in libri_test")
    out = out.resolve()
    if re.search(r"\s", str(out)):
        raise CorpusError(f"{out}: lists of files cannot hold spaces; choose another folder")
    lengths = {utterance: len(pcm) / SAMPLE_RATE for utterance, pcm in load(corpus)}
    entries = _entries(lengths)
    parts = {dataset: entries} if plain else _parts(entries, dataset)
    folder_of = {entry.utterance: part for part, members in parts.items() for entry in members}
    name_of = {entry.utterance: entry.name for entry in entries}

    def sound(utterance: Utterance, suffix: str = "") -> Path:
        return out / f"{folder_of[utterance]}{suffix}" / "wav" / f"{name_of[utterance]}.wav"

    suffix = f"_{system.name}"
    for part in parts:
        for folder in (out / part, out / f"{part}{suffix}"):
            (folder / "wav").mkdir(parents=True, exist_ok=True)
    used = Corpus([entry.utterance for entry in entries], corpus.skipped)
    for utterance, pcm in load(used):
        write_wav(sound(utterance), pcm)
    for utterance, processed in process_corpus(system, used, cache):
        if processed.audio is None:
            raise EdgyError(f"{system.name} gives no sound to export; choose another system")
        write_wav(sound(utterance, suffix), processed.audio)
    for ending in ("", suffix):
        for part, members in parts.items():
            paths = {entry.name: sound(entry.utterance, ending) for entry in members}
            _write_folder(out / f"{part}{ending}", members, paths)
            if part.endswith("_enrolls"):
                _write(out / f"{part}{ending}" / "enrolls", {entry.name: "" for entry in members})
            elif not plain:
                _write(out / f"{part}{ending}" / "trials", _trials(parts[f"{dataset}_enrolls"], members))
    return [out / f"{part}{ending}" for ending in ("", suffix) for part in parts]


def _entries(lengths: Mapping[Utterance, float]) -> list[Entry]:
    """Utterances with ids, sorted by them."""
    if not lengths:
        raise CorpusError("nothing to export; choose another --source or --split")
    speakers = {utterance.speaker: _clean(utterance.speaker) for utterance in lengths}
    _check_unique(speakers, "speakers")
    # Some corpora number the files of each recording anew, so that only the folder tells them apart.
    for parents in (0, 1, 2):
        names = {u: "-".join([speakers[u.speaker], *_parts_of(u.path, parents)]) for u in lengths}
        if len(set(names.values())) == len(names):
            break
    _check_unique({str(utterance.path): name for utterance, name in names.items()}, "utterances")
    entries = [Entry(names[u], speakers[u.speaker], u, seconds) for u, seconds in lengths.items()]
    return sorted(entries, key=lambda entry: entry.name)


def _parts_of(path: Path, parents: int) -> list[str]:
    parts = [*path.parent.parts[len(path.parent.parts) - parents :], path.stem]
    return [_clean(part, keep="-") for part in parts]


def _clean(name: str, keep: str = "") -> str:
    """A name without the spaces and slashes that Kaldi cannot take, nor the dash that ends a speaker's id."""
    return re.sub(rf"[^\w.{keep}]+", "_", name)


def _check_unique(ids: Mapping[str, str], what: str) -> None:
    owners: dict[str, str] = {}
    for name, identity in ids.items():
        if identity in owners:
            raise CorpusError(f"{what} '{owners[identity]}' and '{name}' would both be '{identity}'; rename one")
        owners[identity] = name


def _parts(entries: list[Entry], dataset: str) -> dict[str, list[Entry]]:
    """Enrolment and trials by folder; trials that no enrolled speaker can be confused in are left out."""
    of_speaker: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.utterance.gender is None:
            raise CorpusError(f"speaker '{entry.utterance.speaker}' has no gender, which trials need; use --plain")
        of_speaker.setdefault(entry.speaker, []).append(entry)
    parts: dict[str, list[Entry]] = {f"{dataset}_{part}": [] for part in ("enrolls", "trials_f", "trials_m")}
    for members in of_speaker.values():
        for i, entry in enumerate(members):
            trial = f"trials_{str(entry.utterance.gender).lower()}"
            parts[f"{dataset}_{trial if i % ENROL_EVERY else 'enrolls'}"].append(entry)
    enrolled = parts[f"{dataset}_enrolls"]
    kinds = [set(_trials(enrolled, parts[f"{dataset}_trials_{g}"]).values()) for g in "fm"]
    if not any(len(kind) == 2 for kind in kinds):
        raise CorpusError("trials need two speakers of one gender with two utterances each; use --plain")
    return {part: members for part, members in parts.items() if members}


def _trials(enrolled: list[Entry], tested: list[Entry]) -> dict[str, object]:
    """Each tested utterance against each enrolled speaker of the same gender: ``speaker utterance`` to its kind."""
    genders = {entry.speaker: entry.utterance.gender for entry in enrolled}
    return {
        f"{speaker} {entry.name}": "target" if speaker == entry.speaker else "nontarget"
        for speaker, gender in genders.items()
        for entry in tested
        if gender == entry.utterance.gender
    }


def _write_folder(folder: Path, entries: list[Entry], sounds: Mapping[str, Path]) -> None:
    """The files of a Kaldi folder; one appears only if the corpus tells it of every utterance."""
    members: dict[str, list[str]] = {}
    for entry in entries:
        members.setdefault(entry.speaker, []).append(entry.name)
    _write(folder / "wav.scp", sounds)
    _write(folder / "utt2spk", {entry.name: entry.speaker for entry in entries})
    _write(folder / "spk2utt", {speaker: " ".join(names) for speaker, names in members.items()})
    _write(folder / "utt2dur", {entry.name: f"{entry.seconds:.4f}" for entry in entries})
    if all(entry.utterance.gender for entry in entries):
        _write(folder / "spk2gender", {entry.speaker: str(entry.utterance.gender).lower() for entry in entries})
    if all(entry.utterance.transcript for entry in entries):
        _write(folder / "text", {entry.name: _words(entry.utterance.transcript or "") for entry in entries})
    if all(entry.utterance.emotion for entry in entries):
        _write(folder / "utt2emo", {entry.name: entry.utterance.emotion for entry in entries})


def _words(transcript: str) -> str:
    """A transcript as the toolkit prepares its own: upper case, without punctuation."""
    return " ".join(re.sub(r"[,.!?]", " ", transcript).upper().split())


def _write(path: Path, lines: Lines) -> None:
    """Write ``key value`` lines in the order of LC_ALL=C, which is that of Python's strings."""
    rows = sorted((key, str(value)) for key, value in lines.items())
    path.write_text("".join(f"{key} {value}".rstrip() + "\n" for key, value in rows), "utf-8")


def main(argv: list[str] | None = None) -> int:
    """Export, and print the folders; the exit status."""
    parser = argparse.ArgumentParser(description="Export a corpus for the toolkit of the VoicePrivacy Challenge.")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--source", help="only this source of the corpus")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--system", default="edgy", help="raw, mcadams, edgy, edgy-mel, ... (default: edgy)")
    parser.add_argument("--release", default="pi")
    parser.add_argument("--variant", default="int8")
    parser.add_argument("--seed", type=int, default=0, help="of voices and coefficients (default: 0)")
    parser.add_argument("--dataset", help="its name for the toolkit (default: SOURCE_SPLIT)")
    parser.add_argument("--plain", action="store_true", help="one folder, without enrolment and trials")
    parser.add_argument("--cache", type=Path, help="folder of processed utterances (default: OUT/cache)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        corpus = open_corpus(args.corpus).select(split=args.split, source=args.source)
        [system] = open_systems([args.system], args.release, args.variant, args.seed)
        dataset = args.dataset or f"{args.source or 'corpus'}_{args.split}"
        folders = export(system, corpus, args.out, dataset, args.cache or args.out / "cache", plain=args.plain)
    except EdgyError as error:
        print(f"vpc: {error}", file=sys.stderr)
        return 2
    print("\n".join(map(str, folders)))
    if corpus.skipped:
        print(f"left out:\n{corpus.skipped_report()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
