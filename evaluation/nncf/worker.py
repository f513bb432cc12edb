"""What runs inside NNCF's environment: compress and fine-tune the encoder that a folder describes.

    out/nncf/bin/python -P evaluation/nncf/worker.py FOLDER

It reads ``job.json`` and the network and arrays that it names, and writes ``trained.safetensors``: every variable of
NNCF's model by its name, and the latents of one batch before and after. `evaluation.nncf.bridge` does the rest.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def main(folder: Path) -> None:
    """Do the job that lies in a folder."""
    # NNCF reports its use over the network unless told that a machine runs it.
    os.environ["NNCF_CI"] = "1"
    # TensorFlow 2.15 has the Keras that later ones call tf_keras: with it, loop and loss are those of our own students.
    sys.modules["tf_keras"] = keras
    import nncf
    from nncf.tensorflow import create_compression_callbacks

    from edgy_tf.compress.recipe import FineTuning
    from edgy_tf.compress.teaching import as_teacher, distance, teach
    from edgy_tf.network import Network
    from edgy_tf.weights import save_arrays, variables_of

    job = json.loads((folder / "job.json").read_text("utf-8"))
    keras.utils.set_random_seed(job["seed"])
    network, how = Network.load(Path(job["network"])), FineTuning(**job["how"])
    batches, examples = np.load(job["batches"], mmap_mode="r"), np.load(job["examples"])
    plain = network.encoder(examples.shape[2], api=keras)
    teacher = tf.function(plain)
    begun = time.process_time()
    controller, student = _compressed(plain, job["config"], examples)
    callbacks = create_compression_callbacks(controller, log_tensorboard=False, log_text=False)
    if gates := [v for v in student.trainable_variables if v.name.endswith("_mask:0")]:
        student.add_loss(lambda: job["gates"]["pull"] * controller.loss())
        callbacks = [*callbacks, _Hasten(gates, job["gates"]["speed"])]
    pairs = ((mel, teacher(mel)) for mel in map(np.asarray, batches[: how.steps]))
    loss, metric = distance(network.codebook), as_teacher(network.codebook)
    teach(student, how, pairs, loss, metric, callbacks)
    seconds = time.process_time() - begun
    latents = {"before": teacher(examples[0]), "after": student(examples[0], training=False)}
    # Multiplies the weights by their masks, in place.
    nncf.strip(student, do_copy=False)
    about = {"nncf": nncf.__version__, "tensorflow": tf.__version__, "seconds": seconds}
    arrays = variables_of(student) | {name: np.asarray(value) for name, value in latents.items()}
    save_arrays(folder / "trained.safetensors", arrays, about)


def _compressed(plain: Any, config: dict[str, Any], examples: np.ndarray) -> tuple[Any, Any]:
    """NNCF's controller and its model, whose ranges and statistics are taken from speech."""
    from nncf import NNCFConfig
    from nncf.tensorflow import create_compressed_model, register_default_init_args
    from nncf.tensorflow.graph.metatypes.keras_layers import TFCropping2DLayerMetatype
    from nncf.tensorflow.pruning.operations import TF_PRUNING_OPERATOR_METATYPES, TFIdentityMaskForwardPruningOp

    # NNCF knows that padding leaves channels alone, but not that cropping does: it would prune the first layer only.
    TFIdentityMaskForwardPruningOp.additional_types += TFCropping2DLayerMetatype.get_all_aliases()
    TF_PRUNING_OPERATOR_METATYPES.register("padding_and_cropping")(TFIdentityMaskForwardPruningOp)
    speech = tf.data.Dataset.from_tensor_slices(examples).map(lambda mel: (mel, mel))
    settings = register_default_init_args(NNCFConfig.from_dict(config), speech, examples.shape[1])
    controller, model = create_compressed_model(plain, settings)
    return controller, model


class _Hasten(keras.callbacks.Callback):
    """Moves gates ``speed`` times as far as the optimiser does, which by itself moves them a learning rate a step."""

    def __init__(self, gates: list[Any], speed: float) -> None:
        super().__init__()
        self._gates, self._speed = gates, speed

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Remember where they stand."""
        self._before = [tf.identity(gate) for gate in self._gates]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move them on."""
        for gate, before in zip(self._gates, self._before, strict=True):
            gate.assign(before + self._speed * (gate - before))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
