"""Entry point of ``edgy-edge``: finds the subcommand, prints expected errors as one line, exits with 2 on them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from edgy_tf import __version__
from edgy_tf.errors import EdgyError

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edgy-edge`` with ``argv`` (default: the process' arguments) and return its exit code."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except EdgyError as error:
        print(f"edgy-edge {args.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"edgy-edge {args.command}: {place}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; importing it needs NumPy alone."""
    parser = argparse.ArgumentParser(
        prog="edgy-edge",
        description="EDGY on the device: sound in, codes out.",
        epilog=WORKFLOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edgy-tf {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"pi_runtime.cli.{name.replace('-', '_')}")
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
