"""The dex of the Android app, turned back into classes, does what Python does; and its APK holds what it should.

`make android-tools` prepares it. Where that cannot be done, these tests are skipped, and say so.
"""

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edgy_tf.releases import find_release
from tests.android_demo.conftest import JAVA, JUNIT, PROJECT, Built, android_jar, run

RES = PROJECT / "app" / "src" / "main" / "res"
ANDROID = "{http://schemas.android.com/apk/res/android}"
CLICKED = ("Button", "Switch", "Spinner", "EditText")
SPOKEN = ("text", "hint", "contentDescription", "label", "title", "summary")
PACKAGES = {"org/edgy/android", "org/edgy/demo"}


def test_the_junit_tests_pass_on_the_dex(built: Built) -> None:
    names = sorted(
        str(path.relative_to(built.tests))[:-6].replace("/", ".") for path in built.tests.rglob("*Test.class")
    )
    assert len(names) == len(list(JUNIT.rglob("*Test.java")))
    said = run(*built.java("org.junit.runner.JUnitCore", *names))
    assert re.search(r"OK \(\d+ tests\)", said), said


def test_nothing_but_the_projects_own_classes_is_packaged(built: Built) -> None:
    with zipfile.ZipFile(built.out / "edgy-from-dex.jar") as jar:
        assert {name.rpartition("/")[0] for name in jar.namelist()} == PACKAGES


def test_no_lambda_has_slipped_into_the_dex(built: Built) -> None:
    assert "invoke-custom" not in run("dexdump", "-d", str(built.apk))


def test_the_model_lies_where_the_library_looks_for_it(built: Built) -> None:
    with zipfile.ZipFile(built.apk) as apk:
        member = apk.getinfo("assets/edgy/pi/encoder-int8.tflite")
        assert apk.read(member) == find_release("pi").encoder("int8").read_bytes()
        assert member.compress_type == zipfile.ZIP_STORED


def test_the_manifest_asks_for_no_more_than_it_must(built: Built) -> None:
    said = run("aapt2", "dump", "badging", str(built.apk))
    assert set(re.findall(r"uses-permission: name='([^']+)'", said)) == {
        "android.permission.RECORD_AUDIO",
        "android.permission.INTERNET",
    }
    gradle = (PROJECT / "app" / "build.gradle").read_text("utf-8")
    for badge, key in {"sdkVersion": "minSdk", "targetSdkVersion": "targetSdk", "versionCode": "versionCode"}.items():
        shown, declared = re.search(rf"{badge}[:=]'(\d+)'", said), re.search(rf"\b{key} (\d+)", gradle)
        assert shown
        assert declared
        assert shown[1] == declared[1], key
    library = ElementTree.parse(PROJECT / "edgy" / "src" / "main" / "AndroidManifest.xml").getroot()
    assert len(library) == 0


def test_every_screen_of_the_manifest_is_in_the_dex(built: Built) -> None:
    manifest = ElementTree.parse(PROJECT / "app" / "src" / "main" / "AndroidManifest.xml")
    screens = [node.get(f"{ANDROID}name", "") for node in manifest.iter("activity")]
    assert len(screens) == 5
    with zipfile.ZipFile(built.out / "edgy-from-dex.jar") as jar:
        assert {f"{name.replace('.', '/')}.class" for name in screens} <= set(jar.namelist())


@pytest.mark.parametrize("path", sorted(PROJECT.rglob("src/main/**/*.xml")), ids=lambda p: p.name)
def test_all_that_is_read_out_is_in_the_resources(path: Path) -> None:
    for node in ElementTree.parse(path).iter():
        for name in SPOKEN:
            assert node.get(ANDROID + name, "@string/").startswith("@string/"), (path.name, node.tag, name)


@pytest.mark.parametrize("path", sorted(RES.glob("layout/*.xml")), ids=lambda p: p.stem)
def test_who_cannot_see_or_point_well_can_use_a_screen(path: Path) -> None:
    nodes = list(ElementTree.parse(path).iter())
    labelled = {node.get(f"{ANDROID}labelFor", "").rpartition("/")[2] for node in nodes}
    for node in nodes:
        name = node.get(f"{ANDROID}id", "").rpartition("/")[2]
        if node.tag in CLICKED:
            assert node.get(f"{ANDROID}text") or name in labelled, f"{name} has no label"
            height = node.get(f"{ANDROID}minHeight", "0dp")
            assert int(height.removesuffix("dp")) >= 48, f"{name} is too small for a finger"
        if node.tag == "ProgressBar":
            assert node.get(f"{ANDROID}contentDescription")


def test_the_screens_have_all_that_their_classes_look_for(built: Built) -> None:
    """`R` knows the ids of all layouts, so only this tells of one that lies in another screen."""
    for source in (PROJECT / "app" / "src" / "main").rglob("*Activity.java"):
        text = source.read_text("utf-8")
        (layout,) = re.findall(r"setContentView\(R\.layout\.(\w+)\)", text)
        nodes = ElementTree.parse(RES / "layout" / f"{layout}.xml").iter()
        kinds = {node.get(f"{ANDROID}id", "").rpartition("/")[2]: node.tag for node in nodes}
        looked_for = re.findall(r"(?:\((\w+)\) )?findViewById\(R\.id\.(\w+)\)", text)
        assert looked_for
        for kind, name in looked_for:
            assert kinds.get(name) == kind or (not kind and name in kinds), (source.name, name)


def test_levels_are_offered_in_their_order() -> None:
    (levels,) = ElementTree.parse(RES / "values" / "strings.xml").iter("string-array")
    assert len(levels) == 4
    kinds = re.search(
        r"Arrays\.asList\((.*?)\)", (PROJECT / "edgy/src/main/java/org/edgy/android/Level.java").read_text()
    )
    assert kinds
    assert kinds[1] == '"text", "anonymous", "pseudonym", "identity"'


def test_it_is_dark_at_night() -> None:
    parents = {}
    for folder in ("values", "values-night"):
        styles = ElementTree.parse(RES / folder / "styles.xml").iter("style")
        parents[folder] = next(style.get("parent") for style in styles if style.get("name") == "Edgy")
    assert parents == {"values": "android:Theme.Material.Light.DarkActionBar", "values-night": "android:Theme.Material"}


def test_the_keep_rules_leave_what_is_found_by_name(built: Built, tmp_path: Path) -> None:
    shrunk = tmp_path / "shrunk.jar"
    libraries = (android_jar(), *(JAVA / f"{name}.jar" for name in ("okhttp", "okio")))
    run(
        *("proguard", "-injars", f"{built.out / 'classes'}:{built.out / 'stubs'}", "-outjars", str(shrunk)),
        *("-libraryjars", ":".join(map(str, libraries)), "-include", str(PROJECT / "edgy" / "consumer-rules.pro")),
        *("-include", str(built.out / "screens.pro"), "-dontoptimize", "-ignorewarnings"),
    )
    with zipfile.ZipFile(shrunk) as jar:
        kept = set(jar.namelist())
        assert "org/tensorflow/lite/Interpreter.class" in kept
        assert {f"org/edgy/demo/{name}.class" for name in ("DemoApplication", "MainActivity", "ServerActivity")} <= kept
        assert "org/edgy/android/EdgyStream.class" not in kept  # renamed: no rule keeps more than it must
