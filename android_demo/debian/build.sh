#!/bin/sh
# What Gradle does, with Debian's tools: an APK of the app, aligned, signed and verified; then its dex as a jar again.
# Not in it: the AARs of TensorFlow Lite and OkHttp, so it cannot be installed to be used. Usage: build.sh TOOLS OUT
set -eu
tools=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."
java=/usr/share/java
android=$tools/usr/share/java/com.android.android-23.jar
rm -rf "${out:?}"/*
mkdir -p "$out/assets" "$out/gen" "$out/stubs" "$out/classes"

# Gradle takes the package from `namespace`, and the models from the releases.
package=$(sed -n 's/ *namespace "\(.*\)"/\1/p' app/build.gradle)
sed "s/<manifest /<manifest package=\"$package\" /" app/src/main/AndroidManifest.xml >"$out/AndroidManifest.xml"
for model in ../edgy_tf/releases/*/encoder-int8.tflite; do
    release=$(basename "$(dirname "$model")")
    mkdir -p "$out/assets/edgy/$release"
    cp "$model" "$out/assets/edgy/$release/"
done
aapt2 compile --dir app/src/main/res -o "$out/resources.zip"
aapt2 link -o "$out/unsigned.apk" --manifest "$out/AndroidManifest.xml" --java "$out/gen" -A "$out/assets" -0 .tflite \
    -I /usr/share/android-framework-res/framework-res.apk --min-sdk-version 26 --target-sdk-version 34 \
    --proguard "$out/screens.pro" --version-code 1 --version-name 0.1 "$out/resources.zip"

compile="javac --release 8 -encoding UTF-8 -Xlint:all,-options,-path,-serial -Werror"
$compile -d "$out/stubs" $(find debian/stubs -name '*.java')
$compile -cp "$out/stubs:$android:$java/okhttp.jar:$java/okio.jar" -d "$out/classes" \
    $(find edgy/src/main/java app/src/main/java "$out/gen" -name '*.java')
java -cp "$tools/usr/share/java/com.android.dx.jar" com.android.dx.command.Main --dex --min-sdk-version=26 \
    --output="$out/classes.dex" "$out/classes"
jar ufM0 "$out/unsigned.apk" -C "$out" classes.dex

zipalign -f 4 "$out/unsigned.apk" "$out/edgy.apk"
keytool -genkeypair -keystore "$out/debug.p12" -storepass android -alias debug -keyalg RSA -validity 1 -dname CN=debug
apksigner sign --ks "$out/debug.p12" --ks-pass pass:android --min-sdk-version 26 "$out/edgy.apk"
apksigner verify --min-sdk-version 26 -Werr "$out/edgy.apk"
zipalign -c 4 "$out/edgy.apk"
cd /usr/lib/python3/dist-packages
/usr/bin/python3 -m enjarify.main -f -o "$out/edgy-from-dex.jar" "$out/edgy.apk"
