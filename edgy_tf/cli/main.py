"""Entry point of ``edgy``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from edgy_tf.cli.program import Program

# In the order in which a project meets them.
COMMANDS = (
    "info",
    "train",
    "train-speaker",
    "train-reading",
    "export",
    "compress",
    "autotune",
    "compare",
    "verify",
    "bench",
    "encode",
    "decode",
    "transcribe",
    "enrol",
    "serve",
    "token",
    "demo",
    "audit",
    "reproduce-paper",
)

# What to install for a command; the others need NumPy and a TFLite interpreter.
EXTRAS = {
    "train": "train",
    "train-speaker": "train",
    "train-reading": "train,asr-offline",
    "export": "train",
    "compress": "train",
    "autotune": "tune",
    "compare": "tune",
    "verify": "train",
    "decode": "cloud",
    "transcribe": "cloud,asr-offline",
    "enrol": "cloud,pi",
    "serve": "serve",
    "token": "serve",
    "demo": "demo",
    "audit": "audit",
    "reproduce-paper": "tune",
}

WORKFLOW = """\
workflow, in order:
  edgy info pi                                                  what a preset costs
  edgy train --preset pi --corpus CORPUS --out runs/pi          speech to a checkpoint
  edgy export runs/pi --corpus CORPUS --out releases/mine       checkpoint to .tflite, decoder and voices
  edgy compress --release releases/mine --corpus CORPUS --out releases/mine
                                                                pruned, clustered, int8: smaller, the same codes
  edgy autotune --release releases/mine --corpus CORPUS --out out/tuned --max-size 600k --min-agreement 95
                                                                or: the recipe that suits your device
  edgy compare releases/mine --corpus CORPUS                    or: every recipe, by TF-MOT and by NNCF
  edgy verify releases/mine --corpus CORPUS                     do all encoders give the same codes?
  edgy bench releases/mine                                      how fast are they here?
  edgy encode in.wav out.edgy                                   on the device: sound to codes
  edgy decode out.edgy out.wav --voice F1                       in the cloud: codes to speech
  edgy transcribe out.edgy                                      or codes to text, without any sound
  edgy serve                                                    or both as a server, over HTTP and WebSocket
  edgy demo --out out/demo                                      all of it on one page
  edgy audit pi --corpus CORPUS                                 words kept, secrets kept, and the cost
  edgy reproduce-paper pi --corpus CORPUS                       the paper's tables with ours beside them
"""

PROGRAM = Program(
    name="edgy",
    about="Speech filtered on the device: words become codes, the person stays home.",
    workflow=WORKFLOW,
    package="edgy_tf.cli",
    commands=COMMANDS,
    extras=EXTRAS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edgy`` with ``argv`` (default: the process' arguments) and return its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return PROGRAM.main(argv)


if __name__ == "__main__":
    sys.exit(main())
