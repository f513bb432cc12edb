"""Build the userland of every emulated device, or measure in it and commit to the figures.

python -m evaluation.userland build
python -m evaluation.userland figures
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from edgy_tf.errors import EdgyError
from evaluation.userland.build import build, install, project_wheel
from evaluation.userland.devices import DEVICES
from evaluation.userland.figures import BUDGET, PAGE, measure_all, page, write_budget
from evaluation.userland.run import Userland
from pi_runtime.golden import RECORDING


def main() -> int:
    """Do what the argument says; the exit status."""
    parser = argparse.ArgumentParser(description="A Raspberry Pi without the Pi.")
    parser.add_argument("task", choices=("build", "figures"), help="figures: rewrite the budget and its page")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            wheel = project_wheel(Path(folder))
            for device in DEVICES.values():
                if args.task == "build":
                    print(f"{device.name}: {build(device)}")
                install(device, wheel)
                # Once uncounted, because it leaves the bytecode of all that it imports.
                for runtime in device.runtimes:
                    encode = ("-m", "evaluation.userland.guest", str(RECORDING), str(Path(folder) / "codes.npy"))
                    Userland.open(device.name, runtime).python(*encode)
        if args.task == "figures":
            figures = measure_all()
            write_budget(figures)
            PAGE.write_text(page(figures), "utf-8")
            print(f"{page(figures)}\nwritten: {BUDGET}, {PAGE}")
    except EdgyError as error:
        print(f"userland: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
