"""The app as Debian's tools build it, and its dex, which the tests run as a jar."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgy_tf.releases import find_release
from tests.android_demo import golden
from tests.shared import once

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "android_demo"
JUNIT = Path(__file__).parent
TOOLS = ROOT / "out" / "android" / "tools"
JAVA = Path("/usr/share/java")


@dataclass(frozen=True)
class Built:
    """A build, and what its tests need.

    Attributes:
        folder: of all that follows.
    """

    folder: Path

    @property
    def out(self) -> Path:
        """What ``build.sh`` wrote."""
        return self.folder / "build"

    @property
    def tests(self) -> Path:
        """Classes of the JUnit tests."""
        return self.folder / "tests"

    @property
    def golden(self) -> Path:
        """What Python has written for them."""
        return self.folder / "golden"

    @property
    def apk(self) -> Path:
        return self.out / "edgy.apk"

    def java(self, *arguments: str) -> list[str]:
        """A command that runs Java on what the dex holds; Android's own classes are the last to be looked for."""
        path = class_path(self.out / "edgy-from-dex.jar", self.tests)
        properties = {"golden": self.golden, "python": sys.executable, "model": find_release("pi").encoder("int8")}
        return [
            *("java", "-Xverify:all", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path),
            *(f"-Dedgy.{key}={value}" for key, value in properties.items()),
            *arguments,
        ]


def android_jar() -> Path:
    """The API of Android 6, to compile against."""
    return TOOLS / "usr" / "share" / "java" / "com.android.android-23.jar"


def class_path(*first: Path) -> str:
    """``first``, then the libraries, then Android's own classes, which only throw."""
    libraries = ("junit4", "hamcrest-core", "com.android.json", "okhttp", "okio")
    return ":".join(map(str, [*first, *(JAVA / f"{name}.jar" for name in libraries), android_jar()]))


def run(*command: str) -> str:
    """What a tool prints; if it fails, the test does, with all that it said."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The app of this source tree."""
    if not android_jar().exists():
        pytest.skip("NOT TESTED on Android's classes: the tools are missing; run: make android-tools")
    return Built(once(tmp_path_factory, "android", lambda folder: _build(Built(folder))))


def _build(build: Built) -> None:
    run(str(PROJECT / "debian" / "build.sh"), str(TOOLS), str(build.out))
    sources = map(str, JUNIT.rglob("*.java"))
    # Not against the jar of the dex, which has forgotten which class is within which.
    path = class_path(build.out / "classes")
    run(
        "javac",
        "--release",
        "8",
        "-Xlint:-options",
        "-encoding",
        "UTF-8",
        "-cp",
        path,
        "-d",
        str(build.tests),
        *sources,
    )
    build.golden.mkdir()
    golden.write(build.golden)
