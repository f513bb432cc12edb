"""One stage of an encoder's work, measured in a process of its own: time, CPU time and memory."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import ModelError
from edgy_tf.preset import preset_from_dict
from pi_runtime.memory import peak_rss

BLOCK = 5
"""Runs of one stage before it is the next one's turn."""


@dataclass(frozen=True)
class StageCost:
    """One stage, measured in a process of its own that holds Python, NumPy and, but for ``front_end``, the runtime.

    Attributes:
        stage: what was run, see ``measured``.
        first_wall_s: the very first run, in seconds; that of ``init`` loads the runtime's library as well.
        wall_s: median over the runs, in seconds.
        wall_p95_s: their 95th percentile.
        cpu_s: median of the CPU time of all threads, in seconds.
        cpu_p95_s: its 95th percentile.
        peak_rss_bytes: the most memory that the process ever held.
        python_peak_bytes: the most that Python and NumPy allocated during one run more, which is what ``tracemalloc``
            sees and what the paper reports; the interpreter's own memory is not in it.
    """

    stage: str
    first_wall_s: float
    wall_s: float
    wall_p95_s: float
    cpu_s: float
    cpu_p95_s: float
    peak_rss_bytes: int
    python_peak_bytes: int


def measured(job: dict[str, Any]) -> StageCost:
    """Measure a stage in a fresh process.

    Args:
        job: ``stage``: ``init`` opens the model, ``front_end`` computes log-mel with NumPy, ``encode`` takes PCM to
            codes, ``network`` log-mel to codes in one run, ``stream`` the same step by step; ``path`` of the model,
            ``preset`` as nested dicts, ``samples`` of noise, ``chunk`` of them at a time for the front end,
            ``threads``, ``runs`` and ``warmup_runs``; and, where it is not the device's choice, ``runtime``: a module
            of ``pi_runtime.interpreter.RUNTIMES``, or ``keras`` or ``torch`` for a float32 network of the preset.

    Raises:
        ModelError: it does not run here; the message is the reason.
    """
    return measured_in_turn([job])[0]


def measured_in_turn(jobs: Sequence[dict[str, Any]]) -> list[StageCost]:
    """Measure several stages, each in a fresh process, some runs of one and then some of the next, round and round.

    What else the machine does meanwhile falls on all of them alike, so their ratios hold where their times do not.

    Args:
        jobs: as ``measured`` takes them.

    Raises:
        ModelError: one does not run here; the message is the reason.
    """
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker(job["path"])) for job in jobs]
        for ask, job in zip(workers, jobs, strict=True):
            ask(job)
        for begun in range(0, max((job["runs"] for job in jobs), default=0), BLOCK):
            for ask, job in zip(workers, jobs, strict=True):
                if begun < job["runs"]:
                    ask(min(BLOCK, job["runs"] - begun))
        return [StageCost(**ask(0)) for ask in workers]


@contextlib.contextmanager
def _worker(path: str) -> Iterator[Callable[[object], Any]]:
    """A process that runs ``work``: what asks it, by a line of JSON, and waits for the line that answers."""
    # Safe paths (-P): a folder "evaluation" where the command runs is somebody else's.
    command = [sys.executable, "-P", "-c", "from evaluation.stages import work; work()"]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True) as process,
    ):

        def ask(what: object) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            # One that has crashed answers nothing, and that says enough.
            with contextlib.suppress(BrokenPipeError):
                print(json.dumps(what), file=process.stdin, flush=True)
            if answer := process.stdout.readline():
                return json.loads(answer)
            process.wait()
            log.seek(0)
            raise ModelError(f"{path} cannot be measured: {(log.read().splitlines() or ['it crashed'])[-1]}")

        try:
            yield ask
        finally:
            process.kill()
            # What was not written to one that has crashed must not be written when the pipe is closed.
            with contextlib.suppress(BrokenPipeError):
                process.communicate()


def work() -> None:
    """What a fresh process does: reads a job, then numbers of runs, 0 at last, and answers each, all as JSON lines."""
    job = json.loads(input())
    run = _stage(job)
    first = _timed(run)[0]
    for _ in range(job["warmup_runs"] - 1):
        run()
    print(json.dumps(None), flush=True)
    times: list[tuple[float, float]] = []
    while runs := json.loads(input()):
        times += [_timed(run) for _ in range(runs)]
        print(json.dumps(None), flush=True)
    wall, cpu = np.array(times).T
    peak = peak_rss()  # Before the tracing, which takes memory of its own.
    tracemalloc.start()
    run()
    cost = StageCost(
        stage=job["stage"],
        first_wall_s=first,
        wall_s=float(np.median(wall)),
        wall_p95_s=float(np.percentile(wall, 95)),
        cpu_s=float(np.median(cpu)),
        cpu_p95_s=float(np.percentile(cpu, 95)),
        peak_rss_bytes=peak,
        python_peak_bytes=tracemalloc.get_traced_memory()[1],
    )
    print(json.dumps(asdict(cost)), flush=True)


def _stage(job: dict[str, Any]) -> Callable[[], object]:
    """What one run of a stage does; it imports no more than the stage needs."""
    pcm: npt.NDArray[np.int16] = np.random.default_rng(0).integers(-3000, 3000, job["samples"], np.int16)
    if job["stage"] == "front_end":
        from edgy_tf.frontend import LogMel

        stream = LogMel(preset_from_dict(job["preset"]).front_end)
        audio = pcm.astype(np.float32) / 32768
        # As much at a time as the model takes in one run, or the frames of the whole recording would fill the memory.
        chunks = np.split(audio, range(job["chunk"], len(audio), job["chunk"]))
        return lambda: [stream.process(chunk) for chunk in chunks] + [stream.flush()]
    if job["stage"] in ("init", "encode"):
        return _encoder(job, pcm)
    preset = preset_from_dict(job["preset"])
    frames = preset.frames_for(preset.codes_for(job["samples"]))
    mel = np.random.default_rng(0).random((frames, preset.front_end.mels), np.float32)
    if job.get("runtime") in ("keras", "torch"):
        from evaluation.float_networks import network

        return network(job["runtime"], preset, job["threads"], mel)
    _choose(job)
    from pi_runtime import FrameEncoder

    encoder = FrameEncoder(job["path"], job["threads"])
    return lambda: encoder.encode(mel) if job["stage"] == "network" else encoder.process(mel)


def _encoder(job: dict[str, Any], pcm: npt.NDArray[np.int16]) -> Callable[[], object]:
    _choose(job)
    from pi_runtime import EdgeEncoder

    if job["stage"] == "init":
        return lambda: EdgeEncoder(job["path"], job["threads"])
    encoder = EdgeEncoder(job["path"], job["threads"])
    return lambda: encoder.encode(pcm)


def _choose(job: dict[str, Any]) -> None:
    """Let ``pi_runtime`` take the interpreter that the job names, if it names one."""
    if "runtime" in job:
        from pi_runtime import interpreter

        interpreter.RUNTIMES = (job["runtime"],)


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu
