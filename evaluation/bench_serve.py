"""Load on a running `edgy serve`: how long answers take, what is refused above capacity, how its memory grows.

python -m evaluation.bench_serve out.edgy --url http://127.0.0.1:8000 --requests 100 --clients 8

It fails if an answer is neither served nor refused with a time to come back, or if the server's memory is not flat: at
the end more than `FLAT` above what it was after a tenth of the requests.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from edgy_tf.errors import EdgyError
from edgy_tf.wire import read_stream

FLAT = 0.05
"""Share by which memory may grow from a tenth of the requests to their end."""
REFUSED = (429, 503)


@dataclass(frozen=True)
class Answer:
    """One request's end.

    Attributes:
        status: of HTTP.
        seconds: until it was there.
        text: the words, of a transcript.
        clean: served, or refused with a time to come back.
    """

    status: int
    seconds: float
    text: str
    clean: bool


def main(argv: Sequence[str] | None = None) -> None:
    """Print the text, quantiles of the time that answers took, the counts of all statuses, and the server's memory.

    Raises:
        EdgyError: an answer was none that the server should give, or its memory grew.
    """
    parser = argparse.ArgumentParser(description="Load a running server with one stream, many times over.")
    parser.add_argument("stream", type=Path, help=".edgy stream to send")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token")
    parser.add_argument("--route", default="/v1/transcript", help="/v1/transcript or /v1/speech")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4, help="that ask at a time, each again when it has its answer")
    parser.add_argument("--pid", type=int, help="of the server, to see its memory")
    args = parser.parse_args(argv)
    body = args.stream.read_bytes()
    stream = read_stream(body)
    seconds = len(stream.codes) / float(stream.header.code_rate)
    started = time.perf_counter()
    answers, memory = asyncio.run(_load(args, body))
    elapsed = time.perf_counter() - started
    served = [a.seconds for a in answers if a.status == 200]
    refused = [a.seconds for a in answers if a.status in REFUSED]
    if args.route == "/v1/transcript":
        print("; ".join(sorted({a.text for a in answers if a.status == 200})))
    statuses = dict(Counter(a.status for a in answers))
    print(f"{args.requests} requests of {seconds:.1f} s of speech by {args.clients} clients: {statuses}")
    for name, times in (("served", served), ("refused", refused)):
        if times:
            p50, p95, p99 = np.percentile(times, [50, 95, 99])
            print(f"{name}: p50 {p50:.3f} s, p95 {p95:.3f} s, p99 {p99:.3f} s")
    print(f"{len(served) * seconds / elapsed:.2f} s of speech served a second")
    if unclean := Counter(a.status for a in answers if not a.clean):
        raise EdgyError(f"neither served nor refused as it should be: {dict(unclean)}")
    if memory:
        print(f"memory of the server after each tenth, in MB: {' '.join(f'{m / 1e6:.0f}' for m in memory)}")
        if memory[-1] > (1 + FLAT) * memory[0]:
            raise EdgyError(f"memory grew by {memory[-1] / memory[0] - 1:.1%} from the first tenth of requests on")


async def _load(args: argparse.Namespace, body: bytes) -> tuple[list[Answer], list[int]]:
    """Every answer, and the server's memory after each tenth of them."""
    headers = {"Content-Type": "application/octet-stream"}
    if args.token:
        headers["Authorization"] = f"Bearer {args.token}"
    left = iter(range(args.requests))
    answers: list[Answer] = []
    memory: list[int] = []

    async def ask(http: httpx.AsyncClient) -> None:
        for _ in left:
            started = time.perf_counter()
            answer = await http.post(args.route, content=body)
            is_text = answer.headers["content-type"] == "application/json"
            text = answer.json().get("text", "") if is_text else ""
            status = answer.status_code
            clean = status == 200 or (status in REFUSED and int(answer.headers.get("Retry-After", 0)) >= 1)
            answers.append(Answer(status, time.perf_counter() - started, text, clean))
            if args.pid and len(answers) % max(1, args.requests // 10) == 0:
                memory.append(_memory(args.pid))

    limits = httpx.Limits(max_connections=args.clients)
    async with httpx.AsyncClient(base_url=args.url, headers=headers, timeout=120, limits=limits) as http:
        await asyncio.gather(*(ask(http) for _ in range(args.clients)))
    return answers, memory


def _memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    try:
        main()
    except EdgyError as error:
        sys.exit(f"bench_serve: {error}")
