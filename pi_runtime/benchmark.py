"""How long an encoder takes on this device, frame by frame as a microphone would bring them, and its memory.

The words and the shape are those of TensorFlow Lite's ``benchmark_model``. A frame is what one run of the model adds:
``EdgeEncoder.frame_length`` samples. The front end is part of the model, so *encode* holds it; *pre-process* is the
rest of ``EdgeEncoder.process``: samples become float32, are joined with those before them and copied into the model.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pi_runtime.encoder import EdgeEncoder
from pi_runtime.memory import peak_rss

WARM_UP_S = 1


@dataclass(frozen=True)
class Stage:
    """Times of one stage in microseconds, one for each frame; ``first`` is the very first one, before any warm-up."""

    count: int
    first: float
    min: float
    max: float
    avg: float
    std: float
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float], warm_up: int) -> Stage:
        """Statistics of what was measured after ``warm_up`` frames."""
        us = 1e6 * np.array(seconds)
        steady = us[warm_up:]
        figures = (us[0], steady.min(), steady.max(), steady.mean(), steady.std(), *np.percentile(steady, [50, 95, 99]))
        return cls(len(steady), *map(float, figures))

    def __str__(self) -> str:
        names = ("first", "min", "max", "avg", "std", "p50", "p95", "p99")
        return f"count={self.count} " + " ".join(f"{name}={getattr(self, name):.0f}" for name in names)


@dataclass(frozen=True)
class Benchmark:
    """What ``benchmark`` found.

    Attributes:
        model: name of the ``.tflite``.
        runtime: package of the interpreter.
        threads: of the interpreter.
        model_bytes: size of the ``.tflite``.
        frame_ms: sound in a frame.
        lookahead_ms: sound after a code's own that must be heard first.
        load_us: importing the runtime and opening the model, the first time in this process.
        preprocess: of each frame.
        encode: of each frame.
        latency: of each frame: both, from its last sample to its codes, which is what comes on top of the look-ahead.
        rtf: time over sound, 1 is just fast enough.
        load_rss_bytes: memory that loading added.
        peak_rss_bytes: the most memory that the process ever held, Python and NumPy included.
    """

    model: str
    runtime: str
    threads: int
    model_bytes: int
    frame_ms: float
    lookahead_ms: float
    load_us: float
    preprocess: Stage
    encode: Stage
    latency: Stage
    rtf: float
    load_rss_bytes: int
    peak_rss_bytes: int

    def __str__(self) -> str:
        return (
            f"Graph: [{self.model}]\n"
            f"Runtime: [{self.runtime}]\n"
            f"#threads used for CPU inference: [{self.threads}]\n"
            f"The input model file size (MB): {self.model_bytes / 1e6:.5g}\n"
            f"Initialized session in {self.load_us / 1e3:.3f}ms.\n"
            f"Frames of {self.frame_ms:g}ms, look-ahead {self.lookahead_ms:g}ms, times in us:\n"
            f"pre-process: {self.preprocess}\n"
            f"encode:      {self.encode}\n"
            f"latency:     {self.latency}\n"
            f"Inference timings in us: Init: {self.load_us:.0f}, First inference: {self.encode.first:.0f},"
            f" Pre-process (avg): {self.preprocess.avg:.2f}, Inference (avg): {self.encode.avg:.0f}\n"
            f"Median latency of a frame beyond the look-ahead of {self.lookahead_ms:g}ms:"
            f" {self.latency.p50 / 1e3:.3f}ms\n"
            f"Real-time factor: {self.rtf:.5f}\n"
            f"Memory footprint in MB: init={self.load_rss_bytes / 1e6:.1f} peak={self.peak_rss_bytes / 1e6:.1f}"
        )


class _Timed:
    """An interpreter that keeps how long each of its runs took."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self.seconds: list[float] = []

    def invoke(self) -> None:
        started = time.perf_counter()
        self._interpreter.invoke()
        self.seconds.append(time.perf_counter() - started)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._interpreter, name)


def benchmark(path: str | os.PathLike[str], threads: int = 1, seconds: float = 30) -> Benchmark:
    """Load an encoder and give it frames of noise, for the time does not depend on what is said.

    Args:
        path: of the ``.tflite``.
        threads: of the interpreter.
        seconds: of sound that are measured, after ``WARM_UP_S`` that are not.

    Raises:
        ModelError: not an encoder, or it does not run here.
        MissingDependencyError: no interpreter is installed.
    """
    before = peak_rss()
    started = time.perf_counter()
    encoder = EdgeEncoder(path, threads)
    load = time.perf_counter() - started
    loaded = peak_rss()
    info, frame = encoder.info, encoder.frame_length
    runtime = type(encoder._interpreter).__module__.partition(".")[0]
    # Before the first frame lies the look-ahead, so that each frame runs the model once.
    encoder.process(np.zeros(info.window - info.before - frame, np.int16))
    timed = encoder._interpreter = _Timed(encoder._interpreter)
    warm_up, measured = (math.ceil(s * encoder.sample_rate / frame) for s in (WARM_UP_S, seconds))
    took = []
    for noise in np.random.default_rng(0).integers(-3000, 3000, (warm_up + measured, frame), np.int16):
        started = time.perf_counter()
        encoder.process(noise)
        took.append(time.perf_counter() - started)
    preprocess = [whole - run for whole, run in zip(took, timed.seconds, strict=True)]
    return Benchmark(
        model=Path(path).name,
        runtime=runtime,
        threads=threads,
        model_bytes=Path(path).stat().st_size,
        frame_ms=1000 * frame / encoder.sample_rate,
        lookahead_ms=info.lookahead_ms,
        load_us=1e6 * load,
        preprocess=Stage.of(preprocess, warm_up),
        encode=Stage.of(timed.seconds, warm_up),
        latency=Stage.of(took, warm_up),
        rtf=sum(took[warm_up:]) * encoder.sample_rate / (measured * frame),
        load_rss_bytes=loaded - before,
        peak_rss_bytes=peak_rss(),
    )
