"""What runs on the emulated device: encode a recording, from its file or as the microphone hears it.

    python -m evaluation.userland.guest RECORDING.wav CODES.npy [microphone | MODEL.tflite]

It marks the end of every part of its work by a system call that nobody else makes, ``getppid``, for
``evaluation.userland.instructions`` to count between: the import, the load, and each chunk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Encode chunk by chunk, in chunks of ``EdgeEncoder.frame_length``, and write the codes."""
    recording, out, *option = sys.argv[1:]
    microphone, model = option == ["microphone"], [path for path in option if path != "microphone"]
    os.getppid()
    import pi_runtime

    os.getppid()
    encoder = pi_runtime.EdgeEncoder(model[0]) if model else pi_runtime.EdgeEncoder.from_release("pi")
    os.getppid()

    import numpy as np

    from edgy_tf.corpora import read_pcm16

    pcm, size = read_pcm16(recording), encoder.frame_length
    chunks = _heard(len(pcm), size) if microphone else (pcm[i : i + size] for i in range(0, len(pcm), size))
    codes = []
    for chunk in chunks:
        os.getppid()
        codes.append(encoder.process(chunk))
        os.getppid()
    os.getppid()
    codes.append(encoder.flush())
    os.getppid()
    np.save(out, np.concatenate(codes))


def _heard(samples: int, size: int) -> Iterator[Any]:
    """Chunks from the default microphone until there are ``samples``."""
    import sounddevice

    with sounddevice.InputStream(samplerate=16000, channels=1, dtype="int16") as stream:
        for i in range(0, samples, size):
            yield stream.read(min(size, samples - i))[0][:, 0]


if __name__ == "__main__":
    main()
