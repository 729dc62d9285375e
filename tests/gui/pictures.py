#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of every page of the window, for eyes: pictures.py FOLDER [--look NAME]... [--scene NAME]...

Each look (light, dark, high contrast, narrow, wide, twice the scale, larger text, right to left, pseudo) is one session with
one window, through which all scenes are walked. Nothing is judged here; the tests do that.
"""
import argparse
import os
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')]

from fake_world import FakeWorld  # noqa: E402

GIB = 1 << 30
LOOKS = {
    'light': {},
    'dark': {'environment': {'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'contrast': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1'}},
    'contrast-dark': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1', 'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'narrow': {'width': 360, 'height': 640},
    'wide': {'width': 1400, 'height': 880},
    'scale2': {'environment': {'GDK_SCALE': '2'}, 'screen': (2000, 1500), 'factor': 2},
    'text150': {'dpi': 150},
    'rtl': {'environment': {'LANGUAGE': 'ar'}},
    'rtl-narrow': {'environment': {'LANGUAGE': 'ar'}, 'width': 360, 'height': 640},
    'german': {'environment': {'LANGUAGE': 'de'}},
    'german-narrow': {'environment': {'LANGUAGE': 'de'}, 'width': 360, 'height': 640},
    'pseudo': {'environment': {'LANGUAGE': 'en_XA'}},
    'pseudo-narrow': {'environment': {'LANGUAGE': 'en_XA'}, 'width': 360, 'height': 640},
}
MACHINES = [
    {'name': 'Debian 12', 'State': 'running', 'Settings': {'os': 'debian12', 'cores': 4, 'memory': 4 * GIB, '3d': True},
     'Effective': {'accelerator': 'kvm', '3d': 'none', '3d-reason': 'no-render-node', 'network': 'passt',
                   'display': 'virtio-vga'},
     'PendingSettings': ['cores', 'memory']},
    {'name': 'Fedora Workstation', 'State': 'paused', 'StateReason': 'user', 'Settings': {'os': 'fedora43'}},
    {'name': 'FreeBSD 14', 'Settings': {'os': 'freebsd14.0'}},
    {'name': 'Haiku', 'Settings': {'os': 'haikur1beta5'}},
    {'name': 'MS-DOS games', 'Settings': {'os': 'msdos6.22', 'memory': 64 << 20, 'firmware': 'bios'}},
    {'name': 'Old notebook', 'State': 'broken', 'Fault': {'code': 'broken', 'message': 'line 3', 'previous': True}},
    {'name': 'Windows 11', 'StateReason': 'crashed', 'StateDetails': {'exit-status': 1},
     'Settings': {'os': 'win11', 'cores': 4, 'memory': 8 * GIB, 'disk-size': 96 * GIB, 'cd': '/media/Win11.iso'}},
    {'name': 'Web server', 'Template': True, 'Settings': {'os': 'debian13', 'memory': GIB}},
]


IMAGES = [('debian-13.1.0-amd64-netinst.iso', 'Debian 13.1.0 amd64 n', 0), ('Fedora-Workstation-Live-43.iso', 'Fedora-WS-Live-43', 3),
          ('old-tools.iso', 'TOOLS', 400)]


class Walk:
    def __init__(self, name, look, folder, screen):
        self.name, self.look, self.folder = name, look, folder
        self.core = ['--screen', os.path.abspath(screen)] if screen else []
        self.world = None

    def start(self, machines=MACHINES, **options):
        self.stop()
        factor = self.look.get('factor', 1)
        width, height = self.look.get('width', 900), self.look.get('height', 620)
        environment = dict(self.look.get('environment', {}))
        settings = f'[org/lodgevm/Lodge]\nwindow-width={width}\nwindow-height={height}\nhints=@as []\n'
        self.world = FakeWorld(machines, self.look.get('screen', (1500, 1000)), environment, settings, window=False,
                               core=self.core, **options)
        if 'dpi' in self.look:
            config = os.path.join(self.world.session.environment['XDG_CONFIG_HOME'], 'gtk-4.0')
            os.makedirs(config)
            with open(os.path.join(config, 'settings.ini'), 'w', encoding='utf-8') as f:
                f.write(f'[Settings]\ngtk-xft-dpi={96 * 1024 * self.look["dpi"] // 100}\n')
        self.factor = factor
        for name, label, days in IMAGES:
            self.world.add_image(name, label, days)
        self.world.start_window()
        return self.world

    def stop(self):
        if self.world is not None:
            self.world.close()
            self.world = None

    def take(self, scene, title='^Lodge$', settle=1.2, popover=False):
        window = self.world.display.find_window(title)
        if 'width' in self.look and title != '^Lodge$':
            width, height = self.world.display.size(window)
            limit = self.look['width'] * self.factor
            if width > limit:
                self.world.display.output('xdotool', 'windowsize', '--sync', window, str(limit), str(height))
        time.sleep(settle)
        path = os.path.join(self.folder, f'{scene}-{self.name}.png')
        # A popover is a window of its own and lies over the other on the screen.
        self.world.display.picture(path, 'root' if popover else window)
        print(path, flush=True)
        return window

    def select(self, name):
        """Types the beginning of a name and opens its page where only one pane has room."""
        world = self.world
        world.display.focus(world.window)
        if self.look.get('width', 900) < 720:
            world.display.key('alt+Left')
        world.display.key('ctrl+f', 'ctrl+a')
        world.display.type(name, 20)
        if self.look.get('width', 900) < 720:
            time.sleep(0.5)
            world.display.key('Return')
        time.sleep(0.4)
        if self.look.get('width', 900) >= 720:
            world.display.key('Escape')
        time.sleep(0.4)


def library(walk):
    walk.start()
    time.sleep(2)
    walk.take('library')
    world = walk.world
    world.display.key('ctrl+f')
    world.display.type('free', 20)
    walk.take('library-search')
    world.display.type('zzz', 20)
    walk.take('library-nothing')
    world.display.key('Escape')
    for name, scene in (('Debian', 'page-running'), ('Fedora', 'page-paused'), ('Windows', 'page-stopped'),
                        ('Old', 'page-broken'), ('Web', 'page-template')):
        walk.select(name)
        walk.take(scene, settle=2.2 if 'running' in scene else 1.0)


def states(walk):
    walk.start()
    time.sleep(1)
    world = walk.world
    walk.select('Free')
    if walk.look.get('width', 900) >= 720:
        world.display.focus(world.window)
        world.main.look('FreeBSD 14, Off')
        world.display.key('shift+F10')
        walk.take('library-menu', popover=True)
        world.display.key('Escape')
    world.display.key('Delete')
    walk.take('library-deleted')
    world.stop(world.core)
    walk.take('library-core-gone')


def welcome(walk):
    walk.start(machines=[])
    walk.take('welcome')
    world = walk.world
    world.display.key('ctrl+question')
    walk.take('shortcuts', popover=True)
    world.display.key('Escape')


def assistant(walk):
    walk.start()
    world = walk.world
    time.sleep(2)
    world.display.key('ctrl+n')
    walk.take('new-source', '^New Machine$', 2)
    world.display.key('alt+w')
    walk.take('new-without-medium', '^Review$', 1.5)
    world.display.key('Escape')
    time.sleep(1)
    world.display.focus(world.window)
    world.display.key('ctrl+n')
    time.sleep(1.5)
    world.display.key('Return')
    walk.take('new-review', '^Review$', 2)
    world.display.type('My ')
    world.display.key('Escape')
    walk.take('new-discard', popover=True)


def settings(walk):
    walk.start()
    time.sleep(1)
    world = walk.world
    walk.select('Debian')
    world.display.key('ctrl+comma')
    time.sleep(1)
    walk.take('settings-system', '^Settings.*')
    dialog = next(w for w in world.desktop.windows() if w.name.startswith('Settings') or w.name.startswith('Einst'))
    tabs = [found for found in dialog.walk() if found.role in ('tab', 'page tab')]
    seen = set()
    for tab in tabs:
        name = tab.name.split(' ')[0]
        if name in seen:
            continue
        seen.add(name)
        try:
            tab.press()
        except Exception as error:  # a picture less is not the end
            print(error)
            continue
        walk.take(f'settings-{len(seen)}', '^(Settings|Einst).*', 0.8)


SCENES = {function.__name__: function for function in (library, states, welcome, assistant, settings)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder')
    parser.add_argument('--look', action='append', choices=LOOKS)
    parser.add_argument('--scene', action='append', choices=SCENES)
    parser.add_argument('--screen', help='a PPM that the machines show')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    for name in options.look or LOOKS:
        walk = Walk(name, LOOKS[name], options.folder, options.screen)
        for scene in options.scene or SCENES:
            try:
                SCENES[scene](walk)
            except Exception as error:
                print(f'{scene} {name}: {error}', file=sys.stderr)
            finally:
                walk.stop()


main()
