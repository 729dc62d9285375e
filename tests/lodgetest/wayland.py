# SPDX-License-Identifier: GPL-3.0-or-later
"""A Wayland screen for tests of windows: sway without a monitor, with a keyboard and a pointer that are this process.

The keys are those of a real keyboard (a guest gets their codes, not their meaning), so the two protocols for virtual devices
are spoken here; they are a handful of messages.
"""
import array
import ctypes
import json
import os
import socket
import struct
import subprocess
import time

from .lodge import wait_until
from .screen import Screen

CONFIG = '''output * resolution {width}x{height}
xwayland disable
seat * pointer_constraint enable
default_floating_border none
for_window [app_id=".*"] floating enable
bindsym Control+Mod1+k exec touch {folder}/desktop-shortcut
'''
# Codes of the kernel, in the keyboard's rows.
CODES = {'Escape': 1, 'minus': 12, 'BackSpace': 14, 'Tab': 15, 'Return': 28, 'ctrl': 29, 'shift': 42, 'comma': 51, 'period': 52, 'slash': 53,
         'alt': 56, 'space': 57, 'F11': 87, 'right-ctrl': 97,
         **{key: 2 + place for place, key in enumerate('1234567890')}, **{key: 16 + place for place, key in enumerate('qwertyuiop')},
         **{key: 30 + place for place, key in enumerate('asdfghjkl')}, **{key: 44 + place for place, key in enumerate('zxcvbnm')}}
SIGNS = {' ': ('space',), '\n': ('Return',), '-': ('minus',), '.': ('period',), '/': ('slash',), '>': ('shift', 'period')}
LEFT_BUTTON = 0x110
# In the order in which they are made: the compositor refuses a number that leaves one out.
REGISTRY, SYNC, SEAT, KEYBOARDS, POINTERS, KEYBOARD, POINTER = range(2, 9)


class Keymap:
    """The plain American layout, and which modifiers are down."""

    def __init__(self):
        self.xkb = ctypes.CDLL('libxkbcommon.so.0')
        for name in ('xkb_context_new', 'xkb_keymap_new_from_names', 'xkb_state_new'):
            getattr(self.xkb, name).restype = ctypes.c_void_p
        self.xkb.xkb_keymap_get_as_string.restype = ctypes.c_char_p
        names = (ctypes.c_char_p * 5)(b'evdev', b'pc105', b'us', None, None)
        context = ctypes.c_void_p(self.xkb.xkb_context_new(0))
        keymap = ctypes.c_void_p(self.xkb.xkb_keymap_new_from_names(context, names, 0))
        self.text = self.xkb.xkb_keymap_get_as_string(keymap, 1) + b'\0'
        self.state = ctypes.c_void_p(self.xkb.xkb_state_new(keymap))

    def press(self, code, down):
        """Returns the modifiers that are down then."""
        self.xkb.xkb_state_update_key(self.state, code + 8, 1 if down else 0)
        return self.xkb.xkb_state_serialize_mods(self.state, 1)


class Devices:
    """The client that is the keyboard and the pointer."""

    def __init__(self, path, size):
        self.size = size
        self.keymap = Keymap()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.send(1, 1, struct.pack('=I', REGISTRY))
        self.send(1, 0, struct.pack('=I', SYNC))
        found = self.read_globals()
        for name, number in (('wl_seat', SEAT), ('zwp_virtual_keyboard_manager_v1', KEYBOARDS),
                             ('zwlr_virtual_pointer_manager_v1', POINTERS)):
            self.send(REGISTRY, 0, struct.pack('=I', found[name]) + self.string(name) + struct.pack('=II', 1, number))
        self.send(KEYBOARDS, 0, struct.pack('=II', SEAT, KEYBOARD))
        self.send(POINTERS, 0, struct.pack('=II', SEAT, POINTER))
        fd = os.memfd_create('keymap')
        os.write(fd, self.keymap.text)
        self.send(KEYBOARD, 0, struct.pack('=II', 1, len(self.keymap.text)), [fd])
        os.close(fd)

    @staticmethod
    def string(text):
        data = text.encode() + b'\0'
        return struct.pack('=I', len(data)) + data + bytes(-len(data) % 4)

    def send(self, thing, operation, arguments, fds=()):
        # What the compositor tells is of no interest, but must not fill the socket.
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            pass
        self.socket.settimeout(30)
        head = struct.pack('=II', thing, (8 + len(arguments)) << 16 | operation)
        self.socket.sendmsg([head + arguments], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])

    def read_globals(self):
        """Interface → number, until the answer to the request that followed."""
        found, data = {}, b''
        while True:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError('the compositor hung up')
            data += more
            while len(data) >= 8:
                thing, word = struct.unpack('=II', data[:8])
                if len(data) < word >> 16:
                    break
                arguments, data = data[8:word >> 16], data[word >> 16:]
                if thing == SYNC:
                    return found
                if thing == REGISTRY and word & 0xffff == 0:
                    number, length = struct.unpack('=II', arguments[:8])
                    found[arguments[8:7 + length].decode()] = number

    @staticmethod
    def now():
        return int(time.monotonic() * 1000) & 0xffffffff

    def key(self, *names, delay=0.03):
        """Pressed in this order, let go in reverse, with so many seconds after each."""
        for keys, down in ((names, True), (names[::-1], False)):
            for name in keys:
                self.send(KEYBOARD, 1, struct.pack('=III', self.now(), CODES[name], down))
                self.send(KEYBOARD, 2, struct.pack('=IIII', self.keymap.press(CODES[name], down), 0, 0, 0))
                time.sleep(delay)

    def type(self, text, delay=0.03):
        for sign in text:
            self.key(*SIGNS.get(sign, ('shift', sign.lower()) if sign.isupper() else (sign,)), delay=delay)

    def move(self, dx, dy):
        self.send(POINTER, 0, struct.pack('=Iii', self.now(), dx * 256, dy * 256))
        self.send(POINTER, 4, b'')

    def press(self, down):
        self.send(POINTER, 2, struct.pack('=III', self.now(), LEFT_BUTTON, down))
        self.send(POINTER, 4, b'')

    def point(self, x, y):
        self.send(POINTER, 1, struct.pack('=IIIII', self.now(), x, y, *self.size))
        self.send(POINTER, 4, b'')
        time.sleep(0.05)

    def click(self, x, y):
        self.point(x, y)
        self.press(True)
        time.sleep(0.05)
        self.press(False)

    def close(self):
        self.socket.close()


class WaylandDisplay:
    def __init__(self, environment, width=1280, height=900):
        self.environment = environment
        self.folder = environment['XDG_RUNTIME_DIR']
        self.shortcut = os.path.join(self.folder, 'desktop-shortcut')
        config = os.path.join(self.folder, 'sway.conf')
        with open(config, 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(width=width, height=height, folder=self.folder))
        environment.pop('DISPLAY', None)
        before = set(os.listdir(self.folder))
        # It refuses to be root's.
        root = ['bwrap', '--die-with-parent', '--unshare-user', '--uid', '1000', '--gid', '1000', '--dev-bind', '/', '/']
        self.process = subprocess.Popen(
            [*(root if os.geteuid() == 0 else []), 'sway', '--config', config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**environment, 'WLR_BACKENDS': 'headless', 'WLR_RENDERER': 'pixman', 'WLR_LIBINPUT_NO_DEVICES': '1'})

        def sockets():
            new = sorted(set(os.listdir(self.folder)) - before)
            found = [[name for name in new if name.startswith(start) and not name.endswith('.lock')]
                     for start in ('wayland-', 'sway-ipc.')]
            return [names[0] for names in found] if all(found) else None
        try:
            wayland, control = wait_until(sockets, 30, 'the compositor')
            environment.update(WAYLAND_DISPLAY=wayland, SWAYSOCK=os.path.join(self.folder, control), GDK_BACKEND='wayland',
                               XDG_SESSION_TYPE='wayland', GSK_RENDERER='cairo', LC_ALL='C.UTF-8', NO_AT_BRIDGE='0')
            self.devices = wait_until(lambda: self.connect(os.path.join(self.folder, wayland), (width, height)), 30,
                                      'the compositor to have a seat')
        except BaseException:
            self.close()
            raise

    @staticmethod
    def connect(path, size):
        """The socket is there before all that it offers."""
        try:
            return Devices(path, size)
        except KeyError:
            return None

    def windows(self):
        """title → what the compositor knows of it: app_id, shell, rect, focused, …"""
        done = subprocess.run(['swaymsg', '-r', '-t', 'get_tree'], env=self.environment, capture_output=True, text=True)
        found, todo = {}, [json.loads(done.stdout)] if done.returncode == 0 else []
        while todo:
            node = todo.pop()
            todo += node['nodes'] + node['floating_nodes']
            if node.get('pid'):
                found[node['name']] = node
        return found

    def find_window(self, title, seconds=30):
        return wait_until(lambda: self.windows().get(title), seconds, f'a window "{title}"')

    def swaymsg(self, *words):
        done = subprocess.run(['swaymsg', '-r', *words], env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def outputs(self):
        """name → where it lies"""
        return {output['name']: output['rect'] for output in self.swaymsg('-t', 'get_outputs') if output['active']}

    def focus(self, title):
        subprocess.run(['swaymsg', f'[title="^{title}$"]', 'focus'], env=self.environment, capture_output=True, check=True)
        wait_until(lambda: self.windows()[title]['focused'], 10, f'"{title}" to have the focus')

    def screen(self):
        done = subprocess.run(['grim', '-t', 'ppm', '-'], env=self.environment, capture_output=True, check=True)
        return Screen(done.stdout)

    def picture(self, path):
        subprocess.run(['grim', path], env=self.environment, capture_output=True, check=True)

    def close(self):
        if hasattr(self, 'devices'):
            self.devices.close()
        self.process.terminate()
        self.process.wait()
