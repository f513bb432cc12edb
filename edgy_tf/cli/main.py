"""Entry point of ``edgy``: finds the subcommand, prints expected errors as one line, exits with 2 on them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from edgy_tf import __version__
from edgy_tf.errors import EdgyError

# In the order in which a project meets them.
COMMANDS = (
    "info",
    "train",
    "train-speaker",
    "export",
    "compress",
    "autotune",
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
)

# What to install for a command; the others need NumPy and a TFLite interpreter.
EXTRAS = {
    "train": "train",
    "train-speaker": "train",
    "export": "train",
    "compress": "train",
    "autotune": "tune",
    "verify": "train",
    "decode": "cloud",
    "transcribe": "cloud,asr-offline",
    "enrol": "cloud,pi",
    "serve": "serve",
    "token": "serve",
    "demo": "demo",
    "audit": "audit",
}
PACKAGES = ("edgy_tf", "converters", "pi_runtime", "evaluation")

WORKFLOW = """\
workflow, in order:
  edgy info pi                                                  what a preset costs
  edgy train --preset pi --corpus CORPUS --out runs/pi          speech to a checkpoint
  edgy export runs/pi --corpus CORPUS --out releases/mine       checkpoint to .tflite, decoder and voices
  edgy compress --release releases/mine --corpus CORPUS --out releases/mine
                                                                pruned, clustered, int8: smaller, the same codes
  edgy autotune --release releases/mine --corpus CORPUS --out out/tuned --max-size 600k --min-agreement 95
                                                                or: the recipe that suits your device
  edgy verify releases/mine --corpus CORPUS                     do all encoders give the same codes?
  edgy bench releases/mine                                      how fast are they here?
  edgy encode in.wav out.edgy                                   on the device: sound to codes
  edgy decode out.edgy out.wav --voice F1                       in the cloud: codes to speech
  edgy transcribe out.edgy                                      or codes to text, without any sound
  edgy serve                                                    or both as a server, over HTTP and WebSocket
  edgy demo --out out/demo                                      all of it on one page
  edgy audit pi --corpus CORPUS                                 words kept, secrets kept, and the cost
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edgy`` with ``argv`` (default: the process' arguments) and return its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except EdgyError as error:
        print(f"edgy {args.command}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in PACKAGES:
            raise
        extra = EXTRAS.get(args.command, "pi")
        print(
            f"edgy {args.command}: {error.name} is not installed; run: pip install 'edgy-tf[{extra}]'", file=sys.stderr
        )
        return 2
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"edgy {args.command}: {place}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; importing it needs NumPy alone."""
    parser = argparse.ArgumentParser(
        prog="edgy",
        description="Speech filtered on the device: words become codes, the person stays home.",
        epilog=WORKFLOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edgy-tf {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"edgy_tf.cli.{name.replace('-', '_')}")
        about = (module.__doc__ or "").strip()
        command = subparsers.add_parser(
            name,
            help=about.splitlines()[0].rstrip("."),
            description=about.splitlines()[0],
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
