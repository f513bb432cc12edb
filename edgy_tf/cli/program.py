"""A command line of subcommands: each is a module, expected errors are one line, and the exit code is then 2."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgy_tf import __version__
from edgy_tf.errors import EdgyError

PACKAGES = ("edgy_tf", "converters", "pi_runtime", "evaluation")


@dataclass(frozen=True)
class Program:
    """``edgy`` or ``edgy-edge``.

    Attributes:
        name: of the command.
        about: one line.
        workflow: examples, in the order in which a project meets them.
        package: that holds one module for each subcommand, with ``add_arguments``, ``run`` and ``EXAMPLE``; the first
            line of its docstring says what it does.
        commands: names of the subcommands, in the order of the help.
        extras: what to install for a subcommand; the others need NumPy and a TFLite interpreter.
    """

    name: str
    about: str
    workflow: str
    package: str
    commands: tuple[str, ...]
    extras: Mapping[str, str] = field(default_factory=dict)

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run with ``argv`` (default: the process' arguments) and return the exit code."""
        args = self.parser().parse_args(argv)
        try:
            args.run(args)
        except EdgyError as error:
            return self._fail(args.command, str(error))
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] in PACKAGES:
                raise
            extra = self.extras.get(args.command, "pi")
            return self._fail(args.command, f"{error.name} is not installed; run: pip install 'edgy-tf[{extra}]'")
        except BrokenPipeError:
            # The reader of our output has gone; Python would complain again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            return self._fail(args.command, f"{place}{error.strerror or error}")
        except KeyboardInterrupt:
            return 130
        return 0

    def parser(self) -> argparse.ArgumentParser:
        """The parser of all subcommands; importing it needs NumPy alone."""
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=self.about,
            epilog=self.workflow,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--version", action="version", version=f"edgy-tf {__version__}")
        subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for name in self.commands:
            module = importlib.import_module(f"{self.package}.{name.replace('-', '_')}")
            about = (module.__doc__ or "").strip().splitlines()[0]
            command = subparsers.add_parser(
                name,
                help=about.rstrip("."),
                description=about,
                epilog=f"example:\n  {module.EXAMPLE}",
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            module.add_arguments(command)
            command.set_defaults(run=module.run)
        return parser

    def _fail(self, command: str, message: str) -> int:
        print(f"{self.name} {command}: {message}", file=sys.stderr)
        return 2
