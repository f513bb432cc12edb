"""Make and revoke the tokens that a server lets in."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.arguments import positive
from edgy_tf.cli.serve import STORE

EXAMPLE = """\
edgy token new kitchen --per-minute 60 --streams 4
  edgy token list
  edgy token revoke kitchen --store sqlite:///edgy-voices.db"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy token``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a token and print it, once: the file keeps its hash alone")
    new.add_argument("name", metavar="NAME", help="of the client; the voices that it enrols are kept under it")
    new.add_argument("--per-minute", type=positive, default=60, help="requests (default: 60)")
    new.add_argument("--streams", type=positive, default=4, help="open at a time (default: 4)")
    revoke = actions.add_parser("revoke", help="let a client in no more, and delete its voices")
    revoke.add_argument("name", metavar="NAME", help="of the client")
    revoke.add_argument("--store", default=STORE, help=f"database of enrolled voices, by its URL (default: {STORE})")
    known = actions.add_parser("list", help="print the clients and their limits")
    for action in (new, revoke, known):
        action.add_argument("--tokens", type=Path, default=Path("tokens.json"), help="file (default: tokens.json)")


def run(args: argparse.Namespace) -> None:
    """Do it, and print the token or what there is."""
    from edgy_tf.serve.auth import Client, TokenFile
    from edgy_tf.serve.store import VoiceStore

    tokens = TokenFile(args.tokens)
    match args.action:
        case "new":
            print(tokens.new(Client(args.name, args.per_minute, args.streams)))
        case "revoke":
            tokens.revoke(args.name)
            store = VoiceStore(args.store)
            print(f"{args.name} is let in no more; {store.delete_all(args.name)} voices deleted")
            store.close()
        case "list":
            for client in tokens.clients.values():
                print(f"{client.name}: {client.per_minute} requests a minute, {client.streams} streams")
