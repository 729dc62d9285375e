#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# get-qemu10.sh FOLDER: the QEMU of Debian's backports, unpacked beside the system's.
#
# FOLDER is then what $LODGE_QEMU_DIR wants: qemu-system-ARCH in it are small scripts that start the unpacked
# programs with their own modules, libraries and firmware; everything lies below FOLDER, so a
# confinement has to let in nothing else. What is there already is not fetched again; FOLDER appears as a whole or not at all.
set -eu -o pipefail

folder=$(realpath -m "$1")
packages='qemu-system-x86 qemu-system-arm qemu-system-riscv qemu-system-common qemu-system-data qemu-system-gui
  qemu-system-modules-opengl qemu-system-modules-spice seabios ipxe-qemu'
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

[ -x "$folder/qemu-system-x86_64" ] && exit 0

work=$folder.part.$$
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/etc/preferences.d" "$work/debs"

# apt's own configuration and state stay untouched; its record of what is installed is read, so that only what the
# system lacks is fetched.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
key=/usr/share/keyrings/debian-archive-keyring.gpg
printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" "$suite" "$key" "$mirror" "$suite-backports" \
  > "$work/apt/sources.list"
options=(-qq -o Acquire::Retries=3
  -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o "Dir::Etc::preferencesparts=$work/apt/etc/preferences.d" -o Dir::Etc::preferences=/dev/null
  -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o Debug::NoLocking=1
  -o Acquire::Languages=none -o APT::Sandbox::User= -o "APT::Default-Release=$suite-backports")
apt-get "${options[@]}" update
# shellcheck disable=SC2086
apt-get "${options[@]}" install --yes --allow-downgrades --no-install-recommends --print-uris $packages \
  | sed -n "s/^'\([^']*\)' \([^ ]*\) .*/\2/p" > "$work/files"
# An upgrade of the system's QEMU is what apt thinks of, so the packages come down even when an older one is installed.
while IFS=_ read -r name rest; do
  echo "$name=$(printf '%s' "${rest%_*}" | sed 's/%3a/:/g')"
done < "$work/files" > "$work/names"
(cd "$work/debs" && xargs apt-get "${options[@]}" download < "$work/names")

for deb in "$work"/debs/*.deb; do
  dpkg-deb --extract "$deb" "$work/root"
done
[ -x "$work/root/usr/bin/qemu-system-x86_64" ]
libraries=$(cd "$work/root" && echo usr/lib/*/qemu/ui-dbus.so)
libraries=${libraries%/qemu/ui-dbus.so}
rm -rf "$work/root/usr/share/"{doc,man,locale} "$work/root/usr/bin/qemu-system-"{i386,arm,armel,armhf,riscv32,x86_64-microvm}
for arch in x86_64 aarch64 riscv64; do
  cat > "$work/qemu-system-$arch" <<EOF
#!/bin/sh
root=\${0%/*}/root
QEMU_MODULE_DIR=\$root/$libraries/qemu
LD_LIBRARY_PATH=\$root/$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
export QEMU_MODULE_DIR LD_LIBRARY_PATH
exec "\$root/usr/bin/qemu-system-$arch" -L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" -L "\$root/usr/lib/ipxe/qemu" "\$@"
EOF
  chmod +x "$work/qemu-system-$arch"
done
"$work/qemu-system-x86_64" --version | grep -q 'version 10\.'
rm -rf "$work/apt" "$work/debs" "$work/files" "$work/names"
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv -T "$work" "$folder"
