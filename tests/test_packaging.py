"""The wheel carries everything that the installed package reads, and nothing that it must not."""

import zipfile
from pathlib import Path

from edgy_tf.compress.recipe import recipe_names
from edgy_tf.preset import preset_names
from edgy_tf.releases import find_release, release_names
from evaluation.plan import plan_names


def test_the_wheel_is_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"edgy_tf/presets/{name}.toml" for name in preset_names()}
    for name in release_names():
        expected |= {f"edgy_tf/releases/{name}/{file}" for file in (*find_release(name).files, "release.json")}
    expected |= {f"edgy_tf/compress/recipes/{name}.toml" for name in recipe_names()}
    expected |= {f"evaluation/plans/{name}.toml" for name in plan_names()}
    expected |= {
        "evaluation/report/page.html",
        "edgy_tf/py.typed",
        "edgy_tf/demo/recording.flac",
        "edgy_tf/serve/page.html",
        "pi_runtime/encoder.py",
        "pi_runtime/systemd/edgy-edge.service",
        "pi_runtime/systemd/edgy-edge-wyoming.service",
        "evaluation/userland/budget.json",
        "evaluation/userland/count.c",
        "evaluation/nncf/requirements.txt",
        "evaluation/nncf/worker.py",
        "pi_runtime/golden/recording.wav",
        "pi_runtime/golden/pi-int8-reference.npy",
        "pi_runtime/golden/pi-int8-xnnpack.npy",
    }
    assert expected <= names
    assert not [name for name in names if name.startswith("tests/")]
