# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person can get wrong and what a host can lack: each answer is a sentence, with the right exit code."""
import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess

import pytest

from lodgetest import Lodge, wait_until

QEMU = shutil.which('qemu-system-x86_64')
as_root = pytest.mark.skipif(os.getuid() != 0, reason='mounting a small file system needs root')
as_person = pytest.mark.skipif(os.getuid() == 0, reason='root may read and write everything')


def refused(lodge, code, *arguments):
    """Runs lodgectl, which must refuse with this exit code; returns what it said."""
    done = lodge.ctl(*arguments, check=False)
    assert done.returncode == code, f'{arguments}: {done.returncode} {done.stdout} {done.stderr}'
    assert re.match(r'lodgectl: .*\.\n', done.stderr), done.stderr
    return done.stderr


def nothing_was_made(lodge):
    assert lodge.ctl_json('list') == []
    folder = os.path.join(lodge.data, 'machines')
    assert not os.path.isdir(folder) or os.listdir(folder) == []


@contextlib.contextmanager
def session(**options):
    lodge = Lodge(**options)
    try:
        yield lodge
    except BaseException:
        lodge.close(strict=False)
        raise
    lodge.close()


def programs_without(folder, *names):
    """A PATH of links to all programs but these."""
    folder.mkdir()
    for source in ('/usr/local/bin', '/usr/bin', '/usr/sbin', '/bin', '/sbin'):
        for entry in os.listdir(source) if os.path.isdir(source) else ():
            if not any(re.fullmatch(name, entry) for name in names) and not os.path.lexists(folder / entry):
                os.symlink(os.path.join(source, entry), folder / entry)
    return str(folder)


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text('#!/bin/bash\n' + text)
    path.chmod(0o755)
    return path


def make_disk(path, size='64M'):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', str(path), size], check=True)
    return path


# --- Files --------------------------------------------------------------------------------------

def test_iso_that_is_a_text_file(lodge, tmp_path):
    iso = tmp_path / 'notes.iso'
    iso.write_text('Milk, bread, butter\n' * 5000)
    said = refused(lodge, 6, 'create', 'web', '--iso', iso)
    assert f'“{iso}” is not a disc image. Choose the ISO file' in said
    nothing_was_made(lodge)


def test_a_disc_that_is_refused_changes_no_setting(lodge, tmp_path):
    iso = tmp_path / 'notes.iso'
    iso.write_text('Milk, bread, butter\n' * 5000)
    lodge.ctl('create', 'web', '--demo')
    refused(lodge, 6, 'set', 'web', 'cores=3', f'cd={iso}')
    refused(lodge, 7, 'set', 'web', 'cores=3', 'cd=')
    assert lodge.ctl_json('show', 'web')['settings']['cores'] == 1


def test_disk_that_is_a_text_file(lodge, tmp_path):
    disk = tmp_path / 'disk.qcow2'
    disk.write_text('Milk, bread, butter\n' * 5000)
    assert 'is not a disk image that Lodge can use' in refused(lodge, 6, 'create', 'web', '--disk', disk)
    nothing_was_made(lodge)


@pytest.mark.parametrize('role', ['iso', 'disk', 'kernel'])
def test_missing_file(lodge, tmp_path, role):
    said = refused(lodge, 3, 'create', 'web', f'--{role}', tmp_path / 'none')
    assert f'The file “{tmp_path}/none” does not exist.' in said
    nothing_was_made(lodge)


@pytest.mark.parametrize('role', ['iso', 'disk', 'kernel'])
def test_folder_for_a_file(lodge, tmp_path, role):
    refused(lodge, 6, 'create', 'web', f'--{role}', tmp_path)
    nothing_was_made(lodge)


def test_kernel_of_another_kind(lodge, tmp_path):
    """QEMU would end without a word, or UEFI would look elsewhere."""
    kernel = tmp_path / 'vmlinux'
    kernel.write_bytes(b'\x7fELF\2\1\1' + bytes(9) + b'\2\0\x3e\0' + bytes(4096))
    said = refused(lodge, 7, 'create', 'web', '--kernel', kernel, '--arch', 'aarch64')
    assert 'the kernel is one for x86_64, the machine is aarch64' in said
    assert 'UEFI cannot start an ELF image' in refused(lodge, 7, 'create', 'web', '--kernel', kernel, '--firmware', 'uefi')
    assert 'the demo guest is one for x86_64' in refused(lodge, 7, 'create', 'web', '--demo', '--arch', 'aarch64')
    assert 'UEFI cannot start the demo guest' in refused(lodge, 7, 'create', 'web', '--demo', '--firmware', 'uefi')
    nothing_was_made(lodge)


def test_fifo_for_a_file(lodge, tmp_path):
    """Nothing waits for somebody who writes."""
    os.mkfifo(tmp_path / 'fifo')
    refused(lodge, 6, 'create', 'web', '--iso', tmp_path / 'fifo')
    nothing_was_made(lodge)


def test_unreadable_file(lodge, tmp_path):
    iso = tmp_path / 'secret.iso'
    iso.write_bytes(bytes(1 << 20))
    iso.chmod(0)
    command = ['lodgectl', 'create', 'web', '--iso', str(iso)]
    if os.getuid() == 0:
        # Root reads everything, but not without its capabilities; the file is opened before anything else happens.
        os.chown(iso, 1, 1)
        command = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', *command]
    done = lodge.run(*command)
    assert done.returncode == 6, done.stderr
    assert f'The file “{iso}” may not be read by you. Change its permissions' in done.stderr
    nothing_was_made(lodge)


def test_disk_of_a_machine_that_is_gone(lodge, tmp_path):
    disk = make_disk(tmp_path / 'disk.qcow2')
    lodge.ctl('create', 'web', '--disk', disk)
    disk.unlink()
    said = refused(lodge, 3, 'start', 'web')
    assert 'Something that “web” needs is not there.' in said and str(disk) in said


def test_disk_in_use_by_another_machine(lodge, tmp_path):
    disk = make_disk(tmp_path / 'disk.qcow2')
    lodge.ctl('create', 'first', '--disk', disk)
    lodge.ctl('create', 'second', '--disk', disk)
    lodge.ctl('start', 'first')
    said = refused(lodge, 8, 'start', 'second')
    assert 'in use by another machine or program. Close that one first.' in said and 'Details: ' in said
    # One that is in use by now is no disk for a new machine.
    assert 'in use by another machine or program.' in refused(lodge, 8, 'create', 'third', '--disk', disk)
    assert [m['name'] for m in lodge.ctl_json('list')] == ['first', 'second']
    lodge.ctl('stop', '--force', 'first')
    lodge.ctl('start', 'second')
    lodge.ctl('stop', '--force', 'second')


def test_disk_in_use_by_another_program(lodge, tmp_path):
    disk = make_disk(tmp_path / 'disk.qcow2')
    lodge.ctl('create', 'web', '--disk', disk)
    other = subprocess.Popen([QEMU, '-S', '-display', 'none', '-nodefaults', '-accel', 'tcg', '-qmp', 'stdio',
                              '-drive', f'file={disk},format=qcow2,if=virtio'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert b'QMP' in other.stdout.readline()
        assert 'in use by another machine or program.' in refused(lodge, 8, 'start', 'web')
        assert 'in use by another machine or program.' in refused(lodge, 8, 'create', 'other', '--disk', disk)
    finally:
        other.kill()
        other.wait()
    lodge.ctl('start', 'web')
    lodge.ctl('stop', '--force', 'web')


# --- Values -------------------------------------------------------------------------------------

@pytest.mark.parametrize('arguments, said', [
    (['--cores', '0'], '“cores” can be 1 to 288. Choose a value between them.'),
    (['--cores', '280'], r'“cores” can be 1 to \d+ on this computer. Choose a value between them.'),
    (['--cores', 'many'], '“cores” takes a whole number.'),
    (['--disk-size', '4X'], '“disk-size” takes a size, such as 512M or 20G.'),
    (['--disk-size', '-1G'], '“disk-size” takes a size, such as 512M or 20G.'),
    (['--disk-size', '1K'], '“disk-size” can be 1 MiB to 64 TiB. Choose a value between them.'),
    (['--memory', '1K'], '“memory” can be 16 MiB to 4 TiB. Choose a value between them.'),
    (['--memory', '99999999T'], '“memory” can be 16 MiB to 4 TiB. Choose a value between them.'),
    (['--firmware', 'coreboot'], '“firmware” can be one of these: bios, uefi, none.'),
    (['--arch', 'pdp11'], '“arch” can be one of these: x86_64, aarch64, riscv64.'),
])
def test_value_that_cannot_be(lodge, arguments, said):
    answer = refused(lodge, 6, 'create', 'web', '--demo', *arguments)
    assert re.fullmatch('lodgectl: ' + said, answer.split('\n')[0]), answer
    assert arguments[0][2:] + ': ' in answer.split('Details: ')[1]
    nothing_was_made(lodge)


def test_values_that_do_not_go_together(lodge):
    new = 'create', 'web', '--disk-size', '64M'
    assert '“firmware” can be one of these: uefi, none.' in refused(lodge, 6, *new, '--arch', 'aarch64', '--firmware', 'bios')
    assert '“firmware” can be one of these: bios, uefi.' in refused(lodge, 6, *new, '--firmware', 'none')
    nothing_was_made(lodge)
    lodge.ctl(*new, '--firmware', 'bios')
    assert '“tpm” works only with firmware=uefi.' in refused(lodge, 6, 'set', 'web', 'tpm=on')


def test_more_memory_than_there_is(lodge):
    said = refused(lodge, 6, 'create', 'web', '--demo', '--memory', '900G')
    most = re.search(r'“memory” can be 16 MB to ([\d.]+) GB on this computer', said)
    assert float(most[1]) * (1 << 30) <= os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    assert re.search(r'Details: memory: 900 GB', said)
    nothing_was_made(lodge)

    # One that comes from a computer with more is there all the same; here it does not start.
    lodge.ctl('create', 'web', '--demo')
    path = os.path.join(lodge.ctl_json('show', 'web')['folder'], 'machine.json')
    with open(path, encoding='utf-8') as f:
        description = json.load(f)
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(dict(description, memory=900 << 30), f)
    wait_until(lambda: lodge.ctl_json('show', 'web')['settings']['memory'] == 900 << 30, 20, 'the core to see it')
    assert '“memory” can be 16 MB to ' in refused(lodge, 6, 'start', 'web')


def test_machine_that_would_start_from_nothing(lodge):
    assert 'Say what the machine starts from' in lodge.ctl('create', 'web', '--disk-size', '0', check=False).stderr
    nothing_was_made(lodge)


def test_keys_held_too_long(lodge):
    lodge.ctl('create', 'web', '--demo')
    lodge.ctl('start', 'web')
    said = refused(lodge, 6, 'send-keys', '--hold-time', '20000', 'web', 'a')
    assert '“hold-time” can be 1 to 10000. Choose a value between them.' in said
    lodge.ctl('stop', '--force', 'web')


@pytest.mark.parametrize('name', ['', 'a/b', '/', 'x' * 129, 'line\nbreak', 'bell\a'])
def test_name_that_cannot_be(lodge, name):
    said = refused(lodge, 6, 'create', name, '--demo')
    assert 'A name has 1 to 128 printable characters and no “/”.' in said
    nothing_was_made(lodge)


# --- QEMU ---------------------------------------------------------------------------------------

def test_no_qemu(tmp_path):
    path = programs_without(tmp_path / 'bin', 'qemu-system-.*', 'qemu')
    with session(environment={'PATH': path}) as lodge:
        lodge.ctl('create', 'web', '--demo')
        said = refused(lodge, 7, 'start', 'web')
        assert 'QEMU, which runs “web”, is not installed' in said and 'qemu-system-x86' in said


def test_qemu_too_old(tmp_path):
    """It answers, but nothing of what Lodge needs is in its schema."""
    schema = '{"return": [{"name": "query-status", "meta-type": "command", "arg-type": "0", "ret-type": "0"}]}'
    script(tmp_path / 'qemu/qemu-system-x86_64', f'''
case "$*" in
  *-version*) echo "QEMU emulator version 2.11.0" ; exit 0 ;;
  *help*) echo ; exit 0 ;;
esac
echo '{{"QMP": {{"version": {{"qemu": {{"micro": 0, "minor": 11, "major": 2}}, "package": ""}}, "capabilities": []}}}}'
while read -r line; do
  id=$(sed -n 's/.*"id" *: *\\("[^"]*"\\|[0-9]*\\).*/\\1/p' <<< "$line")
  case "$line" in
    *query-qmp-schema*) answer='{schema}' ;;
    *query-version*) answer='{{"return": {{"qemu": {{"micro": 0, "minor": 11, "major": 2}}, "package": ""}}}}' ;;
    *qmp_capabilities*|*quit*) answer='{{"return": {{}}}}' ;;
    *) answer='{{"return": []}}' ;;
  esac
  if [ -n "$id" ]; then answer="${{answer%\\}}}}, \\"id\\": $id}}"; fi
  echo "$answer"
  case "$line" in *quit*) exit 0 ;; esac
done
''')
    with session(qemu_dir=tmp_path / 'qemu') as lodge:
        lodge.ctl('create', 'web', '--demo')
        said = refused(lodge, 7, 'start', 'web')
        assert 'The installed QEMU lacks what “web” needs. Install QEMU 7.2 or newer.' in said


def test_qemu_crashes_at_start(tmp_path):
    """It can be asked what it can do, and dies of a signal when it is to run a guest."""
    script(tmp_path / 'qemu/qemu-system-x86_64', f'''
case "$*" in
  *"-machine none"*|*help*|*-version*) exec {QEMU} "$@" ;;
esac
echo "qemu: the wrong kind of electrons" >&2
kill -SEGV $$
''')
    with session(qemu_dir=tmp_path / 'qemu') as lodge:
        lodge.ctl('create', 'web', '--demo')
        said = refused(lodge, 11, 'start', 'web')
        assert 'QEMU ended instead of running “web”.' in said
        assert 'the wrong kind of electrons' in said
        assert "Log: lodgectl log 'web'" in said
        assert 'the wrong kind of electrons' in lodge.ctl('log', 'web').stdout
        assert lodge.ctl_json('show', 'web')['state'] == 'off'


# --- Confinement --------------------------------------------------------------------------------

def has_landlock():
    """Whether the kernel answers landlock_create_ruleset() with a version."""
    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0


def weaker(lodge, reason):
    """A guest runs, less well confined, and it is said so wherever one looks."""
    lodge.ctl('create', 'web', '--demo')
    said = lodge.ctl('start', 'web').stderr
    assert 'confined less well' in said and 'lodgectl doctor' in said
    effective = lodge.ctl_json('show', 'web')['effective']
    assert effective['confinement-reason'] == reason and reason in lodge.ctl('show', 'web').stdout
    assert effective['confinement'] == ('landlock' if has_landlock() else 'seccomp')
    assert effective['confinement'] in lodge.ctl('show', 'web').stdout
    finding, = [f for f in lodge.ctl_json('doctor') if f['id'] == 'confinement']
    assert (finding['level'], finding['reason']) == ('warning', reason)
    assert 'confined less well' in finding['message'] and finding['advice']
    lodge.ctl('stop', '--force', 'web')


def test_no_bubblewrap(tmp_path):
    with session(environment={'PATH': programs_without(tmp_path / 'bin', 'bwrap')}) as lodge:
        weaker(lodge, 'no-bubblewrap')


def test_no_user_namespaces(tmp_path):
    """bubblewrap is there, but the kernel refuses: its words for that are the wrapper's."""
    wrapper = script(tmp_path / 'bwrap', 'echo "bwrap: No permissions to create new namespace, likely because the kernel '
                     'does not allow non-privileged user namespaces." >&2\nexit 1\n')
    path = programs_without(tmp_path / 'bin', 'bwrap')
    os.symlink(wrapper, os.path.join(path, 'bwrap'))
    with session(environment={'PATH': path}) as lodge:
        weaker(lodge, 'no-user-namespaces')


# --- Space and folders --------------------------------------------------------------------------

@contextlib.contextmanager
def small_file_system(folder, options):
    folder.mkdir(exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'lodge-test', str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(['umount', '-l', str(folder)], check=True)


def fill(folder):
    """Leaves no byte on the file system of folder."""
    path = folder / 'filler'
    with contextlib.suppress(OSError), open(path, 'wb', buffering=0) as f:
        while True:
            f.write(bytes(65536))
    with contextlib.suppress(OSError), open(path, 'ab', buffering=0) as f:
        while True:
            f.write(b'x')
    return path


@as_root
def test_full_disk_at_create(tmp_path):
    with small_file_system(tmp_path / 'small', 'size=4m,mode=700') as folder, session(state=folder) as lodge:
        lodge.ctl('list')
        filler = fill(folder)
        said = refused(lodge, 9, 'create', 'web', '--demo')
        assert 'There is not enough free disk space for “web”. Free some and try again.' in said
        filler.unlink()
        nothing_was_made(lodge)


def full_disk(lodge, folder):
    """A running guest that writes 8 MiB to its disk on a full file system, and so is paused."""
    lodge.ctl('create', 'web', '--demo', '--disk-size', '100M')
    lodge.ctl('start', 'web')
    machine = lodge.machine('web')
    serial = machine.serial()
    serial.wait_ready()
    serial.run('dd if=/dev/urandom of=/tmp/data bs=1M count=8')
    filler = fill(folder)
    serial.send('d=$(ls /dev/vd[a-z] | head -n1); dd if=/tmp/data of=$d bs=1M; sync; echo 3 > /proc/sys/vm/drop_caches; '
                'head -c 8388608 $d | cmp - /tmp/data && echo all""-there\n')
    machine.wait_state('paused', 60)
    return machine, serial, filler


@as_root
@pytest.mark.slow
def test_full_disk_while_running(tmp_path):
    """The guest is paused, told so with what is needed, and goes on by itself without having lost a byte."""
    with small_file_system(tmp_path / 'small', 'size=192m,mode=700') as folder, session(state=folder) as lodge:
        machine, serial, filler = full_disk(lodge, folder)
        assert machine.get('StateReason') == 'disk-full'
        needed = machine.get('StateDetails')['needed']
        assert 16 << 20 < needed <= 64 << 20
        assert '“web” is paused because the disk of this computer is full. Free ' in lodge.ctl('show', 'web').stdout
        said = refused(lodge, 9, 'resume', 'web')
        assert 'There is not enough free disk space for “web”.' in said
        assert machine.state == 'paused'
        filler.unlink()
        machine.wait_state('running', 30)
        serial.wait('^all-there$', 60)
        assert machine.get('StateReason') == '' and 'needed' not in machine.get('StateDetails')
        serial.close()
        lodge.ctl('stop', '--force', 'web')


@as_root
@pytest.mark.slow
def test_full_disk_while_the_core_dies(tmp_path):
    """The next core finds out why the guest stands still, and lets it go on, too."""
    with small_file_system(tmp_path / 'small', 'size=192m,mode=700') as folder, session(state=folder) as lodge:
        machine, serial, filler = full_disk(lodge, folder)
        serial.close()
        lodge.kill_core()
        wait_until(lambda: machine.get('StateReason') == 'disk-full', 20, 'the new core to see why the guest is paused')
        assert machine.state == 'paused' and machine.get('StateDetails')['needed'] > 16 << 20
        filler.unlink()
        machine.wait_state('running', 30)
        lodge.ctl('stop', '--force', 'web')


@as_root
@pytest.mark.parametrize('options, what', [('ro', 'read-only'), ('size=4k,nr_inodes=1', 'full')])
def test_runtime_folder(lodge, options, what):
    lodge.ctl('create', 'web', '--demo')
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 10, 'the core to leave')
    folder = os.path.join(lodge.runtime, 'lodge')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'lodge-test', folder], check=True)
    try:
        said = refused(lodge, 7, 'start', 'web')
        assert 'the runtime folder (XDG_RUNTIME_DIR), which cannot be used' in said
        assert 'Check that it belongs to you, can be written and is not full.' in said
        assert lodge.ctl_json('show', 'web')['state'] == 'off'
    finally:
        subprocess.run(['umount', '-l', folder], check=True)
    lodge.ctl('start', 'web')
    lodge.ctl('stop', '--force', 'web')


@as_root
def test_runtime_folder_fills_up(lodge):
    """Wherever within a start the space ends: a sentence about space, and nothing is left of the start."""
    lodge.ctl('create', 'web', '--demo')
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 10, 'the core to leave')
    folder = os.path.join(lodge.runtime, 'lodge')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    # Of inodes: the machine's folder, a few sockets, the folder of cookies, the record. Of bytes: the record.
    for options in ['nr_inodes=3', 'nr_inodes=6', 'nr_inodes=8', 'nr_inodes=10', 'size=4k', 'size=8k']:
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'mode=700,{options}', 'lodge-test', folder], check=True)
        try:
            done = lodge.ctl('start', 'web', check=False)
            if done.returncode != 0:
                assert done.returncode in (7, 9), f'{options}: {done.stderr}'
                assert 'not enough free disk space' in done.stderr or 'is not full' in done.stderr, done.stderr
            else:
                lodge.ctl('stop', '--force', 'web')
            assert lodge.ctl_json('show', 'web')['state'] == 'off'
            assert os.listdir(folder) == [], f'{options}: {os.listdir(folder)}'
        finally:
            subprocess.run(['umount', '-l', folder], check=True)
    lodge.ctl('start', 'web')
    lodge.ctl('stop', '--force', 'web')


@pytest.mark.as_user
@as_person
def test_runtime_folder_without_permission(lodge):
    lodge.ctl('create', 'web', '--demo')
    folder = os.path.join(lodge.runtime, 'lodge')
    os.chmod(folder, 0o500)
    try:
        assert 'which cannot be used' in refused(lodge, 7, 'start', 'web')
    finally:
        os.chmod(folder, 0o700)
    lodge.ctl('start', 'web')
    lodge.ctl('stop', '--force', 'web')


def test_folder_deleted_while_running(lodge):
    lodge.ctl('create', 'web', '--demo')
    lodge.ctl('create', 'other', '--demo')
    lodge.ctl('start', 'web')
    core, folder = lodge.core_pid(), lodge.ctl_json('show', 'web')['folder']
    pid = lodge.machine('web').pid
    shutil.rmtree(folder)

    # The guest is not lost from sight, and can be ended.
    wait_until(lambda: lodge.ctl_json('show', 'web')['state-reason'] == 'folder-gone', 10, 'the core to see it')
    assert 'The folder of “web” was moved or deleted while it was in use.' in lodge.ctl('show', 'web').stdout
    # The machine goes with its guest.
    assert lodge.ctl_json('stop', '--force', 'web')['state'] == 'off'
    wait_until(lambda: not os.path.exists(f'/proc/{pid}'), 10, 'the guest to end')
    wait_until(lambda: [m['name'] for m in lodge.ctl_json('list')] == ['other'], 10, 'the machine to go')
    assert lodge.core_pid() == core
    refused(lodge, 3, 'start', 'web')


def test_two_cores_at_once(lodge):
    lodge.ctl('create', 'web', '--demo')
    lodge.ctl('start', 'web')
    core = lodge.core_pid()
    second = lodge.run('lodge-core', timeout=20)
    assert second.returncode == 1
    assert re.search(r'lodge-core.*(already|runs)', second.stderr), second.stderr
    assert lodge.core_pid() == core
    assert lodge.ctl_json('list')[0]['state'] == 'running'

    # Both at the very same moment, with none before: one serves, the guest is adopted once.
    lodge.kill_core()
    both = [lodge.start('lodge-core', stderr=subprocess.DEVNULL) for _ in range(2)]
    wait_until(lambda: lodge.core_pid() is not None, 10, 'one of them to take the name')
    wait_until(lambda: sum(process.poll() is None for process in both) == 1, 10, 'the other to leave')
    assert lodge.ctl_json('list')[0]['state'] == 'running'
    lodge.ctl('stop', '--force', 'web')
