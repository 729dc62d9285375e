# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the core and of QEMU while snapshots are taken, restored and deleted, layers are merged (below a guest, too), machines cloned,
running ones forked, and backups made; and a disk that becomes full at each step of that.

Half of the kills come at a step's boundary: with a change of a name in the machine's folders, one after the other; the other half at
random. After each: every snapshot that was there reads bit for bit as it did, memory, firmware variables and TPM included, so does the
present; `qemu-img check` finds nothing in any image, every image belongs to something, and nothing half-made is left; earlier backups
are what they were, bit for bit, and can be read back.
LODGE_SEED repeats a run; LODGE_KILLS sets the number of each kind. On ext4, XFS and Btrfs in images, too, where root may mount them.
"""
import ctypes
import hashlib
import json
import os
import random
import secrets
import shutil
import signal
import struct
import subprocess
import time

import pytest
from gi.repository import Gio, GLib

from lodgetest import Lodge, wait_until
from lodgetest.lodge import BUS_NAME, MACHINE, error_code

pytestmark = pytest.mark.soak

MIB = 1 << 20
DISK = 8 * MIB
MAX_SNAPSHOTS = 6
KINDS = ('create', 'restore', 'delete', 'clone', 'backup')
RUNNING_KINDS = ('create', 'restore', 'delete', 'fork', 'backup')
HALF_MADE = ('.new-', 'view', '.layers', '.gone-', '.work-', '.freezing', '.disk-work', 'restore', 'saved.new', 'saved.used')
LIBC = ctypes.CDLL(None, use_errno=True)
# Names that come, go and change; and files that were written.
IN_CHANGES = 0x8 | 0x40 | 0x80 | 0x100 | 0x200
OPTIONS = {bool: 'b', str: 's', int: 'u'}


@pytest.fixture
def rng():
    seed = int(os.environ.get('LODGE_SEED', secrets.randbelow(1 << 32)))
    print(f'seed: LODGE_SEED={seed}')
    return random.Random(seed)


@pytest.fixture
def kills(short, request):
    """Ten of a machine that is off and ten of one that runs in the short form; a disk that fills takes longer."""
    few = '3' if 'full_disk' in request.node.name else '10'
    return int(os.environ.get('LODGE_KILLS', few if short else '300'))


def variant(values):
    return {key.replace('_', '-'): GLib.Variant(OPTIONS[type(value)], value) for key, value in values.items()}


class Steps:
    """The changes of names below a folder, as they happen."""

    def __init__(self, folder, *more):
        self.fd = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0
        for path in (folder, *(os.path.join(folder, name) for name in ('disks', 'snapshots', 'firmware', 'tpm')), *more):
            if os.path.isdir(path):
                LIBC.inotify_add_watch(self.fd, path.encode(), IN_CHANGES)

    def wait(self, number, is_over):
        """Until so many have come, or it is over. How many came."""
        seen = 0
        while seen < number and not is_over():
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                time.sleep(0.0005)
                continue
            while data:
                seen += 1
                data = data[16 + struct.unpack('iIII', data[:16])[3]:]
        return seen

    def close(self):
        os.close(self.fd)


class Rest:
    """Whether nothing more comes of a call: a deletion is answered before the layers are merged."""

    def __init__(self, world, call, method):
        self.world, self.call, self.merges = world, call, method == 'DeleteSnapshot'
        self.looks, self.next = 0, 0

    def __call__(self):
        if not self.call.is_over():
            return False
        if not self.merges:
            return True
        # The merge begins a little later; so several looks, and not so many that they are in its way.
        if time.monotonic() >= self.next:
            self.looks = self.looks + 1 if self.world.is_idle() and not self.world.half_made() else 0
            self.next = time.monotonic() + 0.1
        return self.looks == 5


class Call:
    """A method that is under way."""

    def __init__(self, machine, method, signature, *values, folder=None):
        """folder: one that goes along as a descriptor, number 0"""
        self.over, self.error, self.value = False, None, None
        self.loop = GLib.MainContext.default()
        fds = Gio.UnixFDList.new()
        if folder:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fds.append(opened)
            os.close(opened)
        machine.lodge.bus.call_with_unix_fd_list(BUS_NAME, machine.path, MACHINE, method, GLib.Variant(signature, values), None, 0, 600000, fds, None,
                                                 self.done)
        machine.lodge.bus.flush_sync(None)

    def done(self, bus, result):
        self.over = True
        try:
            self.value = bus.call_with_unix_fd_list_finish(result)[0].unpack()
        except GLib.Error as error:
            self.error = error

    def is_over(self):
        while self.loop.iteration(False):
            pass
        return self.over

    def wait(self):
        wait_until(self.is_over, 120, 'the answer', 0.002)
        return self


def read_json(*path):
    with open(os.path.join(*path), encoding='utf-8') as f:
        return json.load(f)


def hash_of(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') else hashlib.sha256(f.read()).hexdigest()


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f'{" ".join(words)}: {done.stdout}{done.stderr}'
    return done.stdout


def qcow2_head(data):
    """(size, cluster size, first-level table, name of the backing file or None)"""
    magic, _, at, length, bits, size, _, entries, table = struct.unpack('>IIQIIQIIQ', data[:48])
    assert magic == 0x514649fb
    name = data[at:at + length].decode() if at else None
    return size, 1 << bits, struct.unpack(f'>{entries}Q', data[table:table + entries * 8]), name


def qcow2_content(path):
    """What a small image reads as. Many are looked at after each kill, so no tool is started for that; in the end one is."""
    with open(path, 'rb') as f:
        data = f.read()
    size, cluster, table, name = qcow2_head(data)
    below = qcow2_content(os.path.join(os.path.dirname(path), name))[:size] if name else b''
    content = bytearray(below + bytes(size - len(below)))
    for first, entry in enumerate(table):
        offset = entry & 0x00fffffffffffe00
        for second, word in enumerate(struct.unpack(f'>{cluster // 8}Q', data[offset:offset + cluster]) if offset else ()):
            start, end = (first * cluster // 8 + second) * cluster, min((first * cluster // 8 + second + 1) * cluster, size)
            assert not word >> 62 & 1, 'compressed'
            if word & 1:
                content[start:end] = bytes(end - start)
            elif word & 0x00fffffffffffe00:
                at = word & 0x00fffffffffffe00
                content[start:end] = data[at:at + end - start].ljust(end - start, b'\0')
    return bytes(content)


class World:
    """A machine, and what it must be."""

    def __init__(self, lodge, rng, **settings):
        self.lodge, self.rng = lodge, rng
        self.machine = lodge.create('web', disk_size=DISK, memory=64 * MIB, **settings)
        self.folder = self.machine.get('Folder')
        self.raw = os.path.join('/dev/shm' if os.path.isdir('/dev/shm') else lodge.state, f'lodge-soak-{os.getpid()}')
        self.known = {}      # snapshot to what it reads as
        self.hashes = {}     # of files as they were, so that each is read once and not after each kill
        self.checked = {}    # name of an image to what it was when it was checked
        self.safe = os.path.join(lodge.state, 'backups')
        os.mkdir(self.safe)
        self.backups = {}    # file of a whole backup to its hash
        self.writes = self.kills = 0
        self.starts = True   # a guest that is put back goes on at once, most times
        self.write()
        self.present = self.read(self.disk())

    def disk(self, *place):
        return os.path.join(self.folder, read_json(self.folder, *place, 'machine.json')['disks'][0]['file'])

    def write(self):
        """Something new, while no guest runs."""
        self.writes += 1
        at = self.rng.randrange(DISK // MIB)
        command = f'write -P {self.writes % 255 + 1} {at}M {self.rng.choice((64, 256, 1024))}k'

        def write():
            # What merges in the background has the image now and then.
            done = subprocess.run(['qemu-io', '-f', 'qcow2', '-c', command, self.disk()], capture_output=True, text=True)
            assert done.returncode == 0 or 'Is another process using the image' in done.stderr or not os.path.exists(self.disk()), done
            return done.returncode == 0
        wait_until(write, 60, 'the image to be free')

    def hash_content(self, disk):
        """Of what an image reads as: anew when one of the files that it is made of was written to or replaced."""
        chain, path = [], os.path.realpath(disk)
        while path:
            chain.append(self.mark(path))
            with open(path, 'rb') as f:
                name = qcow2_head(f.read(MIB))[3]
            path = os.path.realpath(os.path.join(os.path.dirname(path), name)) if name else None
        return self.remember(tuple(chain), lambda: hashlib.sha256(qcow2_content(disk)).hexdigest())

    def hash_file(self, path):
        return self.remember(self.mark(path), lambda: hash_of(path))

    def remember(self, mark, find):
        if mark not in self.hashes:
            self.hashes[mark] = find()
        return self.hashes[mark]

    @staticmethod
    def mark(path):
        status = os.stat(path)
        return path, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size

    def read(self, disk, place=None):
        """All that a state consists of, as hashes. place: the folder that has the rest of it; its own when None"""
        parts = [self.hash_content(disk)]
        place = place or self.folder
        tpm = os.path.join(place, 'tpm')
        for path in (os.path.join(place, 'firmware/vars.qcow2'), os.path.join(place, 'vars.qcow2'),
                     *(sorted(os.path.join(tpm, name) for name in os.listdir(tpm)) if os.path.isdir(tpm) else ())):
            if os.path.isfile(path):
                parts.append(self.hash_file(path))
        return parts

    def read_snapshot(self, snapshot):
        place = os.path.join(self.folder, 'snapshots', snapshot)
        disk = os.path.join(self.folder, next(iter(read_json(place, 'snapshot.json')['disks'].values())))
        return self.read(disk, place) + [self.hash_file(path) for path in self.memory_of(snapshot)]

    def memory_of(self, snapshot):
        """The files with it: a stream, or a file that is the memory and one with the devices' state."""
        paths = [os.path.join(self.folder, 'snapshots', snapshot, name) for name in ('memory', 'ram', 'devices')]
        return [path for path in paths if os.path.exists(path)]

    def snapshots(self, transient=False):
        """transient: those that are there only while a running machine is forked"""
        folder = os.path.join(self.folder, 'snapshots')
        names = sorted(name for name in os.listdir(folder) if not name.startswith('.')) if os.path.isdir(folder) else []
        return [name for name in names if read_json(folder, name, 'snapshot.json').get('transient', False) == transient]

    def learn(self):
        """Those that are there now are to stay what they are."""
        self.known = {name: self.known.get(name) or self.read_snapshot(name) for name in self.snapshots()}

    def is_idle(self):
        """Whether nothing works on the disks: such a call is refused before its argument is looked at, then."""
        try:
            self.machine.call('DetachDisk', '(sa{sv})', ('nothing', {}))
        except GLib.Error as error:
            assert error_code(error) in ('NotFound', 'InUse', 'WrongState'), error.message
            return error_code(error) != 'InUse'
        return True

    def half_made(self):
        found = []
        for folder in (self.folder, os.path.join(self.folder, 'disks'), os.path.join(self.folder, 'snapshots')):
            if os.path.isdir(folder):
                found += [name for name in os.listdir(folder) if name.startswith(HALF_MADE) or name.endswith('.new')]
        found += self.snapshots(transient=True)
        machines = os.path.dirname(self.folder)
        return found + [name for name in os.listdir(machines) if not os.path.exists(os.path.join(machines, name, 'machine.json'))]

    def orphans(self):
        """Images that belong to nothing."""
        wanted = [self.disk()]
        for snapshot in self.snapshots():
            wanted += [os.path.join(self.folder, file) for file in read_json(self.folder, 'snapshots', snapshot, 'snapshot.json')['disks'].values()]
        machines = os.path.dirname(self.folder)
        for name in os.listdir(machines):
            wanted += [os.path.join(machines, name, disk['file']) for disk in read_json(machines, name, 'machine.json')['disks'] if disk.get('file')]
        used = set()
        for disk in set(wanted):
            while disk and os.path.realpath(disk) not in used:
                used.add(os.path.realpath(disk))
                with open(disk, 'rb') as f:
                    name = qcow2_head(f.read(MIB))[3]
                disk = os.path.join(os.path.dirname(disk), name) if name else None
        return {os.path.realpath(os.path.join(self.folder, 'disks', name)) for name in os.listdir(os.path.join(self.folder, 'disks'))} - used

    def check(self, path):
        """A merge in the background has the image while it reads it, or takes it away."""
        def good():
            done = subprocess.run(['qemu-img', 'check', '-q', '-f', 'qcow2', path], capture_output=True, text=True)
            assert done.returncode == 0 or 'Is another process using the image' in done.stderr or not os.path.exists(path), done
            return done.returncode == 0 or not os.path.exists(path)
        wait_until(good, 30, f'{path} to be free')

    def judge(self, what, gone=(), presents=(), ran=False):
        """gone: snapshots that may have gone; presents: what else the present may be; ran: a firmware ran, and may have changed what is its own."""
        self.rest(what)
        try:
            self.compare(what, gone, presents, ran)
        except (AssertionError, FileNotFoundError, struct.error) as error:
            # What merges while it is looked at reads as before for QEMU, but not for one who reads the headers one after the other.
            print(f'{what}: {error!r}, looked at again; {self.layers()}', flush=True)
            self.rest(what)
            self.compare(what, gone, presents, ran)
        for name in os.listdir(os.path.join(self.folder, 'disks')):
            path = os.path.join(self.folder, 'disks', name)
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue # a merge goes on in the background
            mark = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self.machine.state not in ('running', 'paused') and self.checked.get(name) != mark:
                self.check(path)
                self.checked[name] = mark
        self.learn()
        self.judge_backups(what)

    def rest(self, what):
        wait_until(lambda: self.is_idle() and not self.half_made() and (self.machine.state in ('running', 'paused') or not self.orphans()),
                   60, f'{what}: nothing half-made ({self.half_made()}), no image too much', 0.05)

    def layers(self):
        """What reads on in what, for the report."""
        found = {}
        for name in sorted(os.listdir(os.path.join(self.folder, 'disks'))):
            try:
                with open(os.path.join(self.folder, 'disks', name), 'rb') as f:
                    data = f.read(MIB)
            except FileNotFoundError:
                data = b''
            found[name] = qcow2_head(data)[3] if data[:4] == b'QFI\xfb' else '?'
        return found, {name: read_json(self.folder, 'snapshots', name, 'snapshot.json')['disks'] for name in self.snapshots()}

    def compare(self, what, gone, presents, ran):
        for snapshot, state in list(self.known.items()):
            if snapshot not in self.snapshots():
                assert snapshot in gone, f'{what}: the snapshot {snapshot} is gone'
                del self.known[snapshot]
            else:
                assert self.read_snapshot(snapshot) == state, f'{what}: the snapshot {snapshot} differs'
        now = self.read(self.disk())
        assert any(now == state or ran and now[0] == state[0] for state in (self.present, *presents)), f'{what}: the present differs from what it was'
        self.present = now

    def list_backups(self):
        folder = os.open(self.safe, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self.lodge.core('ListBackups', '(ha{sv})', (0, {}), [folder])[0][0]
        finally:
            os.close(folder)

    def judge_backups(self, what):
        """Those that were whole are what they were."""
        for path, before in self.backups.items():
            assert self.hash_file(path) == before, f'{what}: {path} differs'
        for backup in self.list_backups():
            assert not backup['fault'], f'{what}: the backup {backup["id"]}: {backup["fault"]}'
            folder = os.path.join(self.safe, backup['id'])
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and path not in self.backups:
                    self.backups[path] = self.hash_file(path)

    def judge_again(self):
        """All is read once more; QEMU's own tool reads the same; every backup can be read back, and the next one leaves nothing half-made."""
        self.hashes = {}
        self.compare('in the end', (), (), False)
        if self.list_backups():
            Call(self.machine, 'Backup', '(ha{sv})', 0, {}, folder=self.safe).wait()
            listed = self.list_backups()
            for backup in listed:
                folder = os.open(self.safe, os.O_RDONLY | os.O_DIRECTORY)
                self.lodge.core('VerifyBackup', '(hsa{sv})', (0, backup['id'], {}), [folder], timeout=120)
                os.close(folder)
            place, = (os.path.join(self.safe, name) for name in os.listdir(self.safe))
            assert len(os.listdir(place)) == len(listed) + 1, 'the backups and the lock'
        for snapshot in self.snapshots():
            disk = os.path.join(self.folder, next(iter(read_json(self.folder, 'snapshots', snapshot, 'snapshot.json')['disks'].values())))
            run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', disk, self.raw)
            assert hash_of(self.raw) == self.known[snapshot][0]
            os.unlink(self.raw)

    def find(self):
        """The machine, of a core that may just have come."""
        self.machine = self.lodge.machine('web')

    # What is done ------------------------------------------------------------------------------

    def choose(self, kind):
        """(method, signature, values, snapshots that may go, what the present may be)"""
        one = self.rng.choice(list(self.known)) if self.known else None
        running = self.machine.state in ('running', 'paused')
        if kind == 'delete' and one or len(self.known) > MAX_SNAPSHOTS:
            return 'DeleteSnapshot', '(sa{sv})', (one, {}), [one], []
        if kind == 'restore' and one:
            keep = self.rng.random() < 0.5
            state = self.known[one]
            # What was its memory is that of a saved machine then.
            state = state[:len(state) - len(self.memory_of(one))]
            start = running and self.starts and self.rng.random() < 0.7
            return 'RestoreSnapshot', '(sa{sv})', (one, variant({'keep_present': keep, 'start': start})), [], [state]
        if kind == 'backup':
            return 'Backup', '(ha{sv})', (0, variant({'verify': self.rng.random() < 0.3})), [], []
        if kind == 'fork' and running:
            return 'Clone', '(sa{sv})', ('copy', variant({'kind': 'instant', 'start': False, 'count': self.rng.choice((1, 3))})), [], []
        if kind == 'clone' and not running:
            return 'Clone', '(sa{sv})', ('copy', variant({'kind': self.rng.choice(('linked', 'full'))})), [], []
        return 'TakeSnapshot', '(a{sv})', (variant({'memory': self.rng.random() < 0.5}),), [], []

    def drop_clones(self):
        for path, properties in self.lodge.machines().items():
            if properties['Name'].startswith('copy'):
                disks = os.path.join(properties['Folder'], 'disks')
                for name in os.listdir(disks):
                    run('qemu-img', 'check', '-q', '-f', 'qcow2', os.path.join(disks, name))
                self.lodge.call(path, MACHINE, 'Delete', GLib.Variant('(a{sv})', ({},)))
                self.lodge.core('EmptyTrash', '(asa{sv})', ([], {}))
        # What they were built on is merged again.
        wait_until(lambda: self.is_idle() and not self.half_made(), 60, 'the clones to be gone')


def innermost(pid):
    while True:
        try:
            with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
                children = f.read().split()
        except FileNotFoundError:
            return None
        if not children:
            return pid
        pid = int(children[0])


def qemu_of(world):
    """The QEMU that the machine has now, or None."""
    pid = world.machine.pid
    return innermost(pid) if pid else None


def kill_during(world, kind, victim, step):
    """One kill, at that step or (None) at random; and what must be true afterwards."""
    method, signature, values, gone, presents = world.choose(kind)
    pid = qemu_of(world) if victim == 'qemu' else world.lodge.core_pid()
    sets = [os.path.join(world.safe, name) for name in os.listdir(world.safe)]
    steps = Steps(world.folder, world.safe, *sets, os.path.dirname(world.folder))
    call = Call(world.machine, method, signature, *values, folder=world.safe if kind == 'backup' else None)
    what = f'{victim} killed in {method} {values[0] if signature[1] == "s" else ""} at '
    if step is None:
        seconds = world.rng.uniform(0, 0.12)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (call.is_over() and method != 'DeleteSnapshot'):
            time.sleep(0.0005)
        what += f'{seconds * 1000:.1f} ms'
    else:
        what += f'step {steps.wait(step, Rest(world, call, method))} of {step}'
    if victim == 'qemu' and not os.path.exists(f'/proc/{pid}'):
        pid = qemu_of(world)
    try:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if victim == 'core':
        wait_until(lambda: world.lodge.core_pid() != pid, 20, 'the bus to see it', 0.005)
    call.wait()
    steps.close()
    world.find()
    if victim == 'qemu':
        # One that was about to end anyway may have a successor already.
        wait_until(lambda: world.machine.state in ('off', 'saved') or method == 'RestoreSnapshot' and qemu_of(world) not in (None, pid),
                   30, 'the end of QEMU', 0.02)
    world.judge(what, gone, presents)
    if kind in ('clone', 'fork'):
        world.drop_clones()
    world.kills += 1
    if world.kills % 50 == 0:
        print(f'{world.kills} kills', flush=True)


def steps_of(number, chance):
    """Half of them one after the other, half of them at random."""
    return [1 + n % 14 if n % 2 == 0 else None for n in range(number * 2)][:number] if chance else list(range(1, number + 1))


def each(*kinds):
    """One after the other, each for itself; the short run has them mixed."""
    return ['mixed', *(pytest.param(kind, marks=pytest.mark.long) for kind in kinds)]


@pytest.mark.parametrize('kind', each(*KINDS))
def test_core_killed_off(lodge, rng, kills, kind):
    """A machine that is off, with UEFI variables and a TPM."""
    world = World(lodge, rng, firmware='uefi', tpm=True)
    for number, step in enumerate(steps_of(kills, True)):
        if len(world.known) < 3:
            world.machine.call('TakeSnapshot', timeout=60)
            world.learn()
        if number % 3 == 0:
            world.write()
            world.present = world.read(world.disk())
        kill_during(world, kind if kind != 'mixed' else KINDS[number % len(KINDS)], 'core', step)
    world.judge_again()


@pytest.mark.parametrize('kind', each(*(f'{kind} {victim}' for kind in RUNNING_KINDS for victim in ('core', 'qemu'))))
def test_killed_running(lodge, rng, kills, kind):
    """A machine that runs, whose memory is part of it."""
    world = World(lodge, rng, firmware='bios')
    for number, step in enumerate(steps_of(kills, True)):
        if world.machine.state in ('off', 'saved'):
            world.machine.call('Start', timeout=60)
        if len(world.known) < 2:
            world.machine.call('TakeSnapshot', timeout=60)
            world.learn()
        what, victim = kind.split() if kind != 'mixed' else (RUNNING_KINDS[number % 5], ('core', 'qemu')[(number + number // 5) % 2])
        kill_during(world, what, victim, step)
        assert victim == 'qemu' or what == 'restore' or world.machine.state == 'running', world.machine.state
    if world.machine.state in ('running', 'paused'):
        world.machine.force_off()
        world.judge('the end')
    world.judge_again()


@pytest.mark.skipif(os.getuid() != 0, reason='needs root to mount a small file system')
@pytest.mark.parametrize('firmware', ['bios', pytest.param('uefi', marks=pytest.mark.long)])
def test_full_disk(rng, kills, tmp_path, firmware):
    """Whatever space is left, each method succeeds or fails with NoSpace, and all is as before; also with UEFI variables and a TPM."""
    place = tmp_path / 'small'
    place.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=384m', 'none', place], capture_output=True).returncode != 0:
        pytest.skip('needs root to mount a small file system')
    lodge = None
    try:
        lodge = Lodge(state=str(place))
        world = World(lodge, rng, firmware=firmware, tpm=firmware == 'uefi')
        ballast = place / 'ballast'
        world.starts = False
        for number in range(kills):
            kind = rng.choice((*KINDS, 'fork'))
            if (kind == 'fork' or kind != 'clone' and rng.random() < 0.4) and world.machine.state in ('off', 'saved'):
                world.machine.call('Start', timeout=60)
            if len(world.known) < 2:
                world.machine.call('TakeSnapshot', timeout=60)
                world.learn()
            method, signature, values, gone, presents = world.choose(kind)
            left = rng.choice((0, 1, 2, 4, 8, 16, 32, 64, 256, 1024, 4096, 16384, 17408, 20480, 32768)) * 1024
            fill(place, ballast, left)
            call = Call(world.machine, method, signature, *values, folder=world.safe if kind == 'backup' else None).wait()
            if call.error is not None:
                assert error_code(call.error) in ('NoSpace', 'Cancelled', 'Io'), f'{method} with {left} bytes left: {call.error.message}'
            what = f'{method} with {left} bytes left'
            print(what, call.error and call.error.message, flush=True)
            wait_until(world.is_idle, 60, f'{what}: rest')
            ballast.unlink()
            ran = world.machine.state in ('running', 'paused')
            if ran:
                world.machine.force_off()
            # What could not be done for want of space is taken up by the next core.
            lodge.kill_core()
            world.find()
            world.judge(what, gone, presents, ran)
            if kind in ('clone', 'fork'):
                world.drop_clones()
    finally:
        if lodge is not None:
            lodge.close(strict=False)
        subprocess.run(['umount', '-l', place], check=False)


@pytest.mark.skipif(os.getuid() != 0, reason='needs root to mount a small file system')
def test_little_space(tmp_path):
    """Nothing is taken by itself where less than 2 GiB are free, which is said; and it is again when there is space."""
    place = tmp_path / 'small'
    place.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3g', 'none', place], capture_output=True).returncode != 0:
        pytest.skip('needs root to mount a small file system')
    lodge = None
    try:
        lodge = Lodge(state=str(place))
        machine = lodge.create('web', disk_size=DISK, memory=64 * MIB)
        lodge.ctl('set', 'web', 'snapshot-before-start=on')
        for number, (size, error) in enumerate((('3g', None), ('2040m', 'no-space'), ('3g', None))):
            run('mount', '-o', f'remount,size={size}', place)
            disk = os.path.join(machine.get('Folder'), read_json(machine.get('Folder'), 'machine.json')['disks'][0]['file'])
            run('qemu-io', '-f', 'qcow2', '-c', f'write -P {number + 1} 0 64k', disk)
            before = len(machine.call('ListSnapshots')[0][0])
            machine.call('Start', '(a{sv})', ({'paused': GLib.Variant('b', True)},), timeout=120)
            assert machine.get('Automatic').get('before-start-error') == error
            assert len(machine.call('ListSnapshots')[0][0]) == before + (error is None)
            machine.force_off()
    finally:
        if lodge is not None:
            lodge.close(strict=False)
        subprocess.run(['umount', '-l', place], check=False)


@pytest.mark.long
@pytest.mark.parametrize('kind', ['ext4', 'xfs', 'btrfs'])
def test_file_system(rng, kills, tmp_path, kind):
    """On each file system, in an image of its own: what is killed leaves nothing behind, and where files can share their blocks (reflink) a
    full clone costs none."""
    image, place = tmp_path / 'image', tmp_path / 'place'
    place.mkdir()
    image.touch()
    os.truncate(image, 1 << 30)
    make = {'ext4': ('mkfs.ext4', '-q'), 'xfs': ('mkfs.xfs', '-q', '-m', 'reflink=1'), 'btrfs': ('mkfs.btrfs', '-q')}[kind]
    if os.getuid() != 0 or not shutil.which(make[0]) or subprocess.run([*make, image], capture_output=True).returncode != 0 \
            or subprocess.run(['mount', '-o', 'loop', image, place], capture_output=True).returncode != 0:
        pytest.skip('needs root to mount an image, and xfsprogs and btrfs-progs')
    lodge = None
    try:
        lodge = Lodge(state=str(place))
        world = World(lodge, rng, firmware='bios')
        for _ in range(kills):
            what = rng.choice((*KINDS, 'fork'))
            if (what == 'fork' or what != 'clone' and rng.random() < 0.4) and world.machine.state in ('off', 'saved'):
                world.machine.call('Start', timeout=60)
            elif what == 'clone' and world.machine.state in ('running', 'paused'):
                world.machine.force_off()
            if len(world.known) < 2:
                world.machine.call('TakeSnapshot', timeout=60)
                world.learn()
            victim = 'qemu' if world.machine.state in ('running', 'paused') and rng.random() < 0.5 else 'core'
            kill_during(world, what, victim, rng.choice((None, rng.randrange(1, 15))))
        if world.machine.state in ('running', 'paused'):
            world.machine.force_off()
        if world.machine.state == 'saved':
            world.machine.call('DiscardSaved')
        world.judge('the end')
        world.judge_again()

        plain = lodge.create('plain', disk_size=64 * MIB, memory=64 * MIB)
        disk = os.path.join(plain.get('Folder'), 'disks/disk0.qcow2')
        run('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 64M', disk)
        run('sync', '-f', place)
        before = os.statvfs(place).f_bfree
        plain.call('Clone', '(sa{sv})', ('twin', variant({'kind': 'full'})), timeout=120)
        run('sync', '-f', place)
        used = (before - os.statvfs(place).f_bfree) * os.statvfs(place).f_frsize
        assert (used < 16 * MIB) == (kind != 'ext4'), f'a full clone of 64 MiB took {used} bytes'
        twin = os.path.join(lodge.machine('twin').get('Folder'), 'disks/disk0.qcow2')
        assert qcow2_content(twin) == qcow2_content(disk)
        run('qemu-io', '-f', 'qcow2', '-c', 'write -P 8 0 64k', twin)
        assert qcow2_content(disk) == b'\7' * (64 * MIB), 'what the clone writes is its own'
    finally:
        if lodge is not None:
            lodge.close(strict=False)
        subprocess.run(['umount', '-l', place], check=False)


def fill(place, ballast, left):
    """Leaves so many bytes free."""
    with open(ballast, 'wb') as f:
        free = os.statvfs(place)
        size = max(0, free.f_bavail * free.f_frsize - left)
        os.posix_fallocate(f.fileno(), 0, size) if size else None
