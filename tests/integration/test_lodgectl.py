# SPDX-License-Identifier: GPL-3.0-or-later
"""Each verb of lodgectl against the real core and QEMU."""
import glob
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tarfile
import time
import zlib

import pytest
from gi.repository import GLib

from lodgetest import Lodge, wait_until
from lodgetest.lodge import error_code


def fails(lodge, code, *arguments):
    """Runs lodgectl, which must fail with this exit code; returns what it said on stderr."""
    done = lodge.ctl(*arguments, check=False)
    assert done.returncode == code, f'{arguments}: {done.returncode} {done.stdout} {done.stderr}'
    assert done.stderr.startswith('lodgectl: '), done.stderr
    return done.stderr


def demo(lodge, name='Demo', *arguments):
    return lodge.ctl('create', name, '--demo', *arguments).stdout.strip()


def read_png(path):
    """(width, height, unfiltered rows of RGB) of a picture as lodgectl writes it: 8 bits, no interlace, filters 0 and 1."""
    data = open(path, 'rb').read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n'
    at, compressed = 8, b''
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], 'big'), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + length:at + 12 + length], 'big')
        if kind == b'IHDR':
            width, height = int.from_bytes(body[:4], 'big'), int.from_bytes(body[4:8], 'big')
        elif kind == b'IDAT':
            compressed += body
        at += 12 + length
    raw = zlib.decompress(compressed)
    assert len(raw) == height * (1 + width * 3)
    return width, height, raw


@pytest.mark.as_user
def test_create_list_show(lodge):
    assert lodge.ctl_json('list') == []
    first = demo(lodge, 'Web server', '--cores', '1', '--memory', '256M')
    assert re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', first)
    second = lodge.ctl_json('create', '机器', '--demo')
    assert second['name'] == '机器'

    machines = lodge.ctl_json('list')
    assert {(m['id'], m['name'], m['state']) for m in machines} == {
        (first, 'Web server', 'off'), (second['id'], '机器', 'off')}
    table = lodge.ctl('list').stdout.split('\n')
    assert re.match(r'NAME +STATE +CORES +MEMORY +ID$', table[0])
    assert any(re.match(rf'Web server +Off +1 +256\.0.MiB +{first[:8]}$', line) for line in table)
    assert lodge.ctl('list', '--names').stdout.split('\n') == ['Web server', '机器', '']

    for text in ('Web server', first, first[:8]):
        shown = lodge.ctl_json('show', text)
        assert (shown['id'], shown['settings']['cores'], shown['settings']['memory']) == (first, 1, 256 << 20)
        assert os.path.isdir(shown['folder'])
        assert shown['amounts']['cores-host'] == lodge.core_properties()['Host']['cores']
    said = lodge.ctl('show', 'Web server').stdout
    assert re.search(r'^  memory +256\.0.MiB$', said, re.M)
    assert re.search(r'^Possible here\n  cores +.*his computer has \d+\n  memory +.*ree now [\d.]+ .B, this computer has [\d.]+ GB$',
                     said, re.M)


def test_names_that_match_none_or_several(lodge):
    first, second = demo(lodge, 'Twin'), demo(lodge, 'Twin')
    said = fails(lodge, 4, 'show', 'Twin')
    assert 'Several machines match “Twin”.' in said and first in said and second in said
    assert 'There is no machine “Nobody”.' in fails(lodge, 3, 'start', 'Nobody')
    error = json.loads(lodge.ctl('--json', 'start', 'Nobody', check=False).stdout)['error']
    assert error['code'] == 'not-found' and error['message'].startswith('There is no machine')


def test_names_cannot_speak_to_the_terminal(lodge):
    for name in ('red\033[31m', 'right\u202eleft'):
        said = fails(lodge, 6, 'create', name, '--demo')
        assert name not in said and 'cannot be used as a name' in said
        assert name not in fails(lodge, 3, 'show', name)


def test_set(lodge):
    demo(lodge)
    assert lodge.ctl_json('set', 'Demo', 'cores=2', 'memory=300M', 'name=Other')['pending-settings'] == []
    settings = lodge.ctl_json('show', 'Other')['settings']
    assert (settings['cores'], settings['memory'], settings['name']) == (2, 300 << 20, 'Other')

    # All or nothing: the good key of a refused call is not taken either.
    assert 'Details: ' in fails(lodge, 6, 'set', 'Other', 'cores=3', 'memory=lots')
    assert 'There is no setting “colour”.' in fails(lodge, 6, 'set', 'Other', 'cores=3', 'colour=blue')
    assert 'There is no setting “memroy”. Did you mean “memory”?' in fails(lodge, 6, 'set', 'Other', 'memroy=1G')
    assert '“nics[0].mac” takes six pairs of hexadecimal digits' in fails(lodge, 6, 'set', 'Other', 'mac=x')
    # It is the new name that cannot be.
    assert 'lodgectl: This name cannot be used.' in fails(lodge, 6, 'set', 'Other', 'name=')
    assert '“bus” can be one of these: virtio, ' in fails(lodge, 6, 'disk', 'Other', 'add', '--size', '1G', '--bus', 'floppy')
    assert lodge.ctl_json('show', 'Other')['settings']['cores'] == 2


@pytest.mark.as_user
def test_life(lodge):
    machine = demo(lodge)
    assert '“Demo” is off' in fails(lodge, 5, 'pause', 'Demo')
    assert lodge.ctl('start', 'Demo').stdout == ''
    assert lodge.ctl_json('list')[0]['state'] == 'running'
    assert 'Running with' in lodge.ctl('show', 'Demo').stdout
    assert '“Demo” is already running' in fails(lodge, 5, 'start', 'Demo')
    assert '“Demo” is running' in fails(lodge, 5, 'delete', 'Demo')

    assert lodge.ctl_json('pause', 'Demo') == {'id': machine, 'name': 'Demo', 'state': 'paused'}
    assert '“Demo” is paused' in fails(lodge, 5, 'stop', 'Demo')
    assert lodge.ctl_json('resume', 'Demo')['state'] == 'running'
    assert lodge.ctl_json('reset', 'Demo')['state'] == 'running'
    assert lodge.ctl('set', 'Demo', 'memory=300M').stdout == 'From the next start: memory\n'
    assert re.search(r'^  memory +300\.0.MiB \(from the next start\)$', lodge.ctl('show', 'Demo').stdout, re.M)
    assert lodge.ctl_json('stop', '--force', 'Demo')['state'] == 'off'
    assert '“Demo” is already off' in fails(lodge, 5, 'stop', 'Demo')
    assert lodge.ctl('log', 'Demo').returncode == 0
    assert lodge.ctl_json('log', 'Demo')['id'] == machine


def test_start_paused(lodge):
    demo(lodge)
    assert lodge.ctl_json('start', '--paused', 'Demo')['state'] == 'paused'
    lodge.ctl('stop', '--force', 'Demo')


def test_trash(lodge):
    machine = demo(lodge)
    lodge.ctl('delete', 'Demo')
    assert lodge.ctl_json('list') == []
    entry, = lodge.ctl_json('trash', 'list')
    assert (entry['id'], entry['name']) == (machine, 'Demo')
    assert abs(entry['deleted'] - time.time()) < 60
    assert 'Demo' in lodge.ctl('trash', 'list').stdout
    assert lodge.ctl('undelete', 'Demo').stdout.strip() == machine
    assert lodge.ctl_json('list')[0]['id'] == machine
    assert 'is not in the trash' in fails(lodge, 3, 'undelete', 'Demo')

    assert lodge.ctl_json('delete', 'Demo') == {'id': machine}
    assert lodge.ctl_json('undelete', 'Demo') == {'id': machine}
    lodge.ctl('delete', 'Demo')
    assert lodge.ctl_json('trash', 'empty') == {}
    assert lodge.ctl_json('trash', 'list') == []
    assert os.listdir(os.path.join(lodge.data, 'trash')) == []


def error_of(lodge, *arguments):
    """(exit code, code of --json, message, what is said on stderr) of a lodgectl that fails."""
    done = lodge.ctl(*arguments, '--json', check=False)
    error = json.loads(done.stdout)['error']
    return done.returncode, error['code'], error['message'], done.stderr


def break_description(lodge, name, change):
    """Writes another machine.json; returns its path when the core has seen it."""
    path = os.path.join(lodge.ctl_json('show', name)['folder'], 'machine.json')
    with open(path, encoding='utf-8') as f:
        text = change(f.read())
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    wait_until(lambda: [m['state'] for m in lodge.ctl_json('list') if path.startswith(m['folder'] + '/')] == ['broken'],
               20, 'the core to see that the folder is broken')
    return path


def test_broken_description(lodge):
    machine = demo(lodge)
    assert error_of(lodge, 'repair', 'Demo')[:3] == (5, 'wrong-state', '“Demo” needs no repair: its description can be used.')
    lodge.ctl('set', 'Demo', 'cores=2')
    lodge.ctl('set', 'Demo', 'cores=1')
    path = break_description(lodge, 'Demo', lambda text: text[:len(text) // 2])

    for verb in (['start', machine], ['set', machine, 'cores=2'], ['clone', machine, 'Other']):
        code, name, message, said = error_of(lodge, *verb)
        assert (code, name) == (12, 'broken-profile') and 'Restore the previous one' in message
        assert f"\nRestore: lodgectl repair '{machine}'\n" in said
    assert 'is no copy' in fails(lodge, 5, 'repair', '--separate', machine)
    assert lodge.ctl_json('repair', machine) == {'id': machine, 'name': 'Demo', 'state': 'off'}
    assert os.path.exists(path + '.broken')
    assert lodge.ctl_json('show', 'Demo')['settings']['cores'] == 2
    lodge.ctl('start', 'Demo', '--paused')
    lodge.ctl('stop', '--force', 'Demo')

    # With nothing to go back to, nobody is sent to a command that cannot help.
    break_description(lodge, 'Demo', lambda text: '')
    for generation in range(1, 10):
        if os.path.exists(f'{path}.{generation}'):
            os.unlink(f'{path}.{generation}')
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 10, 'the core to leave')
    for verb in ('start', 'repair'):
        code, name, message, said = error_of(lodge, verb, machine)
        assert (code, name) == (12, 'broken-profile') and 'there is no earlier one' in message
        assert 'lodgectl repair' not in said
    lodge.ctl('delete', machine)


def test_description_of_a_newer_lodge(lodge):
    machine = demo(lodge)
    break_description(lodge, 'Demo', lambda text: json.dumps(dict(json.loads(text), schema=9999)))
    for verb in ('start', 'repair'):
        code, name, message, _ = error_of(lodge, verb, machine)
        assert (code, name) == (12, 'newer-schema') and 'was made by a newer Lodge. Update Lodge to use it.' in message


def test_copied_folder(lodge):
    first = demo(lodge)
    folder = lodge.ctl_json('show', 'Demo')['folder']
    shutil.copytree(folder, folder + ' copy')
    wait_until(lambda: len(lodge.ctl_json('list')) == 2, 20, 'the core to see the copy')
    copy, = (m for m in lodge.ctl_json('list') if m['id'] != first)
    assert copy['state'] == 'broken' and copy['fault']['code'] == 'duplicate-id'

    for verb in ('start', 'repair'):
        code, name, message, said = error_of(lodge, verb, copy['id'])
        assert (code, name) == (5, 'wrong-state') and 'has the id of another machine, as a copied folder has' in message
        assert f'\nMake separate: lodgectl repair --separate {copy["id"]}\n' in said
    separate = lodge.ctl('repair', '--separate', copy['id']).stdout.strip()
    assert separate not in (first, copy['id'])
    machines = {m['id']: (m['state'], m['folder']) for m in lodge.ctl_json('list')}
    assert machines == {first: ('off', folder), separate: ('off', folder + ' copy')}
    for machine in machines:
        lodge.ctl('start', machine, '--paused')
    for machine in machines:
        lodge.ctl('stop', '--force', machine)


def test_a_running_guest(lodge, tmp_path):
    """One guest for all that needs a shell in it: its start is most of what each of these would cost."""
    demo(lodge)
    lodge.ctl('start', 'Demo')
    # Nobody hears the power button before the kernel does.
    said = fails(lodge, 13, 'stop', '--timeout', '0', 'Demo')
    assert 'has not shut down within 0 seconds' in said and '--force' in said
    machine = lodge.machine('Demo')
    assert machine.state != 'off'
    with machine.serial() as serial:
        serial.wait_ready()
    check_serial_in_a_pipe(lodge)
    check_serial_on_a_terminal(lodge)
    with machine.serial() as serial:
        check_screen_and_keys(lodge, machine, serial, tmp_path)
        # The shell may be there before who listens to the button.
        serial.run('until ls -l /proc/$(pidof acpid)/fd 2>/dev/null | grep -q event; do sleep 0.2; done', 60)
    lodge.ctl('stop', '--timeout', '300', 'Demo', timeout=400)
    assert lodge.ctl_json('list')[0]['state'] == 'off'
    assert 'is off' in fails(lodge, 5, 'serial', 'Demo')


def check_serial_in_a_pipe(lodge):
    started = time.monotonic()
    done = subprocess.run(['lodgectl', 'serial', 'Demo', '--timeout', '5'], env=lodge.environment,
                          input=b'echo $((6 * 7))-lodge\n', capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert b'42-lodge' in done.stdout
    assert time.monotonic() - started > 4.5


def check_serial_on_a_terminal(lodge):
    master, slave = pty.openpty()
    before = subprocess.run(['stty', '-g'], stdin=slave, capture_output=True).stdout
    console = subprocess.Popen(['lodgectl', 'serial', 'Demo'], env=lodge.environment, stdin=slave, stdout=slave, stderr=slave)
    said = b''

    def wait(text, seconds=180):
        nonlocal said
        end = time.monotonic() + seconds
        while text not in said:
            assert time.monotonic() < end, said
            if select.select([master], [], [], 0.2)[0]:
                said += os.read(master, 4096)

    wait('Ctrl+] leaves'.encode())
    # Ctrl+C is the guest's: it ends the sleep there and not lodgectl here.
    os.write(master, b'sleep 1000\n')
    wait(b'sleep 1000')
    time.sleep(0.5)
    os.write(master, b'\x03')
    os.write(master, b'echo $((5 * 5))-lodge\n')
    wait(b'25-lodge')
    os.write(master, b'\x1d')
    assert console.wait(120) == 0
    assert subprocess.run(['stty', '-g'], stdin=slave, capture_output=True).stdout == before
    os.close(master)
    os.close(slave)


def test_serial_ends_with_the_guest(lodge):
    demo(lodge)
    lodge.ctl('start', 'Demo')
    console = subprocess.Popen(['lodgectl', 'serial', 'Demo'], env=lodge.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    assert console.poll() is None
    lodge.ctl('stop', '--force', 'Demo')
    assert console.wait(120) == 0


def check_screen_and_keys(lodge, machine, serial, tmp_path):
    picture = tmp_path / 'screen.png'
    said = lodge.ctl_json('screenshot', 'Demo', picture)
    width, height, raw = read_png(picture)
    assert (said['width'], said['height']) == (width, height) and width >= 640
    assert len(set(raw[i:i + 3] for i in range(0, len(raw) - 3, 97))) > 1, 'the screen is blank'
    assert os.listdir(tmp_path) == ['screen.png']
    piped = lodge.run('lodgectl', 'screenshot', 'Demo', '-', text=False, check=True).stdout
    assert piped[:4] == b'\x89PNG'
    said = fails(lodge, 3, 'screenshot', 'Demo', tmp_path / 'none/a.png')
    assert f'The folder in which “{tmp_path}/none/a.png” was to be written does not exist.' in said

    lodge.ctl('type', 'Demo', 'echo typed-$((3*5)) > /dev/ttyS0\n')
    serial.wait('typed-15$')
    assert lodge.ctl_json('type', 'Demo', 'echo keyed > /dev/ttyS0') == {'id': machine.id}
    assert lodge.ctl_json('send-keys', 'Demo', 'shift-x', 'backspace', 'enter') == {'id': machine.id}
    serial.wait('keyed$')
    assert 'U+6F22' in fails(lodge, 7, 'type', 'Demo', '漢')
    fails(lodge, 6, 'send-keys', 'Demo', 'ctrl-flux')


@pytest.mark.as_user
def test_doctor(lodge):
    done = lodge.ctl('doctor', '--json', check=False)
    findings = json.loads(done.stdout)
    assert done.returncode == (7 if any(f['level'] == 'problem' for f in findings) else 0)
    assert {'kvm', 'qemu-x86_64', 'confinement'} <= {f['id'] for f in findings}
    for finding in findings:
        assert finding['message'] != finding['reason'], f'no words for {finding}'
        assert finding['level'] in ('ok', 'note', 'warning', 'problem')
        assert finding['advice'] or finding['level'] in ('ok', 'note'), finding
    text = lodge.ctl('doctor', check=False).stdout
    assert len(re.findall(r'^\[(OK|Note|Warning|Problem)\] ', text, re.M)) == len(findings)


@pytest.mark.as_user
def test_report(lodge, tmp_path):
    demo(lodge)
    path = tmp_path / 'report.tar.gz'
    assert lodge.ctl('report', path).stdout == f'{path}\n'
    assert os.listdir(tmp_path) == ['report.tar.gz']
    with tarfile.open(path) as bundle:
        assert 'lodge-report/host.txt' in bundle.getnames()
        text = b''.join(bundle.extractfile(entry).read() for entry in bundle if entry.isfile())
    assert os.path.expanduser('~').encode() + b'/' not in text
    assert 'The folder in which “' in fails(lodge, 3, 'report', tmp_path / 'none' / 'report.tar.gz')
    assert f'“{tmp_path}” is a folder.' in fails(lodge, 6, 'report', tmp_path)

    # What is no file is written to, and stays what it is.
    fifo, link = tmp_path / 'fifo', tmp_path / 'link'
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    with open(tmp_path / 'read', 'w+b') as read, \
            subprocess.Popen(['timeout', '300', 'cat', str(fifo)], stdout=read) as reader:
        assert lodge.ctl_json('report', link, '--machine', 'Demo') == {'file': str(link)}
        assert reader.wait(300) == 0
        read.seek(0)
        with tarfile.open(fileobj=read, mode='r|gz') as bundle:
            assert 'lodge-report/host.txt' in [entry.name for entry in bundle]
    assert fifo.is_fifo() and link.is_symlink()


def read_bundle(path):
    """{name: text} of what is in it."""
    with tarfile.open(path) as bundle:
        return {entry.name.removeprefix('lodge-report/'): bundle.extractfile(entry).read().decode() for entry in bundle}


@pytest.mark.as_user
def test_report_names_nobody(tmp_path):
    """Neither the machine nor its files, its owner or the computer; and yet it can be told which is which."""
    home = tmp_path / 'hearth'
    disk = home / 'Ledgers, old' / 'Smith & Sons.qcow2'
    disk.parent.mkdir(parents=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', str(disk), '4M'], check=True)
    lodge = Lodge(environment={'HOME': str(home)})
    try:
        first = lodge.ctl('create', 'Payroll "Marple"', '--disk', disk, '--memory', '64M').stdout.strip()
        kernel = os.path.join(lodge.environment['LODGE_SHARE_DIR'], 'demo/lodge-demo.vmlinux')
        second = lodge.ctl('create', 'Poirot', '--kernel', kernel, '--append', 'key=verysecret quiet', '--memory', '64M').stdout.strip()
        macs = []
        for machine in (first, second):
            lodge.ctl('start', machine, '--paused')
            macs.append(lodge.ctl_json('show', machine)['settings']['mac'])
            lodge.ctl('stop', '--force', machine)
        # What QEMU might say, and a description that cannot be read.
        folder = lodge.ctl_json('show', first)['folder']
        with open(os.path.join(folder, 'log/qemu.log'), 'a', encoding='utf-8') as log:
            log.write(f'-name guest=Payroll "Marple" -drive file={str(disk).replace(",", ",,")} of {folder}: gone\n')
        break_description(lodge, second, lambda text: text + '}')
        lodge.core('Quit')
        wait_until(lambda: lodge.core_pid() is None, 10, 'the core to leave')

        lodge.ctl('report', tmp_path / 'all.tar.gz')
        lodge.ctl('report', '--machine', first, tmp_path / 'one.tar.gz')
        contents = read_bundle(tmp_path / 'all.tar.gz')
        for text in (*contents.values(), *read_bundle(tmp_path / 'one.tar.gz').values()):
            for word in ('Payroll', 'Marple', 'Poirot', 'Smith', 'Ledgers', 'hearth', 'verysecret', *macs, first, second):
                assert word.lower() not in text.lower(), f'{word}: {text}'
            for word in {os.uname().nodename, os.uname().nodename.split('.')[0]} - {'localhost'}:
                assert not re.search(rf'(?<!\w){re.escape(word)}(?!\w)', text), text
        name = f'machine-{first[:8]}'
        assert json.loads(contents[f'{name}/machine.json'])['name'] == name
        assert json.loads(contents[f'{name}/machine.json'])['disks'][0]['file'] == 'disk-1'
        assert f'-name guest={name} -drive file=disk-1 of ' in contents[f'{name}/qemu.log']
        assert 'PRETTY_NAME' in contents['host.txt'] or not os.path.exists('/usr/lib/os-release')
    except BaseException:
        lodge.close(strict=False)
        raise
    lodge.close()


def test_report_for_a_pipe_that_nobody_reads(lodge):
    """The core refuses it, rather than have a thread wait for ever."""
    reading, writing = os.pipe()
    try:
        with pytest.raises(GLib.Error) as caught:
            lodge.core('WriteReport', '(ha{sv})', (0, {}), [writing])
        assert error_code(caught.value) == 'InvalidArgument'
    finally:
        os.close(reading)
        os.close(writing)


def test_without_core_or_bus(lodge, tmp_path):
    # The core leaves at once when it has no place for machines, and who asked it sees the place for himself.
    with open(lodge.data, 'w', encoding='utf-8'):
        pass
    said = fails(lodge, 10, 'list')
    assert f'Lodge keeps its machines in “{lodge.data}”, which cannot be used: Not a directory.' in said
    os.unlink(lodge.data)

    environment = dict(lodge.environment, DBUS_SESSION_BUS_ADDRESS=f'unix:path={tmp_path}/none')
    done = subprocess.run(['lodgectl', 'list'], env=environment, capture_output=True, text=True)
    assert done.returncode == 10
    assert 'lodge-core, which looks after the machines, cannot be reached' in done.stderr

    os.unlink(os.path.join(lodge.runtime, 'services/org.lodgevm.Core1.service'))
    with open(os.path.join(lodge.runtime, 'services/org.lodgevm.Core1.service'), 'w') as f:
        f.write('[D-BUS Service]\nName=org.lodgevm.Core1\nExec=/bin/false\n')
    lodge.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'ReloadConfig', name='org.freedesktop.DBus')
    assert 'cannot be reached' in fails(lodge, 10, 'list')


def test_core_dies_meanwhile(lodge):
    """stop waits for the guest; a core that dies then is told, and the next one still has the guest."""
    demo(lodge)
    lodge.ctl('start', 'Demo')
    stop = lodge.start('lodgectl', 'stop', 'Demo', stderr=subprocess.PIPE, text=True)
    wait_until(lambda: lodge.machine('Demo').state == 'stopping', 10, 'the stop to begin')
    lodge.kill_core()
    assert stop.wait(120) == 10
    assert 'cannot be reached' in stop.stderr.read()
    lodge.ctl('stop', '--force', 'Demo')


def test_output_that_cannot_be_written(lodge):
    demo(lodge)
    with open('/dev/full', 'w') as full:
        done = subprocess.run(['lodgectl', 'list'], env=lodge.environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and 'could not be written' in done.stderr


def complete(line, folder):
    """What bash completes at the end of line, with a lodgectl that knows two machines."""
    script = '''
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
eval "COMP_WORDS=($3)"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt () { :; }
_lodgectl
printf '%s\\n' "${COMPREPLY[@]}"
'''
    program = folder / 'lodgectl'
    program.write_text('#!/bin/sh\n[ "$*" = "list --names" ] && printf "web\\nMy machine\\n"\n')
    program.chmod(0o755)
    words = ' '.join(f"'{word}'" for word in line)
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(['bash', '-c', script, 'bash', os.path.join(here, '../../data/completions/lodgectl'), ' '.join(line), words],
                          capture_output=True, text=True, env=dict(os.environ, PATH=f'{folder}:{os.environ["PATH"]}'))
    assert done.stderr == ''
    return [answer for answer in done.stdout.split('\n') if answer]


def test_completion(tmp_path):
    assert complete(['lodgectl', 'st'], tmp_path) == ['start', 'stop']
    assert complete(['lodgectl', 'start', ''], tmp_path) == ['web', 'My\\ machine']
    assert complete(['lodgectl', 'start', 'My'], tmp_path) == ['My\\ machine']
    assert complete(['lodgectl', 'set', 'web', 'mem'], tmp_path) == ['memory=']
    assert complete(['lodgectl', 'create', 'x', '--firmware', ''], tmp_path) == ['bios', 'uefi']
    assert complete(['lodgectl', 'set', 'web', 'tpm', '=', 'o'], tmp_path) == ['on', 'off']
    assert '--force' in complete(['lodgectl', 'stop', '--'], tmp_path)
    # The value of an option is no argument.
    for words in (['stop', '--timeout', '5'], ['stop', '-t', '5'], ['stop', '--timeout', '=', '5'], ['send-keys', '--hold-time', '10'],
                  ['--json', 'clone', '--count', '2', '--full'], ['execute', '--env', 'A', '--folder', '/tmp', '--stdin']):
        assert complete(['lodgectl', *words, ''], tmp_path) == ['web', 'My\\ machine'], words
    assert complete(['lodgectl', 'snapshot', '--note', 'x', 'web', 're'], tmp_path) == ['restore', 'rename']
    assert complete(['lodgectl', 'stop', '--timeout', '5', 'web', ''], tmp_path) == []
    assert complete(['lodgectl', 'stop', '--timeout', ''], tmp_path) == []


def test_completion_knows_the_options():
    here = os.path.dirname(os.path.abspath(__file__))
    options = {}
    for source in glob.glob(os.path.join(here, '../../app/ctl-*.c')):
        with open(source, encoding='utf-8') as f:
            for name, short, kind in re.findall(r'\{ "([a-z0-9-]+)", (0|\'.\'), 0, G_OPTION_ARG_([A-Z_]+),', f.read()):
                options[f'--{name}'] = kind != 'NONE'
                if short != '0':
                    options['-' + short[1]] = kind != 'NONE'
    assert len(options) > 30
    with open(os.path.join(here, '../../data/completions/lodgectl'), encoding='utf-8') as f:
        text = f.read()
    assert set(re.search(r"local valued='([^']*)'", text)[1].split()) == {name for name, valued in options.items() if valued}
    for name in options:
        assert len(name) == 2 or re.search(rf'{name}\b', text), name


def test_completion_knows_the_settings():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, '../../docs/DBUS.md'), encoding='utf-8') as f:
        section = f.read().split('\n## Settings\n')[1].split('\n## ')[0]
    keys = {row[1].strip(' `') for row in (line.split('|') for line in section.split('\n') if line.startswith('| `'))
            if row[4].strip() in ('now', 'next start')}
    with open(os.path.join(here, '../../data/completions/lodgectl'), encoding='utf-8') as f:
        words = re.search(r"compgen -S = -W '([^']*)'", f.read())[1].split()
    assert set(words) == keys
