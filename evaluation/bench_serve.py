"""Load on a running `edgy serve`: how long answers take, what is refused above capacity, how its memory grows.

python -m evaluation.bench_serve out.edgy --url http://127.0.0.1:8000 --requests 100 --clients 8
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from edgy_tf.wire import read_stream


def main() -> None:
    """Print the text, then quantiles of the time that served requests took, and the counts of all statuses."""
    parser = argparse.ArgumentParser(description="Load a running server with one stream, many times over.")
    parser.add_argument("stream", type=Path, help=".edgy stream to send")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token")
    parser.add_argument("--route", default="/v1/transcript", help="/v1/transcript or /v1/speech")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4, help="that ask at a time, each again when it has its answer")
    parser.add_argument("--pid", type=int, help="of the server, to see its memory")
    args = parser.parse_args()
    body = args.stream.read_bytes()
    stream = read_stream(body)
    seconds = len(stream.codes) / float(stream.header.code_rate)
    before = _memory(args.pid)
    started = time.perf_counter()
    answers = asyncio.run(_load(args, body))
    elapsed = time.perf_counter() - started
    statuses = Counter(status for status, _, _ in answers)
    served = [took for status, took, _ in answers if status == 200]
    refused = [took for status, took, _ in answers if status in (429, 503)]
    if args.route == "/v1/transcript":
        print("; ".join(sorted({text for status, _, text in answers if status == 200})))
    print(f"{args.requests} requests of {seconds:.1f} s of speech by {args.clients} clients: {dict(statuses)}")
    for name, times in (("served", served), ("refused", refused)):
        if times:
            p50, p95, p99 = np.percentile(times, [50, 95, 99])
            print(f"{name}: p50 {p50:.3f} s, p95 {p95:.3f} s, p99 {p99:.3f} s")
    print(f"{len(served) * seconds / elapsed:.2f} s of speech served a second")
    if args.pid:
        print(f"memory of the server: {before / 1e6:.0f} MB before, {_memory(args.pid) / 1e6:.0f} MB after")


async def _load(args: argparse.Namespace, body: bytes) -> list[tuple[int, float, str]]:
    """Status, seconds and text of every answer."""
    headers = {"Content-Type": "application/octet-stream"}
    if args.token:
        headers["Authorization"] = f"Bearer {args.token}"
    left = iter(range(args.requests))
    answers: list[tuple[int, float, str]] = []

    async def ask(http: httpx.AsyncClient) -> None:
        for _ in left:
            started = time.perf_counter()
            answer = await http.post(args.route, content=body)
            is_text = answer.headers["content-type"] == "application/json"
            text = answer.json().get("text", "") if is_text else ""
            answers.append((answer.status_code, time.perf_counter() - started, text))

    limits = httpx.Limits(max_connections=args.clients)
    async with httpx.AsyncClient(base_url=args.url, headers=headers, timeout=120, limits=limits) as http:
        await asyncio.gather(*(ask(http) for _ in range(args.clients)))
    return answers


def _memory(pid: int | None) -> int:
    """Bytes that a process has in memory; 0 without one."""
    if pid is None:
        return 0
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
