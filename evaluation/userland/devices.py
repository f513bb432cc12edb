"""The emulated devices: a Raspberry Pi of each architecture."""

from __future__ import annotations

from dataclasses import dataclass

from edgy_tf.errors import EdgyError

SUITE = "bookworm"
"""The Debian that Raspberry Pi OS of the same name is made of; its Python is 3.11."""
PYTHON = "3.11"


class UserlandError(EdgyError):
    """The emulated userland is not there, cannot be built, or a command in it failed."""


@dataclass(frozen=True)
class Device:
    """A Raspberry Pi as qemu-user plays it.

    Attributes:
        name: Debian's name of the architecture.
        model: what it stands for.
        qemu: the emulator.
        cpu: that it emulates.
        machine: ``platform.machine()`` on the device.
        wheels: platforms whose wheels run there, as pip names them.
        triplet: folder of the shared libraries in ``/usr/lib``.
        runtimes: interpreters that have a wheel for it; the first is the one that the extra ``pi`` installs.
        debian_numpy: whether NumPy is Debian's, because there is no wheel of it.
        features: in ``/proc/cpuinfo``.
        part: CPU part in ``/proc/cpuinfo``.
        getppid: number of that system call.
    """

    name: str
    model: str
    qemu: str
    cpu: str
    machine: str
    wheels: tuple[str, ...]
    triplet: str
    runtimes: tuple[str, ...]
    debian_numpy: bool
    features: str
    part: int
    getppid: int

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian's packages: Python, the C++ library, and PortAudio for the microphone."""
        python = ("python3", f"libpython{PYTHON}-stdlib", "zlib1g", "libexpat1", "python3-cffi-backend")
        return (*python, "libstdc++6", "libgcc-s1", "libportaudio2", *(["python3-numpy"] if self.debian_numpy else []))

    @property
    def cpuinfo(self) -> str:
        """``/proc/cpuinfo`` of a device with one core in use."""
        return (
            f"processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: {8 if self.machine == 'aarch64' else 7}\nCPU variant\t: 0x0\n"
            f"CPU part\t: {self.part:#x}\nCPU revision\t: 3\n\nModel\t\t: {self.model}\n"
        )


DEVICES = {
    "arm64": Device(
        name="arm64",
        model="Raspberry Pi 4 Model B Rev 1.4",
        qemu="qemu-aarch64",
        cpu="cortex-a72",
        machine="aarch64",
        wheels=tuple(f"manylinux{tag}_aarch64" for tag in ("2014", "_2_17", "_2_27", "_2_28", "_2_34")),
        triplet="aarch64-linux-gnu",
        runtimes=("ai-edge-litert", "tflite-runtime"),
        debian_numpy=False,
        features="fp asimd evtstrm crc32 cpuid",
        part=0xD08,
        getppid=173,
    ),
    "armhf": Device(
        name="armhf",
        model="Raspberry Pi 2 Model B Rev 1.1",
        qemu="qemu-arm",
        cpu="cortex-a7",
        machine="armv7l",
        wheels=("manylinux_2_34_armv7l",),
        triplet="arm-linux-gnueabihf",
        runtimes=("tflite-runtime",),
        debian_numpy=True,
        features="half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm",
        part=0xC07,
        getppid=64,
    ),
}
