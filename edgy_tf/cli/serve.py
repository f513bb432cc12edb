"""Serve a release: codes in, text and speech out, over HTTP and WebSocket."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.arguments import positive

EXAMPLE = "edgy serve --release pi --host 0.0.0.0 --tokens tokens.json --tls-cert cert.pem --tls-key key.pem"
STORE = "sqlite:///edgy-voices.db"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy serve``."""
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8000, help="to listen at (default: 8000)")
    parser.add_argument("--tokens", type=Path, help="file of edgy token; needed where others can reach the server")
    parser.add_argument("--store", default=STORE, help=f"database of enrolled voices, by its URL (default: {STORE})")
    parser.add_argument("--recogniser", default="auto", help="whisper-base or whisper:MODEL (default: the installed)")
    parser.add_argument("--queue", type=positive, default=16, help="jobs that may wait (default: 16); more get 503")
    parser.add_argument("--streams", type=positive, default=64, help="streams kept at a time (default: 64)")
    parser.add_argument("--max-seconds", type=positive, default=300, help="of speech in one stream (default: 300)")
    parser.add_argument("--demo", action="store_true", help="let the page at / send sound here, to be encoded here")
    parser.add_argument("--tls-cert", type=Path, help="certificate chain in PEM: serve over TLS")
    parser.add_argument("--tls-key", type=Path, help="key of the certificate")


def run(args: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    import logging

    from edgy_tf.errors import EdgyError
    from edgy_tf.serve.auth import TokenFile

    if args.tokens is None and args.host not in LOOPBACK:
        raise EdgyError("where others can reach the server it needs tokens: edgy token new NAME, then --tokens FILE")
    tokens = TokenFile(args.tokens) if args.tokens else None
    if tokens is not None and not tokens.clients:
        raise EdgyError(f"{args.tokens} lets nobody in; make a token with: edgy token new NAME")

    from edgy_tf.decode import Decoder
    from edgy_tf.recognisers import open_recogniser
    from edgy_tf.releases import find_release
    from edgy_tf.serve.cloud import Cloud
    from edgy_tf.serve.engine import Engine
    from edgy_tf.serve.metrics import Metrics
    from edgy_tf.serve.server import build_server
    from edgy_tf.serve.settings import Settings
    from edgy_tf.serve.show import PlayedDevice
    from edgy_tf.serve.store import VoiceStore

    # Other libraries may tell of what they work on, so they are heard on trouble alone.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(logging.INFO)
    # It takes a WebSocket that was refused by an answer of HTTP for a mistake (Kludex/uvicorn#3138).
    uvicorn.addFilter(lambda record: record.getMessage() != "ASGI callable returned without completing handshake.")
    settings = Settings(max_seconds=args.max_seconds, queue=args.queue, streams=args.streams)
    release = find_release(args.release)
    decoder = Decoder.from_release(release.folder)
    engine = Engine(release, decoder, open_recogniser(args.recogniser), settings.queue, Metrics())
    device = PlayedDevice(release, settings.queue, engine) if args.demo else None
    cloud = Cloud(engine, VoiceStore(args.store), tokens, settings, device)
    scheme = "https" if args.tls_cert else "http"
    server = build_server(cloud, args.host, args.port, args.tls_cert, args.tls_key)
    print(f"release {release.name}, codebook {release.codebook_id}: {scheme}://{args.host}:{args.port}")
    if args.demo:
        print("demo: what is recorded on the page comes here as sound, and this server encodes it")
    server.run()
    if not server.started:
        raise EdgyError(f"cannot listen at {args.host}:{args.port}; choose another --port")
