"""Bodies of requests and answers, as OpenAPI describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class SegmentBody(BaseModel):
    """A phrase; seconds from the beginning."""

    start: float
    end: float
    text: str


class TranscriptBody(BaseModel):
    """What was said."""

    text: str
    segments: list[SegmentBody]


class EnrolmentBody(BaseModel):
    """A voice to keep. It identifies its speaker, who must have agreed."""

    name: Annotated[str, Field(pattern=r"^[\w .-]{1,64}$")]
    codebook_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    embedding: Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1, max_length=4096)]
    consent: Literal[True]


class VoiceBody(BaseModel):
    """An enrolled voice; the embedding is never given back."""

    id: str
    name: str
    codebook_id: str
    consented: datetime


class VoicesBody(BaseModel):
    """Voices to speak in: nobody's, and those that the caller enrolled."""

    synthetic: list[str]
    enrolled: list[VoiceBody]


class HealthBody(BaseModel):
    """What is served."""

    status: Literal["ok"]
    release: str
    codebook_id: str
    demo: bool


class PanelBody(BaseModel):
    """A sound: its name, and in base64 the sound as a ``.wav`` file and its figure as PNG for light and dark pages."""

    name: str
    wav: str
    light: str
    dark: str


class ShowBody(BaseModel):
    """A stream to look at and to listen to.

    ``disclosed`` has bytes by kind, ``hues`` a colour in degrees for each code, ``stream`` the stream in base64.
    """

    seconds: float
    bits_per_second: float
    disclosed: dict[str, int]
    codes: list[int]
    hues: list[int]
    panels: list[PanelBody]
    stream: str


class RefusalBody(BaseModel):
    """Why a request is not served, in one line."""

    detail: str
