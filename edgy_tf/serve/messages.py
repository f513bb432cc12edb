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


class RefusalBody(BaseModel):
    """Why a request is not served, in one line."""

    detail: str
