"""Show what has left this device: bytes by day, kind, level and destination. Sound never leaves."""

from __future__ import annotations

import argparse
import time

from edgy_tf.cli.arguments import positive
from edgy_tf.errors import StorageError
from pi_runtime.cli.arguments import add_settings, settings_of

EXAMPLE = "edgy-edge disclosures --last 20"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge disclosures``."""
    add_settings(parser)
    parser.add_argument("--last", type=positive, metavar="N", help="the newest N messages instead of totals")


def run(args: argparse.Namespace) -> None:
    """Print the disclosure ledger as a table."""
    from pi_runtime.node.ledger import Ledger
    from pi_runtime.node.service import LEDGER

    path = settings_of(args).folder / LEDGER
    if not path.exists():
        raise StorageError(f"no ledger at {path}: nothing has left yet, or the settings name another state folder")
    ledger = Ledger(path)
    if args.last:
        print(f"{'time':19}  {'kind':14}  {'bytes':>7}  {'level':20}  {'stream':32}  destination")
        for moment, kind, size, stream, level, destination in ledger.messages(args.last):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
            print(f"{when}  {kind:14}  {size:7}  {level:20}  {stream:32}  {destination}")
        return
    totals = ledger.totals()
    print(f"{'day':10}  {'kind':14}  {'level':20}  {'messages':>8}  {'bytes':>10}  destination")
    for t in totals:
        print(f"{t.day:10}  {t.kind:14}  {t.level:20}  {t.messages:8}  {t.bytes:10}  {t.destination}")
    messages, size = sum(t.messages for t in totals), sum(t.bytes for t in totals)
    print(f"{'all':10}  {'':14}  {'':20}  {messages:8}  {size:10}")
    print("sound: 0 bytes; it never leaves this device")
