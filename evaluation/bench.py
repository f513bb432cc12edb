"""How fast an encoder runs here, by interpreter and number of threads, beside float32 Keras and PyTorch.

Stages and words are those of ``evaluation.cost``; each figure comes from a process of its own, one after the other.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path

from edgy_tf.cpus import cpus
from edgy_tf.errors import ModelError
from edgy_tf.preset import Preset, load_preset, preset_from_dict
from edgy_tf.releases import MANIFEST, find_release
from evaluation.stages import StageCost, measured
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


def bench(model: str, variant: str = "int8", seconds: float = 10, runs: int = 20) -> list[Row]:
    """Measure a model in all runtimes that are installed.

    Args:
        model: path of a ``.tflite``, or a release.
        variant: encoder of the release.
        seconds: of audio in a run; noise, because the time does not depend on what is said.
        runs: measured ones of each stage, after one more.

    Raises:
        ModelError: no such model, release or variant.
        PresetError: the model is of no release, and of a preset that does not ship.
    """
    path, preset = _model(model, variant)
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
    for runtime, module in RUNTIMES.items():
        if importlib.util.find_spec(module.split(".")[0]):
            for threads in sorted({1, cpus()}):
                for stage in STAGES if "." in module else ("network",):
                    rows.append(_row(runtime, stage, job | {"runtime": module, "threads": threads}))
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
    return "\n".join(lines)


def _row(runtime: str, stage: str, job: dict[str, object]) -> Row:
    threads = int(str(job["threads"]))
    try:
        return Row(runtime, threads, stage, measured(job | {"stage": stage}))
    except ModelError as error:
        return Row(runtime, threads, stage, None, str(error).partition(": ")[2] or str(error))


def _model(model: str, variant: str) -> tuple[Path, Preset]:
    """The file, and the preset of its release or, where it lies in none, the one that ships under its name."""
    path = Path(model)
    if path.suffix != ".tflite":
        release = find_release(model)
        return release.encoder(variant), preset_from_dict(release.preset, release.name)
    name = read_info(path).preset
    if (path.parent / MANIFEST).exists():
        return path, preset_from_dict(find_release(str(path.parent)).preset, name)
    return path, load_preset(name)
