"""What a device imports needs NumPy and the standard library, nothing else; and training on JAX no TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from edgy_tf.decode import Decoder

ROOT = Path(__file__).parents[1]

ON_A_DEVICE = """
import importlib.util

for package in ("tensorflow", "keras", "scipy", "soundfile", "tqdm"):
    assert importlib.util.find_spec(package) is None, package

import edgy_tf, edgy_tf.corpora, edgy_tf.errors, edgy_tf.frontend, edgy_tf.preset, edgy_tf.wire, pi_runtime
from edgy_tf.cli.main import PROGRAM
from pi_runtime.cli.main import PROGRAM as EDGE_PROGRAM
import numpy as np

front_end = edgy_tf.preset.load_preset("pi").front_end
assert edgy_tf.frontend.log_mel(np.zeros(16000), front_end).shape == (100, 80)
assert "train" in PROGRAM.parser().format_help()
assert {"wyoming", "self-test"} <= set(EDGE_PROGRAM.parser().format_help().split())
"""


def test_a_device_needs_numpy_alone(tmp_path: Path) -> None:
    # Without site-packages (-S), but with NumPy, its libraries and the project in sight: what a new
    # environment after `pip install numpy` is, made in no time and without a network.
    packages = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (packages / name).exists():
            (tmp_path / name).symlink_to(packages / name)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", ON_A_DEVICE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


ON_JAX = """
import sys

# A machine with a GPU need not have them.
sys.modules.update(dict.fromkeys(("tensorflow", "jiwer", "faster_whisper")))
import edgy_tf.train.trainer
import edgy_tf.train.reading
import numpy as np
from edgy_tf.decode import Decoder

np.save(sys.argv[1], Decoder.from_release("pi").words(np.arange(64)))
"""


def test_training_on_jax_needs_no_tensorflow(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", ON_JAX, str(tmp_path / "words.npy")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # What a reading learns to read there is what it is given here.
    np.testing.assert_allclose(
        np.load(tmp_path / "words.npy"), Decoder.from_release("pi").words(np.arange(64)), atol=1e-4
    )
