#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the demo guest ("Try Lodge") from Debian packages: a kernel and an initial RAM disk.

    build-guest.py [--arch amd64|arm64] OUTPUT-KERNEL OUTPUT-INITRD

Theory of operation: the packages are fetched by apt (verified by it, no root needed) into a cache
outside the build folder; nothing of them is run. The kernel is written as the plain ELF file inside
Debian's bzImage where there is one, because QEMU then starts it at its PVH entry and the slow
decompression under TCG is saved. The RAM disk is BusyBox, the few kernel modules a guest of Lodge
needs, qemu-guest-agent with its libraries, the picture, and the init script beside this file.
The result is kept in the cache under a name made of all that went in, so a second build is a copy.
"""
import argparse
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'lodge-dev')
PACKAGES = ['busybox-static', 'qemu-guest-agent', 'libc6', 'libglib2.0-0', 'libpcre2-8-0', 'libudev1',
            'liburing2', 'libnuma1']
# What the hardware that Lodge gives a guest asks for, old and new.
MODULES = '''virtio_pci virtio_mmio virtio_blk virtio_scsi virtio_net virtio_console virtio_balloon virtio_rng
  virtio_gpu virtio_input bochs e1000 8139cp 9p 9pnet_virtio xhci_pci usbhid hid_generic psmouse evdev
  button gpio_keys pl061 ahci ata_piix sd_mod sr_mod isofs'''.split()
# The foreign BusyBox cannot be asked, so its applets are named.
APPLETS = '''[ acpid awk base64 basename cat chmod chvt clear cp cut date dd df dirname dmesg du echo env expr false
  find free getty grep gzip head hexdump hostname id ifconfig kill killall less ln ls lsmod lspci lsusb md5sum mkdir
  modprobe more mount mv nslookup ping ps pwd readlink rm rmdir rmmod route sed seq setsid sh sha256sum sleep sort
  stat stty sync tail tar tee test timeout top touch tr true tty udhcpc umount uname uniq uptime usleep vi wc wget
  which xargs yes'''.split()
TRIPLET = {'amd64': 'x86_64-linux-gnu', 'arm64': 'aarch64-linux-gnu'}
LOADER = {'amd64': 'lib64/ld-linux-x86-64.so.2', 'arm64': 'lib/ld-linux-aarch64.so.1'}


def fail(message):
    sys.exit('build-guest.py: ' + message)


class Apt:
    """apt for one architecture; a foreign one gets lists of its own, the system's stay as they are."""

    def __init__(self, arch):
        self.options = ['-qq', '-o', 'Acquire::Retries=3']
        if os.geteuid() == 0:
            self.options += ['-o', 'APT::Sandbox::User=root']
        native = subprocess.run(['dpkg', '--print-architecture'], capture_output=True, text=True,
                                check=True).stdout.strip()
        if arch != native:
            self.use_own_lists(arch)

    def use_own_lists(self, arch):
        base = os.path.join(CACHE, 'apt-' + arch)
        for name in ('lists/partial', 'cache/archives/partial', 'parts'):
            os.makedirs(os.path.join(base, name), exist_ok=True)
        sites = subprocess.run(['apt-get', 'indextargets', '--format', '$(SITE)', 'Created-By: Packages'],
                               capture_output=True, text=True).stdout.split()
        site = next((s for s in sites if s.rstrip('/').endswith('/debian')), None)
        if site is None:
            sys.exit(f'apt has no source of Debian packages to take those for {arch} from (apt-get update?)')
        with open(base + '/sources.list', 'w') as f:
            f.write(f'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {site} bookworm main\n')
        open(base + '/status', 'w').close()
        for key, value in {'Dir::Etc::sourcelist': base + '/sources.list', 'Dir::Etc::sourceparts': base + '/parts',
                           'Dir::Etc::preferencesparts': base + '/parts', 'Dir::State::lists': base + '/lists',
                           'Dir::Cache': base + '/cache', 'Dir::State::status': base + '/status',
                           'APT::Architecture': arch, 'APT::Architectures': arch,
                           'Acquire::Languages': 'none'}.items():
            self.options += ['-o', f'{key}={value}']
        if not any('Packages' in name for name in os.listdir(base + '/lists')):
            self.run('apt-get', 'update')

    def run(self, program, *arguments, cwd=None):
        done = subprocess.run([program, *self.options, *arguments], capture_output=True, text=True, cwd=cwd)
        if done.returncode != 0:
            fail(f'{program} {" ".join(arguments)}: {done.stderr.strip()}\n'
                 'Are the package lists there? "sudo apt-get update" fetches them.')
        return done.stdout

    def kernel_package(self, arch):
        match = re.search(r'Depends: (linux-image-[0-9]\S+)', self.run('apt-cache', 'depends', 'linux-image-' + arch))
        if not match:
            fail('apt knows no kernel package linux-image-' + arch)
        return match.group(1)

    def fetch(self, packages, folder):
        """Downloads what is not there yet. Returns the files in the order of packages."""
        os.makedirs(folder, exist_ok=True)
        uris = self.run('apt-get', 'download', '--print-uris', *packages)
        files = re.findall(r"^'[^']+' (\S+) ", uris, re.M)
        missing = [f for f in files if not os.path.exists(os.path.join(folder, f))]
        if missing:
            # Into a folder of this process and then renamed, so that two builds at once do no harm.
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                names = [f.split('_')[0] for f in missing]
                self.run('apt-get', 'download', *names, cwd=fresh)
                for name in os.listdir(fresh):
                    os.replace(os.path.join(fresh, name), os.path.join(folder, name))
        return [os.path.join(folder, f) for f in files]


def unpack(package, folder, patterns=()):
    tar = subprocess.Popen(['dpkg-deb', '--fsys-tarfile', package], stdout=subprocess.PIPE)
    wanted = ['--wildcards', *patterns] if patterns else []
    subprocess.run(['tar', '-xf', '-', '-C', folder, *wanted], stdin=tar.stdout, check=False,
                   stderr=subprocess.DEVNULL if patterns else None)
    tar.stdout.close()
    if tar.wait() not in (0, -13):
        fail('cannot unpack ' + package)


def without_zeros(elf):
    """Debian's ELF file has its .bss written out, 24 MB of zeros at the end; each machine would carry a copy."""
    elf = bytearray(elf)
    start, = struct.unpack_from('<Q', elf, 32)
    count, = struct.unpack_from('<H', elf, 56)
    headers = [start + 56 * i for i in range(count)]
    last = max((h for h in headers if struct.unpack_from('<I', elf, h)[0] == 1),
               key=lambda h: struct.unpack_from('<Q', elf, h + 8)[0])
    offset, = struct.unpack_from('<Q', elf, last + 8)
    size, = struct.unpack_from('<Q', elf, last + 32)
    kept = len(elf[offset:offset + size].rstrip(b'\0'))
    struct.pack_into('<Q', elf, last + 32, kept)
    struct.pack_into('<Q', elf, 40, 0)  # no section headers any more
    struct.pack_into('<HHH', elf, 58, 0, 0, 0)
    return bytes(elf[:offset + kept])


def plain_kernel(image):
    """The ELF file inside a bzImage (Documentation/arch/x86/boot.rst, payload_offset); other images as they are."""
    if image[0x202:0x206] == b'HdrS':
        setup = (image[0x1f1] or 4) + 1
        offset, length = struct.unpack_from('<II', image, 0x248)
        payload = image[setup * 512 + offset:][:length]
        if payload[:6] == b'\xfd7zXZ\0':
            return without_zeros(lzma.LZMADecompressor().decompress(payload))
        if payload[:2] == b'\x1f\x8b':
            return without_zeros(zlib.decompressobj(31).decompress(payload))
        if payload[:4] == b'\x28\xb5\x2f\xfd':
            return without_zeros(subprocess.run(['zstd', '-dcq'], input=payload, stdout=subprocess.PIPE, check=True).stdout)
        fail('unknown kernel compression ' + payload[:6].hex())
    return image


def needed_libraries(path):
    """DT_NEEDED of a 64-bit little-endian ELF file."""
    with open(path, 'rb') as f:
        data = f.read()
    start, = struct.unpack_from('<Q', data, 32)
    count, = struct.unpack_from('<H', data, 56)
    segments = [struct.unpack_from('<IIQQQQQQ', data, start + 56 * i) for i in range(count)]
    loads = [(va, offset, size) for kind, _, offset, va, _, size, _, _ in segments if kind == 1]
    dynamic = [(offset, size) for kind, _, offset, _, _, size, _, _ in segments if kind == 2]
    if not dynamic:
        return []
    entries = [struct.unpack_from('<QQ', data, dynamic[0][0] + 16 * i) for i in range(dynamic[0][1] // 16)]
    table = next(value for tag, value in entries if tag == 5)
    strings = next(offset + table - va for va, offset, size in loads if va <= table < va + size)
    return [data[strings + v:data.index(b'\0', strings + v)].decode() for tag, v in entries if tag == 1]


def copy_with_libraries(program, packages_root, tree, arch):
    places = [f'lib/{TRIPLET[arch]}', f'usr/lib/{TRIPLET[arch]}']
    destination = os.path.join(tree, 'lib', TRIPLET[arch])
    os.makedirs(destination, exist_ok=True)
    shutil.copy(program, os.path.join(tree, 'bin'))
    todo, seen = [program], set()
    while todo:
        for name in needed_libraries(todo.pop()):
            if name in seen:
                continue
            seen.add(name)
            found = next((p for p in (os.path.join(packages_root, d, name) for d in places) if os.path.exists(p)), None)
            if found:
                shutil.copy(found, os.path.join(destination, name))
                todo.append(found)
            elif os.path.basename(LOADER[arch]) != name:
                fail(f'no package has {name}')
    loader = os.path.join(tree, LOADER[arch])
    os.makedirs(os.path.dirname(loader), exist_ok=True)
    name = os.path.basename(loader)
    shutil.copy(next(p for p in (os.path.join(packages_root, d, name) for d in places) if os.path.exists(p)), loader)


def copy_modules(root, tree):
    """The modules of MODULES and what they need, with fresh indexes."""
    base = os.path.join(root, 'lib/modules')
    version = os.listdir(base)[0]
    subprocess.run(['/sbin/depmod', '-b', root, version], check=True)
    depends = {}
    with open(f'{base}/{version}/modules.dep') as f:
        for line in f:
            path, _, rest = line.partition(':')
            depends[re.sub(r'\.ko.*', '', os.path.basename(path)).replace('-', '_')] = [path, *rest.split()]
    wanted = sorted({p for m in MODULES for p in depends.get(m, [])})
    if not any('virtio_gpu' in p or 'virtio-gpu' in p for p in wanted):
        fail('the kernel package has no virtio_gpu module')
    for path in wanted:
        target = os.path.join(tree, 'lib/modules', version, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(f'{base}/{version}/{path}', target)
        if target.endswith('.xz'):
            subprocess.run(['xz', '-d', target], check=True)
    for name in ('modules.builtin', 'modules.builtin.modinfo', 'modules.order'):
        shutil.copy(f'{base}/{version}/{name}', os.path.join(tree, 'lib/modules', version))
    subprocess.run(['/sbin/depmod', '-b', tree, version], check=True, stderr=subprocess.DEVNULL)
    for name in os.listdir(os.path.join(tree, 'lib/modules', version)):
        if name.startswith('modules.') and not name.endswith('.bin') and name not in ('modules.dep', 'modules.alias'):
            os.unlink(os.path.join(tree, 'lib/modules', version, name))


def newc(tree):
    """The tree as a cpio archive of kind "newc", owned by root, without times: the same in, the same out."""
    out = bytearray()
    number = 0

    def add(name, mode, data=b'', links=1):
        nonlocal number
        number += 1
        encoded = name.encode() + b'\0'
        fields = [number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        out.extend(b'070701' + b''.join(b'%08X' % field for field in fields) + encoded)
        out.extend(b'\0' * (-len(out) % 4))
        out.extend(data)
        out.extend(b'\0' * (-len(out) % 4))

    for folder, folders, files in os.walk(tree):
        folders.sort()
        relative = os.path.relpath(folder, tree)
        if relative != '.':
            add(relative, stat.S_IFDIR | 0o755, links=2)
        for name in sorted(files + [d for d in folders if os.path.islink(os.path.join(folder, d))]):
            path = os.path.join(folder, name)
            inside = os.path.normpath(os.path.join(relative, name))
            if os.path.islink(path):
                add(inside, stat.S_IFLNK | 0o777, os.readlink(path).encode())
            else:
                with open(path, 'rb') as f:
                    add(inside, stat.S_IFREG | (0o755 if os.access(path, os.X_OK) else 0o644), f.read())
    add('TRAILER!!!', 0)
    out.extend(b'\0' * (-len(out) % 512))
    return bytes(out)


def build(arch, packages, kernel_out, initrd_out):
    with tempfile.TemporaryDirectory() as work:
        root, user, tree = (os.path.join(work, name) for name in ('kernel', 'user', 'tree'))
        for folder in (root, user):
            os.makedirs(folder)
        for name in ('bin', 'dev', 'proc', 'sys', 'run', 'tmp', 'mnt', 'etc/acpi', 'root', 'lib', 'usr', 'var/run'):
            os.makedirs(os.path.join(tree, name))
        unpack(packages[0], root, ['./boot/vmlinu*', './lib/modules/*/modules.*', './lib/modules/*/kernel/drivers/*',
                                   './lib/modules/*/kernel/fs/*', './lib/modules/*/kernel/net/*',
                                   './lib/modules/*/kernel/lib/*', './lib/modules/*/kernel/crypto/*',
                                   './lib/modules/*/kernel/arch/*', './lib/modules/*/kernel/block/*'])
        for package in packages[1:]:
            unpack(package, user)
        copy_modules(root, tree)
        shutil.copy(os.path.join(user, 'bin/busybox'), os.path.join(tree, 'bin'))
        for applet in APPLETS:
            os.symlink('busybox', os.path.join(tree, 'bin', applet))
        copy_with_libraries(os.path.join(user, 'usr/sbin/qemu-ga'), user, tree, arch)
        for link, target in (('sbin', 'bin'), ('usr/bin', '../bin'), ('usr/sbin', '../bin')):
            os.symlink(target, os.path.join(tree, link))
        for name, text in {
                'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n', 'etc/group': 'root:x:0:\n',
                'etc/hostname': 'lodge\n', 'etc/hosts': '127.0.0.1 localhost lodge\n'}.items():
            with open(os.path.join(tree, name), 'w') as f:
                f.write(text)
        for size in ('small', 'large'):
            with open(os.path.join(tree, 'etc/welcome-' + size), 'wb') as f:
                f.write(subprocess.run([sys.executable, os.path.join(HERE, 'picture.py'), size], check=True,
                                       stdout=subprocess.PIPE).stdout)
        shutil.copy(os.path.join(HERE, 'init'), os.path.join(tree, 'init'))
        os.chmod(os.path.join(tree, 'init'), 0o755)
        image = next(n for n in os.listdir(os.path.join(root, 'boot')) if n.startswith('vmlinu'))
        with open(os.path.join(root, 'boot', image), 'rb') as f:
            kernel = plain_kernel(f.read())
        for path, data in ((kernel_out, kernel), (initrd_out, newc(tree))):
            with open(path + '.new', 'wb') as f:
                f.write(data)
            os.replace(path + '.new', path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--arch', default='amd64', choices=sorted(TRIPLET))
    parser.add_argument('kernel')
    parser.add_argument('initrd')
    options = parser.parse_args()

    os.makedirs(CACHE, exist_ok=True)
    apt = Apt(options.arch)
    packages = apt.fetch([apt.kernel_package(options.arch), *PACKAGES], os.path.join(CACHE, 'debs'))
    packages.sort(key=lambda path: not os.path.basename(path).startswith('linux-image'))
    key = hashlib.sha256(repr([os.path.basename(p) for p in packages]).encode())
    for name in ('build-guest.py', 'picture.py', 'init'):
        with open(os.path.join(HERE, name), 'rb') as f:
            key.update(f.read())
    kept = os.path.join(CACHE, 'guests', f'demo-{options.arch}-{key.hexdigest()[:16]}')
    if not os.path.exists(kept + '.initrd'):
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        build(options.arch, packages, kept + '.kernel', kept + '.initrd')
    shutil.copyfile(kept + '.kernel', options.kernel)
    shutil.copyfile(kept + '.initrd', options.initrd)


if __name__ == '__main__':
    main()
