"""The server's routes over HTTP; what each does is in the modules beside this one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgy_tf import __version__
from edgy_tf.errors import CodebookMismatchError, EdgyError
from edgy_tf.serve.audio import AudioFormat, audio_file
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.messages import (
    EnrolmentBody,
    HealthBody,
    SegmentBody,
    TranscriptBody,
    VoiceBody,
    VoicesBody,
)
from edgy_tf.serve.metrics import Metrics
from edgy_tf.serve.page import DEMO, PAGE
from edgy_tf.serve.protocol import serve_stream
from edgy_tf.serve.refusals import refused
from edgy_tf.serve.requests import EDGY_BODY, ClientOf, CloudOf, in_time, refusals, stream_of, voice_of
from edgy_tf.serve.store import EnrolledVoice
from edgy_tf.serve.voices import PSEUDONYM

_EXPIRY_SECONDS = 10.0


def build_app(cloud: Cloud) -> FastAPI:
    """The application of a server; it owns ``cloud`` and closes it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await cloud.engine.warm_up()
        expiry = asyncio.create_task(_expire(cloud))
        yield
        expiry.cancel()
        await asyncio.to_thread(cloud.close)

    app = FastAPIOffline(
        title="EDGY cloud",
        description=__doc__,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        # By default Swagger UI shows a badge of its authors' server, which would see the address of this one.
        swagger_ui_parameters={"validatorUrl": "none"},
    )
    app.state.cloud = cloud
    app.include_router(PAGE)
    app.include_router(_ROUTER)
    if cloud.device is not None:
        app.include_router(DEMO)
    app.add_exception_handler(EdgyError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_middleware(_Measured, metrics=cloud.metrics)
    return app


async def _expire(cloud: Cloud) -> None:
    while True:
        await asyncio.sleep(_EXPIRY_SECONDS)
        cloud.streams.expire()


_ROUTER = APIRouter()


@_ROUTER.post("/v1/transcript", openapi_extra=EDGY_BODY, responses=refusals(400, 408, 409, 413, 422, 503))
async def transcript(request: Request, cloud: CloudOf, client: ClientOf) -> TranscriptBody:
    """The words of an ``.edgy`` stream, and when each phrase was said. No sound is made."""
    stream, _ = await stream_of(request, cloud, cloud.settings.max_seconds)
    segments = await in_time(cloud, cloud.engine.read(stream.codes))
    phrases = [SegmentBody(start=s.start, end=s.end, text=s.text) for s in segments]
    return TranscriptBody(text=" ".join(s.text for s in segments), segments=phrases)


@_ROUTER.post(
    "/v1/speech",
    openapi_extra=EDGY_BODY,
    responses=refusals(400, 404, 408, 409, 413, 422, 503)
    | {200: {"content": {f.media_type: {"schema": {"type": "string", "format": "binary"}} for f in AudioFormat}}},
    response_class=Response,
)
async def speech(
    request: Request,
    cloud: CloudOf,
    client: ClientOf,
    voice: Annotated[str | None, Query(max_length=128)] = None,
    format: Annotated[AudioFormat, Query()] = AudioFormat.WAV,
) -> Response:
    """An ``.edgy`` stream as speech.

    In a voice of `GET /v1/voices`; without a name in the voice that the device put into the stream, else anonymous.
    """
    stream, _ = await stream_of(request, cloud, cloud.settings.max_seconds)
    chosen = await voice_of(cloud, client, stream, voice)
    samples = await in_time(cloud, cloud.engine.speak(stream.codes, chosen))
    rate = cloud.engine.header.sample_rate
    content = await asyncio.to_thread(audio_file, samples[: stream.samples], rate, format)
    return Response(content, media_type=format.media_type)


@_ROUTER.get("/v1/voices", responses=refusals())
def voices(cloud: CloudOf, client: ClientOf) -> VoicesBody:
    """Voices to speak in."""
    synthetic = ["anonymous", f"{PSEUDONYM}NAME", *cloud.engine.decoder.voices]
    return VoicesBody(synthetic=synthetic, enrolled=[_body(v) for v in cloud.store.list(client.name)])


@_ROUTER.post("/v1/voices", status_code=201, responses=refusals(400, 409, 422))
def enrol(cloud: CloudOf, client: ClientOf, body: EnrolmentBody) -> VoiceBody:
    """Keep a voice that ``edgy enrol`` made on a device, to speak in it by its id."""
    ours = cloud.engine.header.codebook_id
    if body.codebook_id != ours:
        raise CodebookMismatchError(f"the voice is of codebook {body.codebook_id}, not {ours}; enrol it again")
    embedding = cloud.voices.check(np.asarray(body.embedding, np.float64)).astype(np.float32)
    return _body(cloud.store.add(client.name, body.name, ours, embedding, cloud.settings.voices))


@_ROUTER.delete("/v1/voices/{voice_id}", status_code=204, responses=refusals(404))
def delete_voice(cloud: CloudOf, client: ClientOf, voice_id: str) -> None:
    """Delete an enrolled voice for good."""
    cloud.store.delete(client.name, voice_id)


@_ROUTER.get("/healthz")
async def health(cloud: CloudOf) -> HealthBody:
    """Whether the server serves, and what."""
    release = cloud.engine.release
    demo = cloud.device is not None
    return HealthBody(status="ok", release=release.name, codebook_id=release.codebook_id, demo=demo)


@_ROUTER.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(cloud: CloudOf) -> Response:
    """Counts for Prometheus; they tell of no person."""
    return Response(generate_latest(cloud.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@_ROUTER.websocket("/v1/stream")
async def stream(socket: WebSocket, cloud: CloudOf) -> None:
    """Packets in, text and speech out."""
    await serve_stream(socket, cloud)


def _body(voice: EnrolledVoice) -> VoiceBody:
    return VoiceBody(id=voice.id, name=voice.name, codebook_id=voice.codebook_id, consented=voice.consented)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EdgyError)
    return refused(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    # FastAPI's own answer repeats what was sent, which may be a voice.
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, 422)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # Nobody is there any more to read it.


class _Measured:
    """Counts and times the requests of an application by route, never by path: a path has ids in it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)
