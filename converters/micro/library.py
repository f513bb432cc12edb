"""The library: a folder that PlatformIO and the Arduino IDE take as it is, with all that an encoder is in C."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import numpy as np

from converters.micro.report import MicroReport, mel_runs
from converters.micro.search import Search
from edgy_tf import __version__
from edgy_tf.errors import ModelError
from edgy_tf.frontend.logmel import hann
from edgy_tf.preset import FrontEnd
from edgy_tf.weights import whole_folder


def write(report: MicroReport, out: Path) -> None:
    """Write the library into ``out``, whole or not at all; an earlier one there is replaced.

    Raises:
        ModelError: ``out`` holds something else.
    """
    if out.exists() and not (out / "library.json").exists() and any(out.iterdir()):
        raise ModelError(f"{out} is not empty and not a library; choose another folder")
    with whole_folder(out) as folder:
        with resources.as_file(resources.files("converters.micro") / "files") as files:
            shutil.copytree(files, folder, dirs_exist_ok=True)
        for name, text in _generated(report).items():
            (folder / name).write_text(text, "ascii")
        (folder / "src" / "edgy_encoder.tflite").write_bytes(report.graph.model)


def _generated(report: MicroReport) -> dict[str, str]:
    """What depends on the encoder, by its place in the folder."""
    licence = f"/* SPDX-License-Identifier: {report.info.licence}\n *\n * Made by: edgy export --target micro */\n"
    sources = {
        "edgy_config.h": _config(report),
        "edgy_tables.h": _tables(report.front_end),
        "edgy_operators.h": _operators(report.graph.operators),
        "edgy_encoder_model_data.h": _model_header(len(report.graph.model)),
        "edgy_encoder_model_data.c": _model(report.graph.model),
        "codebook.h": _codebook_header(),
        "codebook_data.c": _codebook(report.search),
    }
    files = {f"src/{name}": licence + text for name, text in sources.items()}
    return files | {"library.json": _platformio(), "library.properties": _arduino(), "report.txt": f"{report}\n"}


def _config(report: MicroReport) -> str:
    info, graph, fe = report.info, report.graph, report.front_end
    _, step, mels = graph.mel.shape
    id_bytes = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(info.codebook_id))
    # A step of the network's input, per step of the natural logarithm.
    per_neper = 20 / math.log(10) / -fe.floor_db / graph.mel.scale
    at_one = (fe.gain_db / -fe.floor_db + 1) / graph.mel.scale
    return f"""\
#ifndef EDGY_CONFIG_H
#define EDGY_CONFIG_H

/* The contract: whoever has this codebook understands the codes. */
#define EDGY_CODEBOOK_ID "{info.codebook_id}"
#define EDGY_CODEBOOK_ID_BYTES {{{id_bytes}}}
#define EDGY_CODEBOOK_SIZE {info.codebook_size}
#define EDGY_CODE_BITS {max(1, (info.codebook_size - 1).bit_length())}
#define EDGY_SAMPLE_RATE {info.sample_rate}
#define EDGY_SAMPLES_PER_CODE {info.samples_per_code}

/* The front end; lengths are samples. A level is a step of the network's input. */
#define EDGY_HOP {fe.hop}
#define EDGY_WINDOW {fe.window}
#define EDGY_FFT {fe.n_fft}
#define EDGY_FFT_BEGIN arm_rfft_fast_init_{fe.n_fft}_f32
#define EDGY_MELS {mels}
#define EDGY_PREEMPHASIS {_float(fe.preemphasis)}
#define EDGY_MEL_FLOOR {_float(10 ** ((fe.floor_db - fe.gain_db) / 20))}
#define EDGY_STEPS_PER_NEPER {_float(per_neper)}
#define EDGY_STEPS_AT_ONE {_float(at_one)}
#define EDGY_SILENCE ({graph.mel.zero})

/* The network: a step takes so many frames and gives so many integers. */
#define EDGY_FRAMES {step}
#define EDGY_UNITS {graph.units.shape[-1]}
#define EDGY_STATE_BYTES {graph.states}
#define EDGY_ARENA_BYTES {report.arena}

/* Frames of silence before the sound that the first code sees, frames of anything before these, and steps until the
 * states are full. */
#define EDGY_HISTORY {info.history}
#define EDGY_LEAD {report.lead}
#define EDGY_UNREADY {report.unready}

#endif
"""


def _tables(fe: FrontEnd) -> str:
    first, count, weights = mel_runs(fe)
    return f"""\
#ifndef EDGY_TABLES_H
#define EDGY_TABLES_H

#include <stdint.h>

#include "edgy_config.h"

static const float edgy_hann[EDGY_WINDOW] = {{
{_rows(map(_float, hann(fe)), 8)}
}};

/* Each mel filter: its first bin, how many it has, and their weights, one filter after the other. */
static const uint16_t edgy_mel_first[EDGY_MELS] = {{
{_rows(first, 20)}
}};
static const uint16_t edgy_mel_count[EDGY_MELS] = {{
{_rows(count, 20)}
}};
static const float edgy_mel_weights[{len(weights)}] = {{
{_rows(map(_float, weights), 8)}
}};

#endif
"""


def _operators(operators: Counter[str]) -> str:
    adds = "\n".join(
        f"  if (resolver.Add{_tflm(name)}() != kTfLiteOk) return kTfLiteError;" for name in sorted(operators)
    )
    return f"""\
#ifndef EDGY_OPERATORS_H
#define EDGY_OPERATORS_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#define EDGY_OPERATORS {len(operators)}

inline TfLiteStatus edgy_add_operators(tflite::MicroMutableOpResolver<EDGY_OPERATORS>& resolver) {{
{adds}
  return kTfLiteOk;
}}

#endif
"""


def _tflm(name: str) -> str:
    """TFLM's name of an operator: ``Conv2D`` for ``CONV_2D``."""
    return "".join(part if part[0].isdigit() else part.capitalize() for part in name.split("_"))


def _model_header(size: int) -> str:
    return f"""\
#ifndef EDGY_ENCODER_MODEL_DATA_H
#define EDGY_ENCODER_MODEL_DATA_H

#ifdef __cplusplus
extern "C" {{
#endif

#define g_edgy_encoder_model_data_size {size}u
extern const unsigned char g_edgy_encoder_model_data[];

#ifdef __cplusplus
}}
#endif
#endif
"""


def _model(model: bytes) -> str:
    return f"""\
#include "edgy_encoder_model_data.h"

/* edgy_encoder.tflite, as the interpreter wants it aligned. */
__attribute__((aligned(16))) const unsigned char g_edgy_encoder_model_data[] = {{
{_rows((f"0x{byte:02x}" for byte in model), 16)}
}};
"""


def _codebook_header() -> str:
    return """\
#ifndef CODEBOOK_H
#define CODEBOOK_H

#include <stdint.h>

#include "edgy_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scores of the codes: a row of weights times the network's integers, plus an offset. */
extern const int16_t edgy_codebook[EDGY_CODEBOOK_SIZE][EDGY_UNITS];
extern const int32_t edgy_codebook_offset[EDGY_CODEBOOK_SIZE];

/* The code of the highest score, the first of several. */
uint16_t edgy_code(const int8_t *units);

#ifdef __cplusplus
}
#endif
#endif
"""


def _codebook(search: Search) -> str:
    rows = "\n".join(f"{{\n{_rows(row, 16)}\n}}," for row in search.weights.tolist())
    return f"""\
#include "codebook.h"

const int16_t edgy_codebook[EDGY_CODEBOOK_SIZE][EDGY_UNITS] = {{
{rows}
}};
const int32_t edgy_codebook_offset[EDGY_CODEBOOK_SIZE] = {{
{_rows(search.offset.tolist(), 10)}
}};
"""


def _platformio() -> str:
    about = {
        "name": "edgy-encoder",
        "version": __version__,
        "description": "Speech becomes codes on the device: an EDGY encoder for TensorFlow Lite Micro",
        "keywords": "speech, privacy, tensorflow, tflite-micro",
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": ["edgy_encoder.h", "edgy_stream.h", "edgy_ring.h"],
        "examples": [{"name": "encode", "base": "examples/encode", "files": ["main.c"]}],
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    return json.dumps(about, indent=2) + "\n"


def _arduino() -> str:
    return f"""\
name=EDGY Encoder
version={__version__}
author=EDGY
maintainer=EDGY
sentence=Speech becomes codes on the device.
paragraph=An EDGY encoder for TensorFlow Lite Micro, with a log-mel front end on CMSIS-DSP and the .edgy wire format.
category=Signal Input/Output
url=
architectures=*
includes=edgy_encoder.h,edgy_stream.h,edgy_ring.h
"""


def _float(value: float) -> str:
    """A float32 of C that reads back as the same."""
    text = repr(float(np.float32(value)))
    return text + "f"


def _rows(values: Iterable[object], width: int) -> str:
    texts = [str(value) for value in values]
    return "\n".join(", ".join(texts[i : i + width]) + "," for i in range(0, len(texts), width))
