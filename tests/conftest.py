"""A tiny network and a few voices that every part of the suite may train, encode and decode."""

import gc
import os
from collections.abc import Generator

# Before TensorFlow is imported: one thread, so that every sum has one order and equal runs end in equal bits.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from edgy_tf.corpora import write_wav
from edgy_tf.preset import Preset, load_preset
from tests import slow
from tests.shared import alone, once

# What comes out is tested, and not how long a busy machine takes.
settings.register_profile("edgy", deadline=None)
settings.load_profile("edgy")

ROOT = Path(__file__).parents[1]
RATE = 16000
CORPUS = Path(os.environ.get("EDGY_CORPUS", ROOT.parent / "shared" / "corpus"))
"""Real speech; the tests that need it are skipped, and say so, where it is missing."""
SPEAKERS = {f"voice{i}": "FM"[i % 2] for i in range(8)}
HELD_OUT = ("voice6", "voice7")
"""The speakers of the ``test`` split; the others are of ``train``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and begin with it: no process is left with it when the others have nothing to do."""
    for item in items:
        if item.path in slow.PLACES:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: slow.PLACES.get(item.path, len(slow.PLACES)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from what is imported, which is much and stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def real_corpus() -> Path:
    """The folder of real speech."""
    if not CORPUS.is_dir():
        pytest.skip(f"NOT TESTED on real speech: {CORPUS} is missing; set EDGY_CORPUS")
    return CORPUS


@pytest.fixture(scope="session")
def tiny_file() -> Path:
    """The tiny preset as a file, for commands that are given one."""
    return Path(__file__).parent / "data" / "tiny.toml"


@pytest.fixture(scope="session")
def tiny(tiny_file: Path) -> Preset:
    """A preset with every part of a network, none larger than it must be."""
    return load_preset(str(tiny_file))


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus folder: eight harmonic voices of different pitch, two utterances of about a second each."""
    return once(tmp_path_factory, "tones", _write_tones)


def _write_tones(folder: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["path\tspeaker\tsplit\tgender\ttranscript"]
    for speaker, gender in SPEAKERS.items():
        pitch = rng.uniform(180, 240) if gender == "F" else rng.uniform(90, 130)
        for take in range(2):
            name = f"{speaker}-{take}.wav"
            write_wav(folder / name, harmonic_voice(rng, pitch, seconds=rng.uniform(0.8, 1.2)))
            split = "test" if speaker in HELD_OUT else "train"
            rows.append(f"{name}\t{speaker}\t{split}\t{gender}\tLA LA LA")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", "utf-8")


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Ray cluster of this machine with two workers, which a file's tests share; ``auto`` is its address."""
    ray = pytest.importorskip("ray", reason="NOT TESTED on a cluster: ray is not installed")
    # Its workers are started with the environment that is now, and import the tests' own functions.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Or Ray's workers would wait for all other tests.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 (Ray's own name)
    # ``auto`` must not find the cluster of another process' tests.
    with alone(tmp_path_factory, "ray"):
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def whisper_arrays() -> dict[str, np.ndarray]:
    """A Whisper encoder of two layers and two heads, with random weights."""
    width = WHISPER_WIDTH
    return _random_transformer(
        {
            "conv1/weight": (width, 80, 3),
            "conv2/weight": (width, width, 3),
            "position_encodings/encodings": (1500, width),
            "layer_norm/gamma": (width,),
        },
        {"self_attention": (3, 1, 1, 1), "ffn": (4, 1, 1, 4)},
    )


@pytest.fixture(scope="session")
def whisper_decoder_arrays() -> dict[str, np.ndarray]:
    """The decoder that goes with it, with the whole vocabulary."""
    width = WHISPER_WIDTH
    return _random_transformer(
        {
            "embeddings/weight": (51865, width),
            "position_encodings/encodings": (448, width),
            "layer_norm/gamma": (width,),
        },
        {"self_attention": (3, 1, 1, 1), "attention": (1, 1, 2, 1, 1, 1), "ffn": (4, 1, 1, 4)},
    )


@pytest.fixture(scope="session")
def whole_whisper_arrays(
    whisper_arrays: dict[str, np.ndarray], whisper_decoder_arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Both, as one model."""
    both = {f"encoder/{n}": v for n, v in whisper_arrays.items()}
    return both | {f"decoder/{n}": v for n, v in whisper_decoder_arrays.items()}


WHISPER_WIDTH = 128


def _random_transformer(
    shapes: dict[str, tuple[int, ...]], blocks: dict[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """Two layers of ``blocks``, which give the widths, out and in, of their matrices, and what else has ``shapes``."""
    rng, width = np.random.default_rng(0), WHISPER_WIDTH
    for layer in ("layer_0", "layer_1"):
        for block, sizes in blocks.items():
            name = f"{layer}/{block}"
            shapes[f"{name}/layer_norm/gamma"] = (width,)
            for i, (out, inner) in enumerate(zip(sizes[::2], sizes[1::2], strict=True)):
                shapes[f"{name}/linear_{i}/weight"] = (out * width, inner * width)
    arrays = {n: (rng.standard_normal(s) / np.sqrt(np.prod(s[1:]))).astype(np.float16) for n, s in shapes.items()}
    for name, value in list(arrays.items()):
        if name.endswith("weight") and name != "embeddings/weight":
            arrays[name.replace("weight", "bias")] = rng.standard_normal(value.shape[0]).astype(np.float16)
        elif name.endswith("gamma"):
            arrays[name] = (value + 1).astype(np.float16)
            arrays[name.replace("gamma", "beta")] = rng.standard_normal(value.shape[0]).astype(np.float16)
    return arrays


def harmonic_voice(rng: np.random.Generator, pitch: float, seconds: float) -> np.ndarray:
    """Syllables of a harmonic tone whose formants move, with breath: float32 ``[N]`` in [-1, 1]."""
    t = np.arange(int(seconds * RATE)) / RATE
    harmonics = np.arange(1, int(4000 / pitch))
    formants = rng.uniform(300, 3000, (3, 1)) * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(1, 4, (3, 1)) * t))
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.03 * np.sin(2 * np.pi * 5 * t))) / RATE
    tone = sum(
        np.sin(h * phase) * np.exp(-np.square((h * pitch - formants) / 400)).sum(0) / np.sqrt(h) for h in harmonics
    )
    syllables = np.clip(np.sin(2 * np.pi * 3 * t) + 0.5, 0, 1)
    voice = tone * syllables + 0.01 * rng.standard_normal(len(t))
    return (0.6 * voice / np.abs(voice).max()).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_run(tiny: Preset, tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training run of the tiny preset on the tones."""
    from edgy_tf.corpora import open_corpus
    from edgy_tf.train.trainer import Run, train

    return once(tmp_path_factory, "run", lambda out: train(Run(tiny, open_corpus(tones), out, every=4)))


@pytest.fixture(scope="session")
def tiny_release(tiny_run: Path, tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release that ``edgy export`` makes of it."""
    from converters.release import export
    from edgy_tf.corpora import open_corpus
    from edgy_tf.train.checkpoint import Checkpoint

    def make(folder: Path) -> None:
        export(Checkpoint.load(tiny_run), open_corpus(tones), folder / "tiny")

    return once(tmp_path_factory, "releases", make) / "tiny"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    from evaluation.userland.build import project_wheel

    [wheel] = once(tmp_path_factory, "wheel", project_wheel).glob("*.whl")
    return wheel
