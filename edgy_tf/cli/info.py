"""Say what a preset costs: weights, arithmetic, delay and bits, layer by layer; without a name, all presets.

TensorFlow is not needed: everything follows from the preset.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from edgy_tf.cost import Cost, cost_of
from edgy_tf.preset import load_preset, preset_names

EXAMPLE = "edgy info pi"

FIGURES = (
    ("encoder parameters", "encoder_parameters", 1, ",.0f"),
    ("codebook parameters", "codebook_parameters", 1, ",.0f"),
    ("conditioning parameters", "conditioning_parameters", 1, ",.0f"),
    ("WaveRNN parameters", "wavernn_parameters", 1, ",.0f"),
    ("trainable parameters", "trainable", 1, ",.0f"),
    ("encoder, MMAC per second of audio", "encoder_macs", 1e6, ",.1f"),
    ("decoder, MMAC per second of audio", "decoder_macs", 1e6, ",.1f"),
    ("encoder in float32, kB (about)", "encoder_bytes_float32", 1e3, ",.0f"),
    ("encoder in int8, kB (about)", "encoder_bytes_int8", 1e3, ",.0f"),
    ("receptive field, ms", "receptive_field_ms", 1, ",.1f"),
    ("look-ahead, ms", "lookahead_ms", 1, ",.1f"),
    ("codes per second", "code_rate", 1, ",.2f"),
    ("bits per second, at most", "bit_rate", 1, ",.2f"),
)

NOTE = """\
Parameters include moving averages. The encoder's MACs include the search of the codebook, not the front end;
tables cost none. Sizes are of weights alone, 1 kB = 1,000 bytes; the codebook stays float32 beside int8."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy info``."""
    parser.add_argument(
        "preset",
        nargs="?",
        metavar="PRESET",
        help="name of a preset, or a .toml file; none: all that ship",
    )
    parser.add_argument("--json", action="store_true", help="print an object, or a list without a name")


def run(args: argparse.Namespace) -> None:
    """Print the cost of one preset, or of all side by side."""
    if args.preset is None:
        costs = [cost_of(load_preset(name)) for name in preset_names()]
        print(_json([dataclasses.asdict(c) for c in costs]) if args.json else f"{_totals(costs)}\n\n{NOTE}")
    else:
        cost = cost_of(load_preset(args.preset))
        text = f"{cost.preset}: {cost.about}\n\n{_layers(cost)}\n\n{_totals([cost])}\n\n{NOTE}"
        print(_json(dataclasses.asdict(cost)) if args.json else text)


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _layers(cost: Cost) -> str:
    rows = [("part", "layer", "output per second", "parameters", "MMAC/s")]
    for layer in cost.layers:
        shape = f"{layer.rate:,.6g} x {layer.width:,}"
        rows.append((layer.part, layer.name, shape, f"{layer.parameters:,}", f"{layer.macs / 1e6:,.2f}"))
    return _table(rows, left=2)


def _totals(costs: Sequence[Cost]) -> str:
    rows = [("", *(cost.preset for cost in costs))]
    for label, field, unit, form in FIGURES:
        rows.append((label, *(format(getattr(cost, field) / unit, form) for cost in costs)))
    return _table(rows, left=1)


def _table(rows: Sequence[tuple[str, ...]], left: int) -> str:
    """Align columns: the first ``left`` to the left, the rest to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = [f"{'<' if i < left else '>'}{width}" for i, width in enumerate(widths)]
    return "\n".join("  ".join(map(format, row, aligned)) for row in rows)
