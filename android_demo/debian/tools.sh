#!/bin/sh
# Debian's tools for build.sh, those of Debian 11 that 12 has dropped in FOLDER: its dx, and the API of Android 6.
# Usage: tools.sh FOLDER [SUDO]; needs root for apt-get install alone.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
$2 apt-get update -q
$2 apt-get install -qy --no-install-recommends aapt android-framework-res apksigner dexdump enjarify junit4 \
    libandroid-json-java libokhttp-java openjdk-17-jdk-headless proguard-cli zipalign

site=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
[ -n "$site" ] || { echo "apt has no source of Debian 12; build this on Debian 12" >&2; exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
echo "deb [signed-by=$keys] $site bullseye main" >"$folder/apt/sources.list"
: >"$folder/apt/status"
apt() {
    apt-get -q -o "Dir::Etc::sourcelist=$folder/apt/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
        -o "Dir::State::lists=$folder/apt/lists" -o "Dir::State::status=$folder/apt/status" \
        -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root "$@"
}
apt update
cd "$folder/apt/archives"
apt download dalvik-exchange libandroid-23-java
for package in *.deb; do
    dpkg -x "$package" "$folder"
done
rm -r "$folder/apt"
