# SPDX-License-Identifier: GPL-3.0-or-later
"""Each golden command line starts on the real QEMU of its version, stopped before the first instruction.

What the host may lack is replaced before: KVM by TCG and its processor by TCG's, PulseAudio by silence, a render node is left
out. The sockets are real ones, inherited under the numbers that the command line names, as the core does it.
"""
import fcntl
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(SOURCE, 'tests/unit/data/command-line')
MOVE = """
import json, os, sys
for number, fd in json.loads(sys.argv[1]):
    os.dup2(fd, number)
os.execv(sys.argv[2], sys.argv[2:])
"""
# Of the Hyper-V list, what QEMU refuses without a kernel that has it, though TCG has all of them by name.
ASKS_THE_KERNEL = {'7.2': {'hv-vpindex'}, '10.0': set()}
QMP, RESCUE, AGENT, VDAGENT, SERIAL, NET, TPM = range(10, 17)


def qemu_for(arch, version):
    """The binary of that version: in the QEMU 10 folder of ./dev test, or the system's."""
    for folder in (os.environ.get('LODGE_QEMU10_DIR'), '/usr/bin'):
        path = folder and os.path.join(folder, f'qemu-system-{arch}')
        if not path or not os.path.exists(path):
            continue
        said = subprocess.run([path, '--version'], capture_output=True, text=True).stdout
        if re.search(rf'version {re.escape(version)}\.', said):
            return path
    return None


def goldens():
    for path in sorted(glob.glob(f'{GOLDEN}/*.args')):
        name, version = re.fullmatch(r'(.*)-qemu(.*)\.args', os.path.basename(path)).groups()
        with open(path, encoding='utf-8') as file:
            argv = file.read().splitlines()
        arch = argv[0].rsplit('-', 1)[1]
        qemu = qemu_for(arch, version)
        yield pytest.param(argv, qemu, version, id=f'{name}-{version}', marks=pytest.mark.skipif(
            qemu is None, reason=f'QEMU {version} for {arch} is not there'))


def make_files(argv, folder):
    """Puts what the command line reads below folder and returns the command line that finds it there."""
    done = []
    formats = {}
    for value in argv:
        if match := re.match(r'driver=(\w+),.*file=([\w-]+)', value):
            formats[match[2]] = match[1]
    for value in argv:
        value = value.replace('/machine/', f'{folder}/machine/').replace('/media/', f'{folder}/media/')
        if match := re.match(r'driver=file,node-name=([\w-]+),filename=((?:[^,]|,,)*)', value):
            path = match[2].replace(',,', ',')
            if path.startswith(folder):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                template = {'x86_64': '/usr/share/OVMF/OVMF_VARS_4M.fd', 'aarch64': '/usr/share/AAVMF/AAVMF_VARS.fd'}
                if match[1] == 'firmware-vars-file':
                    subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2',
                                    template[argv[0].rsplit('-', 1)[1]], path], check=True)
                else:
                    subprocess.run(['qemu-img', 'create', '-q', '-f', formats[match[1]], path, '64M'], check=True)
        elif value in (f'{folder}/machine/kernel', f'{folder}/machine/initrd'):
            os.makedirs(os.path.dirname(value), exist_ok=True)
            make_kernel(value, argv[0].rsplit('-', 1)[1])
        done.append(value)
    return done


def make_kernel(path, arch):
    """Enough of a kernel to be loaded: a multiboot header for a PC, any bytes for the virt boards."""
    with open(path, 'wb') as file:
        if arch == 'x86_64' and path.endswith('kernel'):
            flags = 0x10000
            magic = 0x1badb002
            words = [magic, flags, (-magic - flags) & 0xffffffff, 0x100000, 0x100000, 0x101000, 0x101000, 0x100020]
            file.write(b''.join(word.to_bytes(4, 'little') for word in words))
        file.write(b'\xf4' * 4096)


def hyperv(cpu):
    """The Hyper-V flags of a -cpu value, by name."""
    return dict(word.split('=', 1) for word in cpu.split(',')[1:] if word.startswith('hv-'))


def fit_cpu(cpu, version):
    """Everything that the command line asks of the host's processor is asked of TCG's."""
    model, *words = cpu.split(',')
    return ','.join(['max' if model == 'host' else model]
                    + [word for word in words if word.split('=')[0] not in ASKS_THE_KERNEL[version]])


def fit_to_host(argv, version):
    """Takes out what this host cannot give; returns the rest."""
    done = list(argv)
    for i, value in enumerate(done):
        before = done[i - 1] if i else ''
        if before == '-accel':
            done[i] = 'tcg'
        elif before == '-cpu':
            done[i] = fit_cpu(value, version)
        elif before == '-audiodev' and value.startswith('pa,'):
            done[i] = 'none,id=audio0'
        elif before == '-display' and not os.path.exists('/dev/dri'):
            done[i] = re.sub(r',gl=on,rendernode=[^,]*', ',gl=off', value)
        elif before == '-device' and not os.path.exists('/dev/dri'):
            done[i] = value.replace('virtio-vga-gl,', 'virtio-vga,')
    return done


class Guest:
    """A QEMU with the descriptors of LodgeChildFd."""

    def __init__(self, argv, folder):
        self.helper = None
        self.paths = {}
        sockets = []
        for number in (QMP, RESCUE, AGENT, VDAGENT, SERIAL):
            path = os.path.join(folder, f's{number}')
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(1)
            self.paths[number] = path
            sockets.append((number, listener))
        if any('addr.str=15' in value for value in argv):
            ours, theirs = socket.socketpair()
            self.net = ours
            sockets.append((NET, theirs))
        if any('fd=16' in value for value in argv):
            sockets.append((TPM, self.start_swtpm(folder)))
        # The numbers are taken by others in this process, and by subprocess itself in the child: a program moves them.
        moved = [(number, fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 100)) for number, sock in sockets]
        self.log = open(os.path.join(folder, 'log'), 'w+b')
        self.process = subprocess.Popen([sys.executable, '-c', MOVE, json.dumps(moved)] + argv,
                                        pass_fds=[fd for _, fd in moved], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        for number, sock in sockets:
            sock.close()
        for _, fd in moved:
            os.close(fd)

    def start_swtpm(self, folder):
        state = os.path.join(folder, 'tpm')
        path = os.path.join(folder, 'swtpm')
        os.mkdir(state)
        self.helper = subprocess.Popen(['swtpm', 'socket', '--tpm2', '--tpmstate', f'dir={state}',
                                        '--ctrl', f'type=unixio,path={path}', '--terminate'],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection = socket.socket(socket.AF_UNIX)
        for _ in range(500):
            try:
                connection.connect(path)
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.helper.poll() is None
                subprocess.run(['sleep', '0.02'], check=True)
        raise AssertionError('swtpm does not listen')

    def words(self):
        self.log.seek(0)
        return self.log.read().decode('utf-8', 'replace')

    def ask(self, number, *commands):
        """Replies to commands, each a name or a name and its arguments, on one of the monitors."""
        try:
            return self.converse(number, commands)
        except OSError as error:
            raise AssertionError(f'{error}; QEMU said: {self.words()}') from None

    def converse(self, number, commands):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(300)
            connection.connect(self.paths[number])
            stream = connection.makefile('rwb')
            replies = []
            assert 'QMP' in json.loads(stream.readline() or b'{}'), self.words()
            for command in ('qmp_capabilities',) + commands:
                name, arguments = command if isinstance(command, tuple) else (command, {})
                stream.write(json.dumps({'execute': name, 'arguments': arguments}).encode() + b'\n')
                stream.flush()
                while 'event' in (reply := json.loads(stream.readline() or b'{"error": "it is gone"}')):
                    pass
                assert 'return' in reply, (reply, self.words())
                replies.append(reply['return'])
            return replies[1:]

    def close(self):
        for process in (self.process, self.helper):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.log.close()


def check_hyperv(guest, wanted, version):
    """Each flag is one that this QEMU has, and the guest's processor has those that were not left out."""
    path = guest.ask(QMP, 'query-cpus-fast')[0][0]['qom-path']
    known = guest.ask(QMP, ('device-list-properties', {'typename': 'max-x86_64-cpu'}))[0]
    assert set(wanted) <= {prop['name'] for prop in known}
    names = sorted(set(wanted) - ASKS_THE_KERNEL[version])
    values = guest.ask(QMP, *(('qom-get', {'path': path, 'property': name}) for name in names))
    assert dict(zip(names, values)) == {name: True if wanted[name] == 'on' else int(wanted[name], 0) for name in names}


@pytest.mark.parametrize('argv, qemu, version', goldens())
def test_starts_stopped(argv, qemu, version, tmp_path):
    if any('fd=16' in value for value in argv) and not shutil.which('swtpm'):
        pytest.skip('swtpm is not there')
    wanted = hyperv(argv[argv.index('-cpu') + 1])
    argv = fit_to_host(make_files(argv, str(tmp_path)), version)
    guest = Guest([qemu] + argv[1:], str(tmp_path))
    try:
        status, machine, blocks = guest.ask(QMP, 'query-status', 'query-memory-devices', 'query-block')
        assert status['status'] == 'prelaunch'
        assert not status['running']
        # The second monitor is one of its own, and the byte channels listen.
        assert guest.ask(RESCUE, 'query-status')[0]['status'] == 'prelaunch'
        for number in (SERIAL,):
            with socket.socket(socket.AF_UNIX) as channel:
                channel.connect(guest.paths[number])
        if wanted:
            check_hyperv(guest, wanted, version)
        drives = [value for value in argv if re.match(r'(virtio-blk-pci|ide-|scsi-[hc]d|nvme|usb-storage)', value)]
        assert len(blocks) >= len(drives)
        guest.ask(QMP, 'quit')
        assert guest.process.wait(timeout=300) == 0, guest.words()
        said = [line for line in guest.words().splitlines() if line and not harmless(line)]
        assert said == [], said
    finally:
        guest.close()


def harmless(line):
    """What QEMU says that is about this host or about the test: TCG has not all that "max" has."""
    return re.search(r"TCG doesn't support|doesn't support requested feature", line)
