import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgy_tf.errors import PresetError
from edgy_tf.preset import Conv, Preset, load_preset, preset_from_dict, preset_names

MISSING = object()

RULES = [
    ("front_end.window", 513, "front_end.window"),
    ("front_end.window", 158, "front_end.hop"),
    ("front_end.window", 401, "front_end.window"),
    ("front_end.hop", 0, "front_end.hop"),
    ("front_end.hop", 402, "front_end.hop"),
    ("front_end.fmin", -1, "front_end.fmin"),
    ("front_end.fmin", 8000, "front_end.fmin"),
    ("front_end.fmax", 8001, "front_end.fmin < fmax"),
    ("front_end.sample_rate", 0, "front_end.fmin < fmax"),
    ("front_end.mels", 0, "front_end.mels"),
    ("front_end.floor_db", 0, "front_end.floor_db"),
    ("encoder.layers", [], "encoder.layers"),
    ("encoder.layers", [{"kernel": 0}], "encoder.layers"),
    ("encoder.layers", [{"kernel": 3, "stride": 0}], "encoder.layers"),
    ("encoder.layers", [{"kernel": 3, "dilation": -1}], "encoder.layers"),
    ("encoder.lookahead", -1, "encoder.lookahead must be 0 to 96"),
    ("encoder.lookahead", 97, "encoder.lookahead must be 0 to 96"),
    ("codebook.size", 1, "codebook.size"),
    ("codebook.size", 65537, "codebook.size"),
    ("codebook.product", [8, 7], "codebook.product"),
    ("codebook.product", [-8, -8], "codebook.product"),
    ("codebook.product", [4, 4, 4], "codebook.dim must be divisible"),
    ("codebook.decay", 0, "codebook.decay"),
    ("codebook.decay", 1, "codebook.decay"),
    ("speaker.kind", "lstm", "speaker.kind"),
    ("decoder.bunch", 3, "decoder.bunch"),
    ("decoder.bunch", 0, "decoder.bunch"),
    ("decoder.bunch", -1, "decoder.bunch"),
    ("decoder.gru", 0, "decoder.gru"),
    ("decoder.embedding", 0, "decoder.embedding"),
    ("decoder.affine", 0, "decoder.affine"),
    ("decoder.conditioning", 0, "decoder.conditioning"),
    ("decoder.place", 3, "decoder.place must divide the 2 frames of a code"),
    ("decoder.place", -1, "decoder.place"),
    ("encoder.units", 0, "encoder.units"),
    ("codebook.dim", -1, "codebook.dim"),
    ("speaker.dim", 0, "speaker.dim"),
    ("train.learning_rate", 0, "train.learning_rate"),
    ("train.clip", -1, "train.clip"),
    ("train.jitter", 1.5, "train.jitter"),
    ("train.phases.0.steps", 0, "phase's steps"),
    ("train.phases.0.codes", 0, "phase's steps, codes"),
    ("train.phases.0.batch", -1, "phase's steps, codes and batch"),
    ("decoder.bits", 1, "decoder.bits"),
    ("decoder.bits", 13, "decoder.bits"),
    ("train.content.prosody", -0.1, "train.content.prosody"),
    ("train.content.agreement", -0.1, "train.content.agreement"),
    ("train.content.masked_mels", 99, "train.content.masked_mels"),
    ("train.content.pause_db", -1, "train.content.pause_db"),
    ("train.content.pause_around", -1, "train.content.pause_db and pause_around"),
    ("train.content.codecs", 1.1, "train.content.codecs"),
    ("train.phases", [], "train.phases"),
    ("train.phases.0.target", "pitch", "phase's target"),
    ("train.phases.2.changed", 1.1, "phase's changed must be 0 to 1"),
    ("train.phases.0.changed", 0.5, "only a content phase that freezes the codes"),
    ("train.phases.3.changed", 0.5, "only a content phase that freezes the codes"),
    ("train.phases.3.wave_codes", 61, "phase's wave_codes"),
    ("train.phases.3.wave_codes", -1, "phase's wave_codes"),
    ("train.phases.3.wave_codes", 0, "wave phase needs wave_codes"),
]

TYPES = [
    ("name", 3, "preset.name must be str, not 3"),
    ("about", "", None),
    ("front_end", [], "preset.front_end must be a table"),
    ("front_end.hop", 160.0, "preset.front_end.hop must be int, not 160.0"),
    ("front_end.hop", True, "preset.front_end.hop must be int, not True"),
    ("front_end.fmin", 50, None),
    ("front_end.fmin", True, "preset.front_end.fmin must be float, not True"),
    ("front_end.fmin", "50\n", "preset.front_end.fmin must be float, not '50\\n'"),
    ("front_end.fmax", float("nan"), "preset.front_end.fmax must be a finite number, not nan"),
    ("train.clip", float("inf"), "preset.train.clip must be a finite number, not inf"),
    ("encoder.residual", 1, "preset.encoder.residual must be bool, not 1"),
    ("encoder.layers", {}, "preset.encoder.layers must be a list"),
    ("encoder.layers.2", 3, "preset.encoder.layers[2] must be a table"),
    ("encoder.layers.2.kernel", "3", "preset.encoder.layers[2].kernel must be int, not '3'"),
    ("train.halve_at.1", "late", "preset.train.halve_at[1] must be float, not 'late'"),
    ("decoder.bunch", MISSING, None),
    ("decoder.gru", MISSING, "preset.decoder lacks gru"),
    ("speaker", MISSING, "preset lacks speaker"),
    ("encoder.layers.0.kernel", MISSING, "preset.encoder.layers[0] lacks kernel"),
    ("colour", "red", "preset has an unknown key 'colour'; it knows name, about"),
    ("encoder.depth", 5, "preset.encoder has an unknown key 'depth'; it knows units, residual"),
    (
        "train.phases.0.epochs",
        5,
        "preset.train.phases[0] has an unknown key 'epochs'; it knows target",
    ),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The ``pi`` preset as JSON gives it, with one value set or, where it is ``MISSING``, taken away."""
    table: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(load_preset("pi"))))
    *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
    inner: Any = table
    for key in way:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = copy.deepcopy(value)
    return table


def message_of(table: dict[str, Any]) -> str:
    with pytest.raises(PresetError) as caught:
        preset_from_dict(table)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_codes_stand_in_places_of_a_context_alone() -> None:
    table = changed("decoder.place", 1)
    assert preset_from_dict(table).place == 1
    table["decoder"]["context"] = []
    assert message_of(table) == "preset: decoder.place needs a decoder.context"


def test_prepared_features_are_not_for_an_encoder_that_is_levelled() -> None:
    table = changed("encoder.levelled", True)
    assert preset_from_dict(table).encoder.levelled
    table["train"]["phases"][0] |= {"target": "mel", "judged": 0}
    assert message_of(table) == "preset: an encoder that is levelled learns in content phases alone"


def test_the_presets_that_ship() -> None:
    assert preset_names() == ["micro", "paper", "pi", "reference"]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_survives_dicts_and_json(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.about
    table = dataclasses.asdict(preset)
    assert preset_from_dict(table) == preset
    assert preset_from_dict(json.loads(json.dumps(table))) == preset


@pytest.mark.parametrize(("path", "value", "named"), RULES)
def test_a_bad_value_is_named(path: str, value: Any, named: str) -> None:
    message = message_of(changed(path, value))
    assert message.startswith("preset: ")
    assert named in message


@pytest.mark.parametrize(("path", "value", "message"), TYPES)
def test_a_wrong_type_or_key_is_named(path: str, value: Any, message: str | None) -> None:
    if message is None:
        preset_from_dict(changed(path, value))
    else:
        assert message_of(changed(path, value)).startswith(message)


def test_numbers_of_a_preset_have_their_declared_type() -> None:
    preset = preset_from_dict(changed("front_end.fmin", 50))
    assert isinstance(preset.front_end.fmin, float)
    assert preset == load_preset("pi")


def test_a_file_is_read_like_a_name(tmp_path: Path) -> None:
    from importlib import resources

    file = tmp_path / "mine.toml"
    text = (resources.files("edgy_tf") / "presets" / "pi.toml").read_text("utf-8")
    file.write_text(text, "utf-8")
    assert load_preset(str(file)) == load_preset("pi")
    file.write_text(text.replace("hop = 160", "hop = 0"), "utf-8")
    with pytest.raises(PresetError) as caught:
        load_preset(str(file))
    assert str(caught.value) == f"{file}: front_end.hop must be between 1 and window"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"units = ", "is not valid TOML"),
        (b"a = 1\na = 2\n", "is not valid TOML"),
        (b"\xff\xfe", "cannot read preset file"),
        (b"", "lacks name, about, front_end"),
        (None, "cannot read preset file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PresetError) as caught:
        load_preset(str(file))
    assert str(file) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_preset(tmp_path: Path) -> None:
    folder = tmp_path / "pi.toml"
    folder.mkdir()
    with pytest.raises(PresetError, match="cannot read preset file"):
        load_preset(str(folder))
    with pytest.raises(PresetError, match=r"no preset .* choose one of micro, paper, pi"):
        load_preset(str(tmp_path))


convs = st.lists(
    st.builds(Conv, st.integers(1, 5), stride=st.integers(1, 2), dilation=st.integers(1, 3)),
    min_size=1,
    max_size=5,
)
# A deadline would fail on a loaded machine.
quick = settings(deadline=None, max_examples=60)


def with_layers(layers: list[Conv], lookahead: int = 0) -> Preset:
    pi = load_preset("pi")
    return dataclasses.replace(pi, encoder=dataclasses.replace(pi.encoder, layers=tuple(layers), lookahead=lookahead))


def dependencies(preset: Preset, frames: int) -> npt.NDArray[np.bool_]:
    """Which mel frames each code depends on, ``[codes, frames]``, traced through every convolution."""
    seen = np.eye(frames, dtype=bool)
    for conv in preset.encoder.layers:
        outputs: list[npt.NDArray[np.bool_]] = []
        while (start := len(outputs) * conv.stride) + (conv.kernel - 1) * conv.dilation < len(seen):
            outputs.append(seen[[start + k * conv.dilation for k in range(conv.kernel)]].any(0))
        seen = np.array(outputs, dtype=bool).reshape(len(outputs), frames)
    return seen


@quick
@given(convs, st.integers(1, 6))
def test_a_code_depends_on_its_receptive_field(layers: list[Conv], codes: int) -> None:
    preset = with_layers(layers)
    frames = preset.frames_for(codes)
    seen = dependencies(preset, frames)
    assert len(seen) == codes
    assert len(dependencies(preset, frames - 1)) == codes - 1
    for i, code in enumerate(seen):
        heard = np.flatnonzero(code)
        assert heard[0] == i * preset.stride
        assert heard[-1] == i * preset.stride + preset.receptive_field - 1


@quick
@given(convs, st.data(), st.integers(1, 400), st.integers(0, 200))
def test_look_ahead_ends_with_the_last_sample_that_a_code_needs(
    layers: list[Conv], data: st.DataObject, hop: int, margin: int
) -> None:
    preset = with_layers(layers)
    assume(preset.history >= 0)
    lookahead = data.draw(st.integers(0, preset.history))
    front_end = dataclasses.replace(preset.front_end, hop=hop, window=hop + 2 * margin, n_fft=1024)
    preset = dataclasses.replace(with_layers(layers, lookahead), front_end=front_end)
    assert preset.history + preset.stride + lookahead == preset.receptive_field
    code = preset.history + 1
    [*_, heard] = (np.flatnonzero(row) for row in dependencies(preset, preset.frames_for(code + 1)))
    # The encoder's first frame lies ``history`` frames before the first code; frame t is centred on its hop.
    last_frame = int(heard[-1]) - preset.history
    last_sample = last_frame * hop - margin + front_end.window
    own_end = (code + 1) * preset.samples_per_code
    assert preset.lookahead_ms == pytest.approx(1000 * (last_sample - own_end) / front_end.sample_rate)


@quick
@given(convs, st.integers(0, 10**6))
def test_codes_cover_the_samples_and_no_more(layers: list[Conv], samples: int) -> None:
    preset = with_layers(layers)
    codes, each = preset.codes_for(samples), preset.samples_per_code
    assert codes * each >= samples
    assert (codes - 1) * each < samples or codes == samples == 0
    assert preset.code_rate == preset.front_end.sample_rate / each


@quick
@given(st.integers(2, 65536))
def test_code_bits_hold_every_code_and_are_the_fewest(size: int) -> None:
    pi = load_preset("pi")
    bits = dataclasses.replace(pi, codebook=dataclasses.replace(pi.codebook, size=size)).code_bits
    assert 2 ** (bits - 1) < size <= 2**bits


def test_geometry_of_the_shipped_presets() -> None:
    presets = {name: load_preset(name) for name in preset_names()}
    told = {n: (p.stride, p.receptive_field, p.history, p.samples_per_code) for n, p in presets.items()}
    assert told == {
        "micro": (2, 98, 88, 320),
        "paper": (2, 16, 8, 512),
        "pi": (2, 98, 88, 320),
        "reference": (2, 16, 6, 320),
    }
