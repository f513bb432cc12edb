"""``edgy compress``: a release with one more encoder, or one line and nothing written."""

import json
import shutil
from pathlib import Path

import pytest

from edgy_tf.cli.main import main
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder

RECIPE = """
about = "a test"
seed = 1
stages = [
    { do = "filters", criterion = "gm", rate = 0.25, steps = 2, batch = 4 },
    { do = "quantise", kind = "int8" },
]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipes" / "small.toml"
    path.parent.mkdir()
    path.write_text(RECIPE)
    return path


def _arguments(recipe: Path | str, release: Path, corpus: Path, out: Path) -> list[str]:
    named = {"--recipe": recipe, "--release": release, "--corpus": corpus, "--out": out}
    return ["compress", *(str(part) for pair in named.items() for part in pair)]


def test_the_release_has_one_encoder_more_and_is_otherwise_the_same(
    recipe: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "mine"
    assert main(_arguments(recipe, tiny_release, tones, out)) == 0
    printed = capsys.readouterr().out
    assert "filters: " in printed
    assert "codes equal to the uncompressed Keras: " in printed
    before, after = find_release(str(tiny_release)), find_release(str(out))
    after.verify()
    assert set(after.variants) == {"float32", "int8", "small"}
    assert before.files.items() <= after.files.items()
    assert (after.codebook_id, after.preset, after.voices) == (before.codebook_id, before.preset, before.voices)
    info, whole = EdgeEncoder(after.encoder("small")).info, EdgeEncoder(after.encoder("float32")).info
    assert (info.variant, info.codebook_id) == ("small", after.codebook_id)
    assert (info.window, info.before, info.block) == (whole.window, whole.before, whole.block)
    assert [path.name for path in out.parent.iterdir()] == ["mine"]

    # Again, into the same folder, under another name: it grows, and the same recipe gives the same bytes.
    other = recipe.with_name("other.toml")
    shutil.copy(recipe, other)
    assert main(_arguments(other, tiny_release, tones, out)) == 0
    grown = find_release(str(out))
    grown.verify()
    assert set(grown.variants) == {"float32", "int8", "other", "small"}
    first, second = grown.encoder("small").read_bytes(), grown.encoder("other").read_bytes()
    assert first.replace(b'"small"', b'"other"')[: len(first) // 2] == second[: len(second) // 2]


def test_bad_input_is_one_line_and_leaves_nothing(
    recipe: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent, foreign, changed, out = (tmp_path / name for name in ("silent", "foreign", "changed", "out"))
    silent.mkdir()
    (silent / "manifest.tsv").write_text(
        "path\tspeaker\tsplit\n" + "".join(f"{name}.wav\t{name}\ttrain\n" for name in ("a", "b", "c"))
    )
    for name in ("a", "b", "c"):
        (silent / f"{name}.wav").write_bytes(b"")
    foreign.mkdir()
    (foreign / "precious").write_text("mine")
    shutil.copytree(tiny_release, changed)
    manifest = json.loads((changed / "release.json").read_text())
    manifest["preset"]["encoder"]["units"] = 16
    (changed / "release.json").write_text(json.dumps(manifest))
    loud = recipe.with_name("loud.toml")
    loud.write_text(RECIPE.replace("0.25", "1.2"))
    for arguments, complaint in [
        (_arguments(loud, tiny_release, tones, out), "rate must be between 0 and 1, not 1.2"),
        (_arguments("edgy", tiny_release, tones, out), "no recipe 'edgy'"),
        (_arguments(recipe, changed, tones, out), "is of another preset or codebook"),
        (_arguments(recipe, tmp_path / "none", tones, out), "no release"),
        (_arguments(recipe, tiny_release, silent, out), "no speech could be read"),
        (_arguments(recipe, tiny_release, tones, foreign), "not empty and not a release"),
    ]:
        there = sorted(tmp_path.rglob("*"))
        assert main(arguments) == 2
        # A progress bar may come before it.
        error = capsys.readouterr().err.strip().split("\n")[-1].split("\r")[-1]
        assert error.startswith("edgy compress: ")
        assert complaint in error
        assert sorted(tmp_path.rglob("*")) == there


def test_a_release_of_another_network_is_not_added_to(
    recipe: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_release, other)
    manifest = json.loads((other / "release.json").read_text())
    manifest["files"]["network.safetensors"] = "0" * 64
    (other / "release.json").write_text(json.dumps(manifest))
    assert main(_arguments(recipe, tiny_release, tones, other)) == 2
    assert "is a release of another network; choose another folder" in capsys.readouterr().err
    assert json.loads((other / "release.json").read_text()) == manifest


def test_an_encoder_alone_is_decoded_by_the_release_that_it_came_from(
    recipe: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, work = tmp_path / "out" / "small", tmp_path / "work"
    arguments = [*_arguments(recipe, tiny_release, tones, out), "--alone", "--work", str(work)]
    assert main(arguments) == 0
    whole, alone = find_release(str(tiny_release)), find_release(str(out))
    alone.verify()
    assert {path.name for path in out.iterdir()} == {"release.json", "encoder-int8.tflite"}
    assert alone.codebook_id == whole.codebook_id
    assert (alone.preset["name"], alone.preset["encoder"]["units"]) == ("small", 6)
    info = EdgeEncoder.from_release(str(out)).info
    assert (info.preset, info.variant, info.codebook_id) == ("small", "int8", whole.codebook_id)
    assert alone.network == whole.network
    assert (alone.counts() == whole.counts()).all()

    # Again: the stage that trained is kept, and gives the same bytes.
    (kept,) = (work / "stages").iterdir()
    stamp, first = kept.stat().st_mtime_ns, alone.files
    assert main(arguments) == 0
    assert kept.stat().st_mtime_ns == stamp
    assert find_release(str(out)).files == first

    # Under another name, too, which the kept stage does not know.
    other = tmp_path / "out" / "other"
    assert main([*_arguments(recipe, tiny_release, tones, other), "--alone", "--work", str(work)]) == 0
    assert kept.stat().st_mtime_ns == stamp
    assert EdgeEncoder.from_release(str(other)).info.preset == find_release(str(other)).preset["name"] == "other"
    capsys.readouterr()
    assert main(_arguments(recipe, out, tones, tmp_path / "third")) == 2
    assert "is an encoder alone; compress" in capsys.readouterr().err
