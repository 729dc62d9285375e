#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""build-arm64.py FOLDER: the demo guest for aarch64: FOLDER/kernel and FOLDER/initrd to start directly, and
FOLDER/disk.img, a FAT image with GRUB that UEFI boots. No foreign program is run while building."""
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDER = os.path.join(SOURCE, 'data/demo/build-guest.py')
GRUB_CONFIG = '''set timeout=0
search --no-floppy --file /linux --set=root
menuentry demo {
  linux /linux console=tty0 console=ttyAMA0 quiet
  initrd /initrd
}
'''


def builder():
    spec = importlib.util.spec_from_file_location('build_guest', BUILDER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_disk(guest, folder, disk):
    with tempfile.TemporaryDirectory() as work:
        package, = guest.Apt('arm64').fetch(['grub-efi-arm64-bin'], os.path.join(guest.CACHE, 'debs'))
        run('dpkg-deb', '-x', package, work)
        for name, text in (('early.cfg', 'search --no-floppy --file /linux --set=root\nconfigfile /grub.cfg\n'),
                           ('grub.cfg', GRUB_CONFIG)):
            with open(os.path.join(work, name), 'w') as f:
                f.write(text)
        run('grub-mkimage', '-d', work + '/usr/lib/grub/arm64-efi', '-O', 'arm64-efi', '-o', work + '/BOOTAA64.EFI',
            '-c', work + '/early.cfg', '-p', '/', 'part_gpt', 'fat', 'normal', 'linux', 'search', 'search_fs_file', 'configfile')
        new = disk + '.new'
        with open(new, 'wb') as f:
            f.truncate(128 << 20)
        run('/sbin/mkfs.vfat', new)
        run('mmd', '-i', new, '::/EFI', '::/EFI/BOOT')
        for path, inside in ((work + '/BOOTAA64.EFI', '::/EFI/BOOT/'), (folder + '/kernel', '::/linux'),
                             (folder + '/initrd', '::/initrd'), (work + '/grub.cfg', '::/grub.cfg')):
            run('mcopy', '-i', new, path, inside)
        os.replace(new, disk)


def main():
    folder = os.path.abspath(sys.argv[1])
    os.makedirs(folder, exist_ok=True)
    kernel, initrd, disk = (os.path.join(folder, name) for name in ('kernel', 'initrd', 'disk.img'))
    before = open(initrd, 'rb').read() if os.path.exists(initrd) else None
    run(sys.executable, BUILDER, '--arch', 'arm64', kernel, initrd)
    if not os.path.exists(disk) or open(initrd, 'rb').read() != before:
        for old in glob.glob(disk + '*'):
            os.unlink(old)
        make_disk(builder(), folder, disk)


if __name__ == '__main__':
    main()
