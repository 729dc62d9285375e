# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk through every page of the window, over the core that only remembers; for pictures.py and test_pages.py.

Nothing here reads a word of the window, so that the walk is the same in every language: machines are found by their names,
windows by their types, pages by their numbers.
"""
import os
import subprocess

from gi.repository import GLib

from fake_world import FakeWorld
from lodgetest import wait_until

GIB = 1 << 30

# A tree with a branch: what was tried, and what was gone on with.
SNAPSHOTS = [
    {'id': 'a', 'parent': '', 'name': 'Installed', 'note': 'Nothing but the base system', 'age': 20 * 86400, 'memory': False,
     'size': 2 * GIB, 'picture': True},
    {'id': 'b', 'parent': 'a', 'name': 'Updated', 'age': 9 * 86400, 'memory': True, 'size': 700 << 20, 'picture': True},
    {'id': 'c', 'parent': 'b', 'name': 'Tried the new desktop', 'age': 2 * 86400, 'memory': True, 'size': 900 << 20, 'picture': True},
    {'id': 'd', 'parent': 'b', 'name': 'Before the experiment', 'age': 3600, 'memory': True, 'automatic': True, 'size': 300 << 20,
     'picture': True, 'current': True},
]
MACHINES = [
    {'name': 'Debian 12', 'State': 'running', 'Settings': {'os': 'debian12', 'cores': 4, 'memory': 4 * GIB, '3d': True},
     'Effective': {'accelerator': 'kvm', '3d': 'none', '3d-reason': 'no-render-node', 'network': 'passt',
                   'display': 'virtio-vga'},
     'PendingSettings': ['cores', 'memory'], 'Snapshots': SNAPSHOTS, 'CurrentSnapshot': 'd'},
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
ABOUT = GLib.Variant('(sava{sv})', ('about', [], {}))
FOLDED = 720  # below this width there is one pane at a time


class Walk:
    def __init__(self, visit, width=900, height=620, screen=(1500, 1000), environment=None, toolkit='', core=(), direction=None):
        """visit (name of the page, type of its window) is called on every page, once it stands still.
        toolkit: further lines for GTK's settings.ini; core: further arguments of the fake core. direction: "rtl", where
        the toolkit's translations are not there to say so."""
        self.visit_cb, self.width, self.height, self.screen = visit, width, height, screen
        self.environment, self.toolkit, self.core, self.direction = environment or {}, toolkit, core, direction
        self.world = None

    def start(self, machines=MACHINES):
        self.stop()
        settings = f'[org/lodgevm/Lodge]\nwindow-width={self.width}\nwindow-height={self.height}\n'
        self.world = FakeWorld(machines, self.screen, self.environment, settings, window=False, core=self.core)
        config = os.path.join(self.world.session.environment['XDG_CONFIG_HOME'], 'gtk-4.0')
        os.makedirs(config)
        with open(os.path.join(config, 'settings.ini'), 'w', encoding='utf-8') as f:
            f.write('[Settings]\ngtk-enable-animations=0\ngtk-cursor-blink=0\n' + self.toolkit)
        for name, label, days in IMAGES:
            self.world.add_image(name, label, days)
        self.world.start_window()
        if self.direction:
            self.world.probe.ask('direction ' + self.direction)
        wait_until(lambda: any(label['in'] != 'AdwHeaderBar' for label in self.world.probe.labels()), 30, 'the first page')
        self.window = 'LodgeWindow'

    def stop(self):
        if self.world is not None:
            self.world.close()
            self.world = None

    @property
    def folded(self):
        return self.width < FOLDED

    def visit(self, page):
        self.world.probe.settle()
        self.visit_cb(page, self.window)

    def key(self, *keys):
        self.world.display.key(*keys)

    def wait_window(self, kind):
        """Until the active window is of that type."""
        def look():
            windows = self.world.probe.windows()
            return windows and windows[0] == kind
        wait_until(look, 30, f'a {kind} (there are {self.world.probe.windows()})')
        self.window = kind
        if self.folded and kind not in ('LodgeWindow', 'AdwMessageDialog'):
            # As on a screen that has no room for more.
            window = self.world.display.output('xdotool', 'getactivewindow').strip()
            height = self.world.display.size(window)[1]
            self.world.display.output('xdotool', 'windowsize', window, str(self.width), str(min(height, self.height)))

    def back(self):
        """Closes what lies over the main window; an unsaved one may ask."""
        self.key('Escape')
        self.wait_window('LodgeWindow')

    def select(self, name):
        """Searches for a machine and opens its page where only one pane has room."""
        if self.folded:
            self.key('alt+Left', 'alt+Right')
        self.key('ctrl+f', 'ctrl+a')
        self.world.display.type(name, 10)
        wait_until(lambda: any(label['text'].startswith(name) and label['window'] == 'LodgeWindow'
                               for label in self.world.probe.labels()), 20, name)
        if self.folded:
            self.world.probe.settle()
            self.key('Return')
        else:
            self.key('Escape')

    # The pages -----------------------------------------------------------------------------------

    def library(self):
        self.start()
        wait_until(lambda: any('Web server' in label['text'] for label in self.world.probe.labels()), 20, 'the machines')
        self.visit('library')
        self.key('ctrl+f')
        self.world.display.type('free', 10)
        self.visit('library-search')
        self.world.display.type('zzz', 10)
        self.visit('library-nothing')
        self.key('Escape')
        for name, page in (('Debian', 'page-running'), ('Fedora', 'page-paused'), ('Windows', 'page-stopped'),
                           ('Old', 'page-broken'), ('Web', 'page-template')):
            self.select(name)
            self.visit(page)

    def snapshots(self):
        for name, page in (('Debian', 'snapshots'), ('Haiku', 'snapshots-none')):
            self.select(name)
            self.world.probe.settle()
            self.world.probe.ask('action win.snapshots')
            self.visit(page)
            self.key('alt+Left')

    def menus(self):
        self.select('FreeBSD')
        if not self.folded:
            self.world.probe.settle()
            self.key('shift+F10')
            self.visit('library-menu')
            self.key('Escape')
        self.key('F10')
        self.visit('main-menu')
        self.key('Escape')

    def shortcuts(self):
        self.key('ctrl+question')
        self.wait_window('GtkShortcutsWindow')
        self.visit('shortcuts')
        self.back()

    def about(self):
        self.world.call('/org/lodgevm/Lodge', 'org.gtk.Actions', 'Activate', ABOUT, 'org.lodgevm.Lodge')
        self.wait_window('AdwAboutWindow')
        self.visit('about')
        self.back()

    def settings(self):
        self.select('Debian')
        self.key('ctrl+comma')
        self.wait_window('LodgeSettingsWindow')
        number = 0
        while number < self.world.probe.numbers(f'page {number}')[0]:
            number += 1
            self.visit(f'settings-{number}')
        self.back()

    def assistant(self):
        self.key('ctrl+n')
        self.wait_window('LodgeNewDialog')
        wait_until(lambda: any('Fedora Linux 43' in label['text'] for label in self.world.probe.labels()), 30, 'the images')
        self.visit('new-source')
        self.key('alt+w')
        self.visit('new-without-medium')
        self.back()
        self.key('ctrl+n')
        self.wait_window('LodgeNewDialog')
        self.world.probe.settle()
        self.key('Return')
        self.visit('new-review')
        self.world.display.type('My ', 10)
        self.key('Escape')
        self.wait_window('AdwMessageDialog')
        self.visit('new-discard')
        self.key('Return')
        self.window = 'LodgeNewDialog'

    def endings(self):
        """What is left of a deleted machine, and of a core that went; the window is good for nothing afterwards."""
        self.start()
        self.select('FreeBSD')
        self.world.probe.settle()
        self.key('Delete')
        self.world.wait_call('FreeBSD 14', 'Delete')
        self.visit('library-deleted')
        self.world.stop(self.world.core)
        self.visit('library-core-gone')

    def welcome(self):
        self.start(machines=[])
        self.visit('welcome')

    def walk(self, wanted=None):
        """All pages, or those of these methods; the ones that need nothing of their own follow library()."""
        order = ('library', 'snapshots', 'menus', 'shortcuts', 'about', 'settings', 'assistant', 'endings', 'welcome')
        try:
            for name in order:
                if wanted and name not in wanted:
                    continue
                if self.world is None:
                    self.start()
                getattr(self, name)()
        finally:
            self.stop()


def picture(walk, path, whole):
    """Of the active window, or of all the screen."""
    display = walk.world.display
    window = 'root' if whole else display.output('xdotool', 'getactivewindow').strip()
    display.picture(path, window)
    if whole:
        subprocess.run(['mogrify', '-trim', '+repage', path], check=True)
