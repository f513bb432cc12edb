"""Serve a release: codes in, text and speech out, over HTTP and WebSocket."""

from __future__ import annotations

import argparse
import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from edgy_tf.cli.arguments import positive

if TYPE_CHECKING:
    from fastapi import FastAPI

    from edgy_tf.serve.auth import TokenFile
    from edgy_tf.serve.cloud import Cloud
    from edgy_tf.serve.settings import Settings

EXAMPLE = """\
edgy serve --release pi --host 0.0.0.0 --tokens tokens.json --tls-cert cert.pem --tls-key key.pem
  edgy serve --ray auto --replicas 2"""
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
    parser.add_argument("--ray", metavar="ADDRESS", help="serve from replicas on a Ray cluster; auto: of this machine")
    parser.add_argument("--replicas", type=positive, default=1, help="on the cluster (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    from edgy_tf.errors import EdgyError
    from edgy_tf.releases import find_release

    if args.tokens is None and args.host not in LOOPBACK:
        raise EdgyError("where others can reach the server it needs tokens: edgy token new NAME, then --tokens FILE")
    tokens = _tokens(args)
    if tokens is not None and not tokens.clients:
        raise EdgyError(f"{args.tokens} lets nobody in; make a token with: edgy token new NAME")
    release = find_release(args.release)
    scheme = "https" if args.tls_cert else "http"
    ready = f"release {release.name}, codebook {release.codebook_id}: {scheme}://{args.host}:{args.port}"
    if args.demo:
        ready += "\ndemo: what is recorded on the page comes here as sound, and this server encodes it"
    if args.ray:
        _run_on_ray(args, ready)
        return

    from edgy_tf.serve.server import build_server

    _log_trouble()
    server = build_server(open_cloud(args), args.host, args.port, args.tls_cert, args.tls_key)
    print(ready)
    server.run()
    if not server.started:
        raise EdgyError(f"cannot listen at {args.host}:{args.port}; choose another --port")


def _run_on_ray(args: argparse.Namespace, ready: str) -> None:
    from edgy_tf.serve.replicas import replicas, until_told

    # Replicas may be on other machines, and are at least in other folders.
    for name in ("tokens", "tls_cert", "tls_key"):
        setattr(args, name, getattr(args, name) and getattr(args, name).resolve())
    args.release = str(Path(args.release).resolve()) if Path(args.release).is_dir() else args.release
    build = functools.partial(build_replica, args)
    limit = _settings(args).connections
    with replicas(build, args.ray, args.host, args.port, args.replicas, limit, args.tls_cert, args.tls_key):
        print(f"{ready} ({args.replicas} replicas)", flush=True)
        until_told()


def build_replica(args: argparse.Namespace) -> FastAPI:
    """The application of one replica."""
    from edgy_tf.serve.app import build_app

    _log_trouble()
    return build_app(open_cloud(args))


def open_cloud(args: argparse.Namespace) -> Cloud:
    """Everything that a server, or one replica of it, holds."""
    from edgy_tf.decode import Decoder
    from edgy_tf.recognisers import open_recogniser
    from edgy_tf.releases import find_release
    from edgy_tf.serve.cloud import Cloud
    from edgy_tf.serve.engine import Engine
    from edgy_tf.serve.metrics import Metrics
    from edgy_tf.serve.show import PlayedDevice
    from edgy_tf.serve.store import VoiceStore

    settings = _settings(args)
    release = find_release(args.release)
    decoder = Decoder.from_release(release.folder)
    engine = Engine(release, decoder, open_recogniser(args.recogniser, release), settings.queue, Metrics())
    device = PlayedDevice(release, settings.queue, engine) if args.demo else None
    return Cloud(engine, VoiceStore(args.store), _tokens(args), settings, device)


def _settings(args: argparse.Namespace) -> Settings:
    from edgy_tf.serve.settings import Settings

    return Settings(max_seconds=args.max_seconds, queue=args.queue, streams=args.streams)


def _tokens(args: argparse.Namespace) -> TokenFile | None:
    from edgy_tf.serve.auth import TokenFile

    return TokenFile(args.tokens) if args.tokens else None


def _log_trouble() -> None:
    # Other libraries may tell of what they work on, so they are heard on trouble alone.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(logging.INFO)
    # It takes a WebSocket that was refused by an answer of HTTP for a mistake (Kludex/uvicorn#3138).
    uvicorn.addFilter(lambda record: record.getMessage() != "ASGI callable returned without completing handshake.")
