# SPDX-License-Identifier: GPL-3.0-or-later
"""What the desktop's database of file types says of the images that Lodge opens, and whom it opens them with."""
import os
import re
import shutil
import subprocess

import pytest

BUILD = os.environ['LODGE_BUILD_DIR']
DESKTOP = 'org.lodgevm.Lodge.desktop'
# Of shared-mime-info 2.3; older ones know the files as what those are a kind of.
LATER = {'application/vnd.efi.iso', 'application/vnd.efi.img'}
IMAGES = {'qcow2': 'qcow2', 'vmdk': 'vmdk', 'vdi': 'vdi', 'vhd': 'vpc', 'vhdx': 'vhdx', 'img': 'raw'}


@pytest.fixture
def gio(tmp_path):
    """Runs gio on a desktop that has Lodge as its one application."""
    applications = tmp_path / 'share/applications'
    applications.mkdir(parents=True)
    shutil.copy(os.path.join(BUILD, 'data', DESKTOP), applications)
    subprocess.run(['update-desktop-database', applications], check=True)
    os.symlink('/usr/share/mime', tmp_path / 'share/mime')
    environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'XDG_DATA_HOME': str(tmp_path / 'home'), 'XDG_DATA_DIRS': str(tmp_path / 'share'),
                   'XDG_CONFIG_HOME': str(tmp_path / 'config'),
                   'PATH': os.path.join(BUILD, 'app') + ':' + os.environ['PATH']}  # an application without its program is none

    def run(*words):
        return subprocess.run(['gio', *map(str, words)], env=environment, capture_output=True, text=True, check=True).stdout
    return run


def listed():
    with open(os.path.join(BUILD, 'data', DESKTOP), encoding='utf-8') as f:
        return set(re.search(r'^MimeType=(.*)$', f.read(), re.M)[1].strip(';').split(';'))


def test_types():
    """Each is a name of the database: none that only somebody's memory knows."""
    known = set()
    for name in ('types', 'aliases'):
        with open(os.path.join('/usr/share/mime', name), encoding='utf-8') as f:
            known |= {line.split()[0] for line in f}
    assert listed() - LATER <= known


def test_files(gio, tmp_path):
    """Each kind of image, also one whose name is in capitals, is opened with Lodge."""
    files = {}
    for suffix, form in IMAGES.items():
        files[suffix] = tmp_path / f'image.{suffix}'
        subprocess.run(['qemu-img', 'create', '-q', '-f', form, files[suffix], '4M'], check=True)
    for suffix in ('iso', 'ISO'):
        files[suffix] = tmp_path / f'image.{suffix}'
        files[suffix].write_bytes(bytes(16 * 2048) + b'\x01CD001\x01\0' + bytes(2048))
    for suffix, path in files.items():
        kind = re.search(r'content-type: (.*)', gio('info', '--attributes', 'standard::content-type', path))[1]
        offered = gio('mime', kind)
        assert f'Default application for “{kind}”: {DESKTOP}' in offered, f'{suffix} is {kind}: {offered}'
