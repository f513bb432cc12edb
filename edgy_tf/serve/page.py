"""The page at ``/``, and the routes that it alone needs."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from edgy_tf.decode.voice import Voice
from edgy_tf.serve.auth import Client
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.messages import ShowBody
from edgy_tf.serve.refusals import RefusalError
from edgy_tf.serve.requests import EDGY_BODY, ClientOf, CloudOf, body_of, in_time, refusals, stream_of, voice_of
from edgy_tf.serve.show import LONGEST_SECONDS
from edgy_tf.wire import Stream, read_stream

MOST_VOICES = 4
_PAGE = Path(__file__).with_name("page.html").read_text("utf-8")
VoiceNames = Annotated[list[Annotated[str, Query(max_length=128)]], Query(max_length=MOST_VOICES, default_factory=list)]


def _policy(page: str) -> str:
    """The content security policy that runs the page's own style and script alone, and loads nothing."""

    def own(tag: str) -> str:
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {own('script')}; style-src {own('style')}; connect-src 'self'; img-src data:; "
        "media-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


_HEADERS = {
    "Content-Security-Policy": _policy(_PAGE),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

PAGE = APIRouter()
DEMO = APIRouter()
"""For servers that were started with ``--demo``."""


@PAGE.get("/", include_in_schema=False)
async def page() -> Response:
    """The page: one file that loads nothing."""
    return Response(_PAGE, media_type="text/html", headers=_HEADERS)


@PAGE.post("/v1/show", openapi_extra=EDGY_BODY, responses=refusals(400, 404, 408, 409, 413, 422, 503))
async def show(request: Request, cloud: CloudOf, client: ClientOf, voice: VoiceNames) -> ShowBody:
    """What left the device in an ``.edgy`` stream, its codes, and how they sound in up to four voices, with figures."""
    stream, data = await stream_of(request, cloud, LONGEST_SECONDS)
    if not len(stream.codes):
        raise RefusalError("the stream holds no codes, so there is nothing to show")
    return await in_time(cloud, cloud.show.show(stream, data, await _voices(cloud, client, stream, voice)))


@DEMO.post("/v1/demo", openapi_extra=EDGY_BODY, responses=refusals(400, 404, 408, 413, 422, 503))
async def demo(request: Request, cloud: CloudOf, client: ClientOf, voice: VoiceNames) -> ShowBody:
    """As `POST /v1/show`, of sound: little-endian 16-bit samples at 16 kHz. The server plays the device's part."""
    assert cloud.device is not None
    rate = cloud.engine.header.sample_rate
    body = await body_of(request, cloud, 2 * rate * LONGEST_SECONDS)
    if not body or len(body) % 2:
        raise RefusalError("the sound must be whole samples of 16 bits, one or more")
    pcm = np.frombuffer(body, "<i2").astype(np.int16)
    data = await in_time(cloud, cloud.device.encode(pcm))
    stream = read_stream(data)
    return await in_time(cloud, cloud.show.show(stream, data, await _voices(cloud, client, stream, voice), pcm))


async def _voices(cloud: Cloud, client: Client, stream: Stream, names: list[str]) -> dict[str, Voice]:
    """Voices ``[dim]`` by name; without names as `POST /v1/speech`."""
    if not names:
        name = "anonymous" if stream.speaker is None else "voice of the stream"
        return {name: await voice_of(cloud, client, stream, None)}
    return {name: await voice_of(cloud, client, stream, name) for name in names}
