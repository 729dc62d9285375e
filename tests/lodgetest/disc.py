# SPDX-License-Identifier: GPL-3.0-or-later
"""Small disc images, made byte by byte so that each of them can be made wrong."""
import struct

SECTOR = 2048


def text(value, length):
    return value.encode()[:length].ljust(length)


def both(number, size):
    letters = {2: 'H', 4: 'I'}[size]
    return struct.pack('<' + letters, number) + struct.pack('>' + letters, number)


class Disc:
    """A small ISO 9660 image, of which each part can be made wrong."""

    def __init__(self, volume, system='LINUX', publisher='', application='', files=None, uefi=False, bios=True):
        self.sectors = {}
        self.more_descriptors = []
        self.next = 24
        self.primary = bytearray(SECTOR)
        self.primary[0:7] = b'\x01CD001\x01'
        for offset, length, value in ((8, 32, system), (40, 32, volume), (318, 128, publisher), (446, 128, ''),
                                      (574, 128, application)):
            self.primary[offset:offset + length] = text(value, length)
        self.primary[128:132] = both(SECTOR, 2)
        self.tree = {}
        for path, content in (files or {}).items():
            folder = self.tree
            *folders, name = path.split('/')
            for part in folders:
                folder = folder.setdefault(part, {})
            folder[name] = content.encode() if isinstance(content, str) else content
        self.root = self.write_folder(self.tree, None)
        self.primary[156:190] = self.record(self.root[0], self.root[1], True, b'\0')
        self.boot = self.take(1)
        self.catalogue = self.take(1)
        catalogue = bytearray(SECTOR)
        catalogue[0:32] = b'\x01' + bytes(29) + b'\x55\xaa'
        entry = b'\x88' + bytes(7) + struct.pack('<I', self.boot) + bytes(20)
        catalogue[32:64] = entry if bios else bytes(32)
        if uefi:
            catalogue[64:96] = b'\x91\xef\x01\0' + bytes(28)
            catalogue[96:128] = entry
        self.sectors[self.catalogue] = bytes(catalogue)
        record = bytearray(SECTOR)
        record[0:7] = b'\0CD001\x01'
        record[7:30] = b'EL TORITO SPECIFICATION'
        record[71:75] = struct.pack('<I', self.catalogue)
        self.boot_record = record

    def take(self, count):
        first, self.next = self.next, self.next + count
        return first

    @staticmethod
    def record(block, length, folder, name, real=None):
        fields = b''
        if real is not None:
            fields = b'NM' + bytes([5 + len(real), 1, 0]) + real.encode()
        pad = b'' if len(name) % 2 else b'\0'
        body = (b'\0' + both(block, 4) + both(length, 4) + bytes(7) + (b'\x02' if folder else b'\0') + bytes(2)
                + both(1, 2) + bytes([len(name)]) + name + pad + fields)
        body += bytes(len(body) % 2 == 0)
        return bytes([len(body) + 1]) + body

    def write_folder(self, tree, parent):
        block = self.take(1)
        records = [self.record(block, SECTOR, True, b'\0'), self.record(parent or block, SECTOR, True, b'\1')]
        for name, content in tree.items():
            short = name.upper().replace('.', '_', name.count('.') - 1 if not name.startswith('.') else 1).encode()
            if isinstance(content, dict):
                at, length = self.write_folder(content, block)
                records.append(self.record(at, length, True, short, name))
            else:
                at = self.take(max(1, -(-len(content) // SECTOR)))
                self.sectors[at] = content
                records.append(self.record(at, len(content), False, short + b';1', name))
        self.sectors[block] = b''.join(records)
        return block, SECTOR

    def all_sectors(self):
        self.primary[80:88] = both(self.next, 4)
        descriptors = [self.primary, self.boot_record, b'\xffCD001\x01', *self.more_descriptors]
        return {**{16 + n: bytes(sector) for n, sector in enumerate(descriptors)}, **self.sectors}

    def write(self, path, cut=None):
        with open(path, 'wb') as f:
            for at, content in self.all_sectors().items():
                f.seek(at * SECTOR)
                f.write(content)
            f.truncate(self.next * SECTOR if cut is None else cut)
        return path

    # UDF over the same sectors, as the discs of Windows have it -------------------------------------

    @staticmethod
    def tag(number, body, location=0):
        head = bytearray(struct.pack('<HHBBHHHI', number, 2, 0, 0, 1, 0, 0, location))
        head[4] = sum(head) & 0xff
        return bytes(head) + body

    def udf_file(self, content, folder=False, kind=1):
        """Writes a file entry and what it holds, returns its block in the partition."""
        at = self.take(1)
        if kind == 3:
            places = content
        else:
            first = self.take(max(1, -(-len(content) // SECTOR)))
            self.sectors[first] = content
            places = struct.pack('<II', len(content), first - self.udf_start)
            if kind == 1:
                places += bytes(8)
        icb = bytes(11) + bytes([4 if folder else 5]) + bytes(6) + struct.pack('<H', kind)
        body = bytearray(icb.ljust(40, b'\0') + struct.pack('<Q', len(content)))
        body = body.ljust(168 - 16, b'\0') + struct.pack('<II', 0, len(places)) + places
        self.sectors[at] = self.tag(261, bytes(body))
        return at - self.udf_start

    def udf_folder(self, tree):
        records = b''
        for name, content in tree.items():
            folder = isinstance(content, dict)
            block = self.udf_folder(content) if folder else self.udf_file(content)
            name = b'\x08' + name.encode()
            body = struct.pack('<HBB', 1, 2 if folder else 0, len(name)) + struct.pack('<III4x', SECTOR, block, 0) + bytes(2) + name
            record = self.tag(257, body)
            records += record + bytes(-len(record) % 4)
        return self.udf_file(records, folder=True, kind=3 if len(records) < 1500 else 0)

    def add_udf(self, label, tree):
        self.more_descriptors = [b'\0BEA01\x01', b'\0NSR02\x01', b'\0TEA01\x01']
        self.next = max(self.next, 258)
        self.udf_start = 257
        root = self.udf_folder(tree)
        self.sectors[257] = self.tag(256, bytes(400 - 16) + struct.pack('<III4x', SECTOR, root, 0))
        self.sectors[256] = self.tag(2, struct.pack('<II', 16 * SECTOR, 200))
        partition = bytes(188 - 16) + struct.pack('<II', 257, self.next - 257)
        self.sectors[200] = self.tag(5, partition)
        volume = bytearray(446 - 16)
        volume[84 - 16:84 - 16 + 1 + len(label)] = b'\x08' + label.encode()
        volume[84 - 16 + 127] = 1 + len(label)
        volume[212 - 16:216 - 16] = struct.pack('<I', SECTOR)
        volume[248 - 16:256 - 16] = struct.pack('<II', SECTOR, 0)
        volume[440 - 16:442 - 16] = b'\x01\x06'
        self.sectors[201] = self.tag(6, bytes(volume))
        self.sectors[202] = self.tag(8, b'')
        return self


def image_file(build, kind, arch):
    """What lodge-identify reads of a WIM: its header and its description."""
    major, minor, number = build.split('.')
    xml = (f'<WIM><IMAGE INDEX="1"><NAME>Windows</NAME><WINDOWS><ARCH>{arch}</ARCH><INSTALLATIONTYPE>{kind}</INSTALLATIONTYPE>'
           f'<VERSION><MAJOR>{major}</MAJOR><MINOR>{minor}</MINOR><BUILD>{number}</BUILD></VERSION></WINDOWS></IMAGE></WIM>')
    xml = b'\xff\xfe' + xml.encode('utf-16-le')
    header = bytearray(208)
    header[0:8] = b'MSWIM\0\0\0'
    header[72:96] = struct.pack('<QQQ', len(xml) | 2 << 56, 208, len(xml))
    return bytes(header) + xml


def windows_disc(label, build, kind='Client', arch=9, name='install.wim'):
    """A disc as Microsoft makes them: all but a README is in UDF."""
    disc = Disc(label, system='', publisher='MICROSOFT CORPORATION', application='CDIMAGE 2.56 (01/01/2005 TM)',
                files={'README.TXT': 'This disc contains a "UDF" file system.'}, uefi=True)
    return disc.add_udf(label, {'bootmgr': b'x', 'sources': {'boot.wim': image_file(build, 'WindowsPE', arch),
                                                             name: image_file(build, kind, arch)}})


def patches(disc):
    """The disc as the fuzz target takes it: pieces (sector, offset, length) and their bytes; the rest is zero."""
    data = b''
    for at, content in sorted(disc.all_sectors().items()):
        for base in range(0, len(content), SECTOR):
            sector = content[base:base + SECTOR]
            n = 0
            while n < len(sector):
                if sector[n] == 0:
                    n += 1
                    continue
                end = n
                while end < len(sector) and any(sector[end:end + 4]) and end - n < 255:
                    end += 1
                data += struct.pack('<HHB', at + base // SECTOR, n, end - n) + sector[n:end]
                n = end
    return data
