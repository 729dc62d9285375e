#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# build-installer-iso.sh OUT.iso: the Debian 12 installer in text mode as a disc that boots with BIOS and UEFI,
# made from the package debian-installer-12-netboot-amd64. Nothing is done when OUT.iso is of that version already.
set -eu
out=$(realpath "$1")
from=/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
key="$(dpkg-query -W -f '${Version}' debian-installer-12-netboot-amd64) $(sha256sum < "$0")"
if [ -f "$out" ] && [ "$(cat "$out.key" 2> /dev/null)" = "$key" ]; then
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/boot/grub" "$work/install.amd" "$work/.disk"
cp "$from/linux" "$work/install.amd/vmlinuz"
cp "$from/initrd.gz" "$work/install.amd/"
echo 'Debian GNU/Linux 12.0.0 "Bookworm" - Official amd64 NETINST' > "$work/.disk/info"
cat > "$work/boot/grub/grub.cfg" <<'END'
set timeout=1
insmod all_video
menuentry "Install" {
  linux /install.amd/vmlinuz vga=normal --- quiet
  initrd /install.amd/initrd.gz
}
END
grub-mkrescue -o "$out.new" "$work" -volid 'Debian 12.0.0 amd64 n' > "$out.log" 2>&1 || { tail -5 "$out.log" >&2; exit 1; }
mv "$out.new" "$out"
echo "$key" > "$out.key"
