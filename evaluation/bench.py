"""How fast an encoder runs here, by interpreter and number of threads, beside float32 Keras and PyTorch.

Stages and words are those of ``evaluation.cost``; each figure comes from a process of its own. Those of ``network``,
which all runtimes run, are measured in turn, so that their ratios hold on a busy machine, too.
"""

from __future__ import annotations

import gzip
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgy_tf.cost import cost_of
from edgy_tf.cpus import cpus
from edgy_tf.errors import CodebookMismatchError, ModelError
from edgy_tf.preset import Preset, load_preset, preset_from_dict, preset_names
from edgy_tf.releases import MANIFEST, find_release, release_names, release_of
from evaluation.stages import StageCost, measured, measured_in_turn
from pi_runtime import read_info

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "keras": "keras",
    "torch": "torch",
}
"""What a model may run in, and what is imported for it."""
STAGES = ("init", "encode", "network", "stream")
"""Of an interpreter; Keras and PyTorch run ``network`` alone, and ``front_end`` is NumPy's."""


@dataclass(frozen=True)
class Row:
    """One stage in one runtime.

    Attributes:
        runtime: a key of ``RUNTIMES``, or ``numpy``.
        num_threads: that it may use.
        stage: as in ``evaluation.stages.measured``.
        cost: its time and memory; None where it does not run.
        reason: why it does not run.
    """

    runtime: str
    num_threads: int
    stage: str
    cost: StageCost | None
    reason: str = ""


def bench(path: Path, preset: Preset, seconds: float = 10, runs: int = 20) -> list[Row]:
    """Measure a model in all runtimes that are installed.

    Args:
        path: of a ``.tflite``.
        preset: that it is of.
        seconds: of audio in a run; noise, because the time does not depend on what is said.
        runs: measured ones of each stage, after one more.

    Raises:
        ModelError: no such file, or not one of ours.
    """
    info = read_info(path)
    job = {
        "path": str(path),
        "preset": asdict(preset),
        "samples": round(seconds * info.sample_rate),
        "chunk": info.advance,
        "runs": runs,
        "warmup_runs": 1,
    }
    rows = [_row("numpy", "front_end", job | {"threads": 1})]
    here = {name: module for name, module in RUNTIMES.items() if importlib.util.find_spec(module.split(".")[0])}
    for runtime, module in here.items():
        for threads in sorted({1, cpus()}):
            for stage in STAGES if "." in module else ("network",):
                # Of what is measured in turn, one run shows whether it runs at all.
                some = {"runs": 1} if stage == "network" else {}
                rows.append(_row(runtime, stage, job | some | {"runtime": module, "threads": threads}))
    places = [i for i, row in enumerate(rows) if row.stage == "network" and row.cost]
    about = ({"runtime": here[rows[i].runtime], "threads": rows[i].num_threads, "stage": "network"} for i in places)
    for i, cost in zip(places, measured_in_turn([job | one for one in about]), strict=True):
        rows[i] = replace(rows[i], cost=cost)
    return rows


def table(rows: list[Row], seconds: float) -> str:
    """The rows as text; a stage that does not run says why."""
    lines = [
        f"milliseconds for {seconds:g} s of audio, median (95th percentile)",
        "runtime         threads  stage      first ms   wall ms (p95)       CPU ms   peak RSS MB",
    ]
    for row in rows:
        head = f"{row.runtime:15} {row.num_threads:7}  {row.stage:9}"
        if (c := row.cost) is None:
            lines.append(f"{head} {row.reason}")
        else:
            lines.append(
                f"{head} {1e3 * c.first_wall_s:9.2f} {1e3 * c.wall_s:9.2f} ({1e3 * c.wall_p95_s:7.2f})"
                f" {1e3 * c.cpu_s:9.2f} {c.peak_rss_bytes / 1e6:13.1f}"
            )
    return "\n".join([*lines, *ratios(rows)])


def ratios(rows: list[Row]) -> list[str]:
    """How many times as fast the model is as the float32 networks, for each interpreter and number of threads."""
    network = {(r.runtime, r.num_threads): r.cost for r in rows if r.stage == "network" and r.cost}
    lines = []
    for (runtime, threads), cost in network.items():
        others = [(name, network.get((name, threads))) for name, module in RUNTIMES.items() if "." not in module]
        found = [f"{other.wall_s / cost.wall_s:.1f} times as fast as {name}" for name, other in others if other]
        if "." in RUNTIMES[runtime] and found:
            lines.append(f"network in {runtime}, {threads} threads: {' and '.join(found)} in float32")
    return lines


def sizes(path: Path, preset: Preset) -> str:
    """Bytes of a model, as it is and after gzip, beside those of the network's float32 weights."""
    packed = path.read_bytes()
    whole, size, zipped = cost_of(preset).encoder_bytes_float32, len(packed), len(gzip.compress(packed, 9))
    return (
        f"file: {size / 1e6:.3f} MB, {zipped / 1e6:.3f} MB zipped; float32 weights alone: {whole / 1e6:.3f} MB, "
        f"{whole / size:.2f} times as much as the file and {whole / zipped:.2f} as the zipped one"
    )


def _row(runtime: str, stage: str, job: dict[str, object]) -> Row:
    threads = int(str(job["threads"]))
    try:
        return Row(runtime, threads, stage, measured(job | {"stage": stage}))
    except ModelError as error:
        return Row(runtime, threads, stage, None, str(error).partition(": ")[2] or str(error))


@contextmanager
def opened(model: str, variant: str) -> Iterator[tuple[Path, Preset]]:
    """The file that is meant, and its preset: of its release, of an installed one of its codebook, or by its name.

    Args:
        model: path of a ``.tflite``, a release, or a preset, of which an encoder with random weights is made.
        variant: encoder of the release or preset.

    Raises:
        ModelError: no such model, release or variant.
        PresetError: the model is of no release, and of a preset that does not ship; or there is no such preset.
    """
    path = Path(model)
    if path.suffix != ".tflite":
        if model not in release_names() and (model in preset_names() or path.suffix == ".toml"):
            with _made(load_preset(model), variant) as made:
                yield made
            return
        release = find_release(model)
        yield release.encoder(variant), preset_from_dict(release.preset, release.name)
        return
    info = read_info(path)
    if (path.parent / MANIFEST).exists():
        release = find_release(str(path.parent))
    else:
        try:
            release = release_of(info.codebook_id, info.release if info.release in release_names() else None)
        except CodebookMismatchError:
            yield path, load_preset(info.preset)
            return
    yield path, preset_from_dict(release.preset, info.preset)


@contextmanager
def _made(preset: Preset, variant: str) -> Iterator[tuple[Path, Preset]]:
    """An encoder of a preset with random weights, which take as long as trained ones."""
    import numpy as np

    from converters.encoder import convert_encoder
    from edgy_tf.models.encoder import build_encoder
    from edgy_tf.network import Network
    from edgy_tf.weights import variables_of

    rng = np.random.default_rng(0)
    codebook = rng.standard_normal((preset.codebook.size, preset.codebook.dim), np.float32)
    network = Network(preset, variables_of(build_encoder(preset)) | {"quantizer/codebook": codebook})
    mel = rng.random((preset.frames_for(50), preset.front_end.mels), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{preset.name}-{variant}.tflite"
        path.write_bytes(convert_encoder(network, variant, [mel], "none: random weights"))
        yield path, preset
