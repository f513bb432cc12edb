"""Entry point of ``edgy-edge``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from edgy_tf.cli.program import Program

COMMANDS = ("self-test", "bench", "run", "wyoming", "level", "status", "disclosures")

WORKFLOW = """\
on a Raspberry Pi, see docs/raspberry-pi.md:
  edgy-edge self-test                                     does it give the codes it should?
  edgy-edge bench                                         how fast, and in how much memory?
  edgy-edge run --source microphone --sink wss://HOST     listen, encode, send codes
  edgy-edge wyoming --sink wss://HOST                     speech to text for Home Assistant
  edgy-edge level anonymous                               from the next utterance on
  edgy-edge status                                        what it does, and how the Pi is
  edgy-edge disclosures                                   every byte that has left
"""

PROGRAM = Program(
    name="edgy-edge",
    about="EDGY on the device: sound in, codes out.",
    workflow=WORKFLOW,
    package="pi_runtime.cli",
    commands=COMMANDS,
    extras={"run": "node", "wyoming": "wyoming"},
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edgy-edge`` with ``argv`` (default: the process' arguments) and return its exit code."""
    return PROGRAM.main(argv)


if __name__ == "__main__":
    sys.exit(main())
