# SPDX-License-Identifier: GPL-3.0-or-later
"""Which system an image holds: by lodgectl and D-Bus, confined, and what CreateMachine makes of it."""
import json
import os
import struct

import pytest
from gi.repository import Gio, GLib

from lodgetest.disc import SECTOR, Disc, windows_disc
from lodgetest.lodge import BUS_NAME, CORE_PATH, PATIENCE, error_code

MICROSOFT = dict(system='', publisher='MICROSOFT CORPORATION', application='CDIMAGE 2.56 (01/01/2005 TM)')

# What the makers' discs say, and what it means.
KNOWN = [
    (Disc('Debian 12.5.0 amd64 n', system='', uefi=True), 'debian12', 'netinst', 'x86_64', {'firmware': 'uefi'}),
    (Disc('Debian 13.0.0 arm64 1', system='', bios=False, uefi=True), 'debian13', 'dvd', 'aarch64', {'arch': 'aarch64'}),
    (Disc('d-live 13.0.0 gn amd64', system='', uefi=True), 'debian13', 'live', 'x86_64', {}),
    (Disc('Debian 12.0.0 i386 n', system='', uefi=True), 'debian12', 'netinst', 'i686', {'firmware': 'bios'}),
    (Disc('Ubuntu 26.04 LTS amd64', system='', uefi=True), 'ubuntu26.04', 'desktop', 'x86_64', {}),
    (Disc('Ubuntu-Server 24.04.2 LTS amd64', system='', uefi=True), 'ubuntu24.04', 'server', 'x86_64', {}),
    (Disc('Fedora-WS-Live-44', system='', publisher='FEDORA PROJECT', uefi=True,
          files={'EFI/BOOT/BOOTX64.EFI': 'MZ'}), 'fedora44', 'workstation', 'x86_64', {}),
    (Disc('Fedora-S-dvd-x86_64-40', system='', uefi=True), 'fedora40', 'server', 'x86_64', {}),
    (Disc('openSUSE-Leap-15.6-DVD-x86_64710', publisher='SUSE LINUX GmbH', uefi=True), 'opensuse15.6', 'DVD', 'x86_64', {}),
    (Disc('Install-Leap-16.0-x86_64', publisher='openSUSE', uefi=True), 'opensuse16.0', '', 'x86_64', {}),
    (Disc('openSUSE-Tumbleweed-DVD-x86_64', publisher='SUSE LLC', uefi=True), 'opensusetumbleweed', 'DVD', 'x86_64', {}),
    (Disc('ARCH_202402', system='', publisher='ARCH LINUX <HTTPS://ARCHLINUX.ORG>', uefi=True), 'archlinux', '', 'x86_64', {}),
    (Disc('alpine-virt 3.23.0 x86_64', uefi=True), 'alpinelinux3.23', 'virt', 'x86_64', {'disk-size': 8 << 30}),
    (Disc('Linux Mint 22 Cinnamon 64-bit', system='', uefi=True), 'linuxmint22', 'Cinnamon', 'x86_64', {}),
    (Disc('Pop_OS 22.04 amd64 Intel', system='', uefi=True), 'popos22.04', 'Intel', 'x86_64', {}),
    (Disc('15_0_RELEASE_AMD64_CD', system='FreeBSD', uefi=True), 'freebsd15.0', 'CD', 'x86_64', {'family': 'bsd'}),
    (Disc('CCCOMA_X64FRE_EN-US_DV9', uefi=True, **MICROSOFT), 'win10', '', 'x86_64', {'clock': 'localtime', 'hyperv': True}),
    (Disc('GRTMPFPP_EN', **MICROSOFT), 'winxp', '', 'x86_64', {'family': 'windows-old', 'nic-model': 'rtl8139'}),
    (Disc('WIN98', files={'WIN98/SETUP.EXE': 'MZ'}), 'win98', '', 'x86_64', {'sound': 'sb16'}),
    (Disc('FD13-LiveCD'), 'freedos1.3', '', 'i686', {'family': 'dos'}),
    (Disc('ReactOS', publisher='ReactOS Project'), 'reactos', '', 'i686', {'nic-model': 'e1000'}),
    (Disc('haiku-r1~beta4-x86_64', system=''), 'haikur1beta4', '', 'x86_64', {'family': 'other'}),
    (Disc('MT86PLUS_64', system='', uefi=True), 'memtest86', '', 'x86_64', {'disk-size': 0}),
    (Disc('CUSTOM', files={'.disk/info': 'Debian GNU/Linux 13.1.0 "Trixie" - Official amd64 NETINST'}), 'debian13', '', 'x86_64', {}),
]


def identify(lodge, path):
    with open(path, 'rb') as f:
        values, _ = lodge.core('Identify', '(sha{sv})', (os.path.basename(path), 0, {}), [f.fileno()])
    return values[0]


def refused(lodge, path):
    with pytest.raises(GLib.Error) as caught:
        identify(lodge, path)
    return error_code(caught.value), caught.value.message.partition(': ')[2]


def test_systems(lodge, tmp_path):
    for disc, os_id, variant, arch, settings in KNOWN:
        facts = identify(lodge, disc.write(tmp_path / 'x.iso'))
        got = {key: facts[key] for key in ('os', 'variant', 'arch', 'supported')}
        assert got == {'os': os_id, 'variant': variant, 'arch': arch, 'supported': True}, facts
        assert facts['os-name'] and facts['symbol'], facts
        assert {key: facts['settings'][key] for key in settings} == settings, facts
        assert facts['settings']['memory'] >= facts['minimum']['memory'], facts


def test_windows(lodge, tmp_path):
    """The labels do not tell, the image file in UDF does."""
    cases = [
        ('CCCOMA_X64FRE_EN-US_DV9', '10.0.26100', 'Client', 9, 'install.wim', 'win11', 'x86_64', {'tpm': True, 'secure-boot': True}),
        ('CCCOMA_X64FRE_EN-US_DV9', '10.0.19041', 'Client', 9, 'install.esd', 'win10', 'x86_64', {'tpm': False, 'firmware': 'uefi'}),
        ('CCCOMA_A64FRE_EN-GB_DV9', '10.0.22631', 'Client', 12, 'install.wim', 'win11', 'aarch64', {'arch': 'aarch64'}),
        ('SSS_X64FREE_EN-US_DV9', '10.0.26100', 'Server', 9, 'install.wim', 'win2k25', 'x86_64', {'tpm': False}),
        ('SSS_X64FREE_EN-US_DV9', '10.0.20348', 'Server Core', 9, 'install.wim', 'win2k22', 'x86_64', {}),
        ('SSS_X64FREE_EN-US_DV9', '10.0.17763', 'Server', 9, 'install.wim', 'win2k19', 'x86_64', {}),
        ('MY WINDOWS', '6.1.7601', 'Client', 0, 'install.wim', 'win7', 'i686', {'firmware': 'bios', 'nic-model': 'e1000'}),
        ('MY WINDOWS', '10.0.22621', 'Client', 9, 'other.wim', 'win11', 'x86_64', {}),
    ]
    for label, build, kind, arch, name, os_id, arch_word, settings in cases:
        facts = identify(lodge, windows_disc(label, build, kind, arch, name).write(tmp_path / 'x.iso'))
        assert (facts['os'], facts['arch'], facts['confidence']) == (os_id, arch_word, 'exact'), facts
        assert {key: facts['settings'][key] for key in settings} == settings, facts


def test_families_and_strangers(lodge, tmp_path):
    """What no list knows has a family; never an error."""
    cases = [
        (Disc('Debian 13.0.0 s390x n'), {'os': 'debian13', 'supported': False}),
        (Disc('GARUDA', files={'boot/grub/grub.cfg': 'x'}), {'os': '', 'family': 'linux', 'confidence': 'family', 'os-name': 'GARUDA'}),
        (Disc('X', files={'sources/boot.wim': 'x', 'bootmgr': 'x'}), {'family': 'windows', 'confidence': 'family'}),
        (Disc('X', system='NetBSD'), {'family': 'bsd', 'confidence': 'family'}),
        (Disc('HOLIDAY'), {'family': 'other', 'confidence': 'none'}),
        # Only libosinfo's database has these.
        (Disc('RHEL-7.9 Server.x86_64'), {'os': 'rhel7.9', 'family': 'linux', 'confidence': 'exact'}),
        # Newer than all lists.
        (Disc('Debian 17.0.0 amd64 n'), {'os': 'debian17', 'os-name': 'Debian 17', 'symbol': 'debian'}),
    ]
    for disc, expected in cases:
        facts = identify(lodge, disc.write(tmp_path / 'x.iso'))
        assert {key: facts[key] for key in expected} == expected, facts


def test_refusals(lodge, tmp_path):
    path = tmp_path / 'x.iso'
    path.write_text('Some words about discs.\n' * 50)
    assert refused(lodge, path) == ('TextFile', '“x.iso” is a text file, not a disc image')
    path.write_bytes(b'\x1f\x8b\x08' + bytes(5000))
    assert refused(lodge, path)[0] == 'Compressed'
    path.write_bytes(b'')
    assert refused(lodge, path)[0] == 'Damaged'
    path.write_bytes(bytes(range(256)) * 400)
    assert refused(lodge, path)[0] == 'WrongFormat'
    with open(path, 'wb') as f:
        f.truncate(1 << 40)
    assert refused(lodge, path)[0] == 'WrongFormat'

    disc = Disc('Debian 12.5.0 amd64 n')
    disc.next += 5000
    code, message = refused(lodge, disc.write(path, cut=100 * SECTOR))
    assert code == 'Damaged' and 'is cut off: it has 204800 of' in message

    def hostile(change, words):
        disc = Disc('Debian 12.5.0 amd64 n', files={'.disk/info': 'x', 'sources/boot.wim': 'x'})
        change(disc)
        code, message = refused(lodge, disc.write(path))
        assert code == 'Damaged' and words in message, message

    far = struct.pack('<I', 0xfffffff0)
    hostile(lambda d: d.boot_record.__setitem__(slice(71, 75), far), 'boot catalogue lies outside')
    hostile(lambda d: d.sectors.__setitem__(d.catalogue, d.sectors[d.catalogue][:40] + far + d.sectors[d.catalogue][44:]),
            'boot image lies outside')
    hostile(lambda d: d.primary.__setitem__(slice(158, 162), far), 'root folder lies outside')
    hostile(lambda d: d.primary.__setitem__(slice(140, 144), far), 'path table lies outside')
    hostile(lambda d: d.primary.__setitem__(slice(166, 170), b'\xff' * 4), 'root folder lies outside')
    hostile(lambda d: d.sectors.__setitem__(d.root[0], Disc.record(d.root[0], SECTOR, True, b'SOURCES')), 'lies in itself')
    hostile(lambda d: d.sectors.__setitem__(d.root[0], b'\x21' * SECTOR), 'broken entry')

    os.mkfifo(tmp_path / 'pipe')
    fd = os.open(tmp_path / 'pipe', os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(GLib.Error) as caught:
        lodge.core('Identify', '(sha{sv})', ('pipe', 0, {}), [fd])
    os.close(fd)
    assert error_code(caught.value) == 'WrongFormat'


def test_many_at_once(lodge, tmp_path):
    """A window asks for all images of a folder: each gets its answer; one that changes is looked at again."""
    paths = [Disc(f'Debian {number}.0.0 amd64 n').write(tmp_path / f'{number}.iso') for number in range(1, 33)]
    answers, loop = {}, GLib.MainLoop()

    def answered(bus, result, number):
        answers[number] = bus.call_with_unix_fd_list_finish(result)[0].unpack()[0]['os']
        if len(answers) == len(paths):
            loop.quit()
    for number, path in enumerate(paths, 1):
        fds = Gio.UnixFDList.new()
        with open(path, 'rb') as f:
            fds.append(f.fileno())
        lodge.bus.call_with_unix_fd_list(BUS_NAME, CORE_PATH, BUS_NAME, 'Identify', GLib.Variant('(sha{sv})', (path.name, 0, {})),
                                         None, Gio.DBusCallFlags.NONE, -1, fds, None, answered, number)
    GLib.timeout_add_seconds(int(60 * PATIENCE), loop.quit)
    loop.run()
    assert answers == {number: f'debian{number}' for number in range(1, 33)}
    assert identify(lodge, paths[0])['os'] == 'debian1'
    Disc('Debian 99.0.0 amd64 n').write(paths[0])
    os.utime(paths[0], (1, 1))
    assert identify(lodge, paths[0])['os'] == 'debian99'


def test_lodgectl(lodge, tmp_path):
    path = Disc('Debian 13.0.0 amd64 n', system='', uefi=True).write(tmp_path / 'debian.iso')
    facts = json.loads(lodge.ctl('identify', path, '--json').stdout)
    assert facts['os'] == 'debian13' and facts['settings']['firmware'] == 'uefi'
    said = lodge.ctl('identify', path).stdout
    assert said.startswith('Debian 13 (trixie), netinst, x86_64\n') and 'Label: Debian 13.0.0 amd64 n' in said
    (tmp_path / 'notes.txt').write_text('words\n' * 100)
    failed = lodge.ctl('identify', tmp_path / 'notes.txt', check=False)
    assert failed.returncode == 6 and 'is a text file, not a disc image' in failed.stderr


def test_create_asks_the_disc(lodge, tmp_path):
    """A machine for an ISO gets its system's settings by itself; what is given goes over them."""
    xp = Disc('GRTMPFPP_EN', **MICROSOFT).write(tmp_path / 'xp.iso')
    settings = lodge.create('XP', [('iso', xp)]).get('Settings')
    assert (settings['os'], settings['nic-model'], settings['firmware'], settings['clock']) == \
        ('winxp', 'rtl8139', 'bios', 'localtime')
    assert settings['memory'] <= 1 << 30

    debian = Disc('Debian 13.0.0 amd64 n', system='').write(tmp_path / 'debian.iso')
    settings = lodge.create('Debian', [('iso', debian)], memory=768 << 20).get('Settings')
    assert (settings['os'], settings['memory'], settings['firmware']) == ('debian13', 768 << 20, 'bios')
    settings = lodge.create('Other', [('iso', debian)], family='other').get('Settings')
    assert settings['os'] == '' and settings['video'] == 'vga'

    cut = Disc('Debian 13.0.0 amd64 n')
    cut.next += 5000
    with pytest.raises(GLib.Error) as caught:
        lodge.create('Cut', [('iso', cut.write(tmp_path / 'cut.iso', cut=100 * SECTOR))])
    assert error_code(caught.value) == 'Damaged'


def test_each_shape_of_hardware_starts(lodge):
    """A system of each kind of hardware that data/os has: QEMU takes it, firmware and all, up to its first instruction."""
    for os_id in ('ubuntu26.04', 'win11', 'win7', 'winxp', 'win98', 'freedos1.3', 'freebsd15.0', 'haikur1beta4', 'memtest86'):
        machine = lodge.create(os_id, os=os_id, disk_size=1 << 30, memory=256 << 20 if os_id != 'freedos1.3' else 64 << 20)
        machine.call('Start', '(a{sv})', ({'paused': GLib.Variant('b', True)},), timeout=120)
        assert machine.state == 'paused'
        machine.force_off()


def test_warnings(lodge):
    """What the host cannot well give is said on stderr, and done."""
    host = lodge.core_properties()['Host']
    tight = (host['memory'] >> 20) - 1
    made = lodge.ctl('create', 'Big', '--disk-size', '1G', '--memory', f'{tight}M')
    assert 'Warning: ' in made.stderr and 'other programs may slow down' in made.stderr
    assert lodge.machine('Big').get('Settings')['memory'] == tight << 20
    changed = lodge.ctl('set', 'Big', 'memory=512M', f'cores={host["cores"] + 1}')
    assert 'programs may slow down' in changed.stderr and 'GB' not in changed.stderr
    assert lodge.ctl('set', 'Big', 'cores=1').stderr == ''
    small = lodge.ctl('create', 'Small', '--disk-size', '1G', '--os', 'ubuntu26.04', '--memory', '1G')
    assert '1 GB: this system needs at least 3 GB' in small.stderr


def test_amounts(lodge):
    values, _ = lodge.core('Amounts', '(a{sv})', ({'os': GLib.Variant('s', 'win11'), 'memory': GLib.Variant('t', 900 << 30),
                                                   'cores': GLib.Variant('u', 1)},))
    amounts = values[0]
    assert amounts['memory-minimum'] == 4 << 30 and amounts['memory-recommended'] == 8 << 30
    assert amounts['memory-judgement'] == 'impossible' and amounts['cores-judgement'] == 'low'
    assert 0 < amounts['memory-free'] <= amounts['memory-maximum']
    with pytest.raises(GLib.Error) as caught:
        lodge.core('Amounts', '(a{sv})', ({'family': GLib.Variant('s', 'toaster')},))
    assert error_code(caught.value) == 'InvalidArgument'
