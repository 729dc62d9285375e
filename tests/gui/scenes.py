# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk through every page of the window, over the core that only remembers; for pictures.py and test_pages.py.

Nothing here reads a word of the window, so that the walk is the same in every language: machines are found by their names,
windows by their types, pages by their numbers.
"""
import collections
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
BACKUPS = [
    {'age': 9000, 'size': 20 * GIB, 'stored': 3 * GIB, 'consistent': 'off', 'verified': 1760000000, 'damaged': False},
    {'age': 7200, 'size': 20 * GIB, 'stored': 310 << 20, 'consistent': 'frozen', 'verified': 1760000000, 'damaged': True},
    {'age': 3600, 'size': 20 * GIB, 'stored': 120 << 20, 'consistent': 'running'},
]
MACHINES = [
    {'name': 'Debian 12', 'State': 'running', 'Settings': {'os': 'debian12', 'cores': 4, 'memory': 4 * GIB, '3d': True, 'backup-folder': '/tmp/', 'backup-every': 24, 'snapshot-every': 30},
     'Backups': BACKUPS, 'Automatic': {'backup-error': 'no-space', 'backup-message': 'full', 'snapshot-error': 'no-space'},
     'Effective': {'accelerator': 'kvm', '3d': 'none', '3d-reason': 'no-render-node', 'network': 'passt',
                   'display': 'virtio-vga'},
     'PendingSettings': ['cores', 'memory'], 'Snapshots': SNAPSHOTS, 'CurrentSnapshot': 'd', 'Screen': 'picture'},
    {'name': 'Fedora Workstation', 'State': 'paused', 'StateReason': 'user', 'Settings': {'os': 'fedora43'}},
    {'name': 'FreeBSD 14', 'Settings': {'os': 'freebsd14.0'}},
    {'name': 'Haiku', 'Fails': {'Start': 'QemuFailed'}, 'Settings': {'os': 'haikur1beta5'}},
    {'name': 'MS-DOS games', 'Settings': {'os': 'msdos6.22', 'memory': 64 << 20, 'firmware': 'bios'}},
    {'name': 'Old notebook', 'State': 'broken', 'Fault': {'code': 'broken', 'message': 'line 3', 'previous': True}},
    {'name': 'Windows 11', 'StateReason': 'crashed', 'StateDetails': {'exit-status': 1},
     'Settings': {'os': 'win11', 'cores': 4, 'memory': 8 * GIB, 'disk-size': 96 * GIB, 'cd': '/media/Win11.iso'}},
    {'name': 'Web server', 'Template': True, 'Settings': {'os': 'debian13', 'memory': GIB}},
]
SERVER = 'b7a1b3a5-3f2e-4e0c-9d55-0a3d4f6f8a01'  # the template
SHOP, BLOG, COPY = (SERVER[:-1] + digit for digit in '234')
ORIGIN = {'machine': SERVER, 'machine-name': 'Web server', 'kind': 'linked'}
# A template with what was made from it: one at work, one that runs, one that is gone when it is closed.
FAMILY = [
    {'name': 'Web blog', 'Id': BLOG, 'Origin': ORIGIN, 'State': 'running', 'Settings': {'os': 'debian13', 'memory': GIB}},
    {'name': 'Trial run', 'Id': COPY, 'Origin': ORIGIN, 'State': 'running', 'Disposable': True, 'Screen': 'picture',
     'Settings': {'os': 'debian13', 'memory': GIB}},
    {'name': 'Debian 12', 'Settings': {'os': 'debian12'}, 'Jobs': [{'Kind': 'disk', 'Progress': 0.3}]},
    {'name': 'Web shop', 'Id': SHOP, 'Origin': ORIGIN, 'Settings': {'os': 'debian13', 'memory': GIB},
     'Jobs': [{'Kind': 'flatten', 'Progress': 0.42, 'TimeLeft': 95, 'Rate': 80 << 20}]},
    {'name': 'Web server', 'Id': SERVER, 'Template': True, 'Settings': {'os': 'debian13', 'memory': GIB}, 'Dependants': [
        {'machine': BLOG, 'name': 'Web blog', 'kind': 'linked', 'bytes': 480 << 20, 'flatten-bytes': 2 * GIB},
        {'machine': SHOP, 'name': 'Web shop', 'kind': 'linked', 'bytes': 1300 << 20, 'flatten-bytes': 2 * GIB},
        {'machine': COPY, 'name': 'Trial run', 'kind': 'linked', 'bytes': 38 << 20, 'flatten-bytes': 2 * GIB}]},
    {'name': 'Workstation', 'Template': True, 'Settings': {'os': 'fedora43', 'memory': 4 * GIB}},
]
FEATURES = 'backup,template,clone,clone-running,clone-snapshot,disposable-snapshot,save'
IMAGES = [('debian-13.1.0-amd64-netinst.iso', 'Debian 13.1.0 amd64 n', 0), ('Fedora-Workstation-Live-43.iso', 'Fedora-WS-Live-43', 3),
          ('old-tools.iso', 'TOOLS', 400)]
ABOUT = GLib.Variant('(sava{sv})', ('about', [], {}))
STILL = 'spinner { animation: none; }\n'  # what turns for ever would never stand still
FOLDED = 720  # below this width there is one pane at a time


class Walk:
    def __init__(self, visit, width=900, height=620, screen=(1500, 1000), environment=None, toolkit='', css='', core=(),
                 direction=None):
        """visit (name of the page, type of its window) is called on every page, once it stands still.
        toolkit, css: further lines for GTK's settings.ini, gtk.css; core: further arguments of the fake core. direction: "rtl", where
        the toolkit's translations are not there to say so."""
        self.core = [*core, '--features', FEATURES]
        self.visit_cb, self.width, self.height, self.screen = visit, width, height, screen
        self.environment, self.toolkit, self.css, self.direction = environment or {}, toolkit, css, direction
        self.world, self.popover = None, False  # popover: what is looked at is outside of the window

    def start(self, machines=MACHINES, core=()):
        self.stop()
        settings = f'[org/lodgevm/Lodge]\nwindow-width={self.width}\nwindow-height={self.height}\n'
        self.world = FakeWorld(machines, self.screen, self.environment, settings, window=False,
                               core=[*self.core, *core])
        config = os.path.join(self.world.session.environment['XDG_CONFIG_HOME'], 'gtk-4.0')
        os.makedirs(config)
        with open(os.path.join(config, 'settings.ini'), 'w', encoding='utf-8') as f:
            f.write('[Settings]\ngtk-enable-animations=0\ngtk-cursor-blink=0\n' + self.toolkit)
        with open(os.path.join(config, 'gtk.css'), 'w', encoding='utf-8') as f:
            f.write(STILL + self.css)
        for name, label, days in IMAGES:
            self.world.add_image(name, label, days)
        self.world.display.output('xdotool', 'mousemove', *map(str, self.screen))  # over nothing
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

    def visit(self, page, popover=False):
        self.world.probe.settle()
        self.popover = popover
        self.visit_cb(page, self.window)

    def menu(self, page, number=0, inside='GtkWindow'):
        """Visits what that menu button of the active window, or of what is inside of it, opens; returns how many there are."""
        count = int(self.world.probe.numbers(f'menu {number} {inside}')[0])
        if number < count:
            self.visit(page, popover=True)
            self.key('Escape')
        return count

    def act(self, action):
        """As a button of the main window would."""
        self.world.probe.settle()
        self.world.probe.ask('action ' + action)

    def key(self, *keys):
        self.world.display.key(*keys)

    def wait_window(self, kind):
        """Until the active window is of that type."""
        def look():
            windows = self.world.probe.windows()
            if kind in windows[1:] and windows[0] != kind:
                self.world.probe.ask('present ' + kind)
            return windows and windows[0] == kind
        wait_until(look, 30, f'a {kind} (there are {self.world.probe.windows()})')
        self.window = kind
        if self.folded and kind not in ('LodgeWindow', 'AdwMessageDialog'):
            # As on a screen that has no room for more.
            window = self.world.display.output('xdotool', 'getactivewindow').strip()
            height = self.world.display.size(window)[1]
            self.world.display.output('xdotool', 'windowsize', window, str(self.width), str(min(height, self.height)))

    def scroll_down(self):
        """What the main window's page has at its end."""
        window = self.world.display.output('xdotool', 'getactivewindow').strip()
        width, height = self.world.display.size(window)
        side = 0.15 if self.direction == 'rtl' or 'LANGUAGE' in self.environment and self.environment['LANGUAGE'].startswith('ar') else 0.85
        self.world.display.output('xdotool', 'mousemove', '--window', window, str(int(width * side)), str(height // 2),
                                  'click', '--repeat', '40', '--delay', '10', '5', 'mousemove', *map(str, self.screen))

    def back(self, window='LodgeWindow'):
        """Closes what lies over the main window; an unsaved one may ask."""
        self.key('Escape')
        self.wait_window(window)

    def select(self, name):
        """The page of a machine; keys would have to be waited for."""
        wait_until(lambda: self.world.probe.numbers('machine ' + name)[0], 20, name)

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
        wait_until(lambda: any('Web server' in label['text'] for label in self.world.probe.labels()), 20, 'the machines')
        for name, page in (('Debian 12', 'page-running'), ('Fedora Workstation', 'page-paused'), ('Windows 11', 'page-stopped'),
                           ('Old notebook', 'page-broken'), ('Web server', 'page-template')):
            self.select(name)
            self.visit(page)
            if page == 'page-stopped':
                self.scroll_down()
                self.visit('page-bottom')
        self.select('Haiku')
        self.act('machine.start')
        self.wait_window('AdwMessageDialog')
        self.visit('error')
        self.back()
        self.act('machine.show-log')
        self.wait_window('LodgeLogWindow')
        self.visit('log')
        self.world.probe.ask('close')
        self.wait_window('LodgeWindow')

    def portrait(self):
        """The page of a running machine, with its picture; what the README begins with."""
        self.start()
        self.select('Debian 12')
        self.world.probe.settle(3, 10)
        self.visit('portrait')

    def snapshots(self):
        for name, page in (('Haiku', 'snapshots-none'), ('Debian 12', 'snapshots')):
            self.select(name)
            self.act('win.snapshots')
            self.visit(page)
            if page == 'snapshots':
                wait_until(lambda: self.world.probe.numbers('select 1')[0], 20, 'the snapshots')
                self.visit('snapshots-selected')
                self.act('snapshot.edit')
                self.wait_window('AdwMessageDialog')
                self.visit('snapshot-rename')
                self.back()
                self.act('snapshot.delete')
                self.wait_window('AdwMessageDialog')
                self.visit('snapshot-delete')
                self.back()
                self.act('snapshot.automatic')
                self.wait_window('AdwPreferencesWindow')
                self.visit('snapshots-automatic')
                self.back()
            self.key('alt+Left')
        self.backups()
        self.act('win.snapshot')
        self.world.wait_call('Debian 12', 'TakeSnapshot')
        self.visit('snapshot-taken')

    def backups(self):
        self.act('win.backups')
        self.visit('backups')
        self.menu('backup-menu', 0, 'LodgeBackupPage')
        self.key('alt+Left')
        self.act("win.restore-backup('/tmp/')")
        self.wait_window('LodgeBackupWindow')
        self.visit('backups-of-all')
        self.back()

    def menus(self):
        self.select('FreeBSD 14')
        if not self.folded:
            self.world.probe.settle()
            self.act('win.menu')
            self.visit('library-menu', popover=True)
            self.key('Escape')
        if self.folded:
            self.key('alt+Left')
            self.world.probe.settle()
        self.key('F10')
        self.visit('main-menu', popover=True)
        self.key('Escape')

    def shortcuts(self):
        self.key('ctrl+question')
        self.wait_window('AdwPreferencesWindow' if self.folded else 'GtkShortcutsWindow')
        self.visit('shortcuts')
        self.back()

    def about(self):
        self.world.call('/org/lodgevm/Lodge', 'org.gtk.Actions', 'Activate', ABOUT, 'org.lodgevm.Lodge')
        self.wait_window('AdwAboutWindow')
        self.visit('about')
        self.back()

    def settings(self):
        self.select('Debian 12')
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

    def overlay(self, page, machine, **properties):
        """Changes the machine, and visits its console once that has something new to say of it."""
        def texts():
            return collections.Counter(label['text'] for label in self.world.probe.labels()
                                       if label['window'] == 'LodgeConsoleWindow')
        before = texts()
        self.world.change(machine, **properties)
        # Beside the state in the header bar.
        wait_until(lambda: sum((texts() - before).values()) > 1, 30, page)
        self.visit(page)

    def console(self):
        """A console, and everything it can say of why there is no picture."""
        self.start()
        self.select('Debian 12')
        self.act('win.console')
        self.wait_window('LodgeConsoleWindow')
        self.visit('console')
        number = 0
        while number < self.menu(f'console-menu-{number + 1}', number):
            number += 1
        debian = 'Debian 12'
        self.overlay('console-paused', debian, State='paused', StateReason='user')
        self.overlay('console-disk-full', debian, StateReason='disk-full', StateDetails={'needed': 3 * GIB})
        self.overlay('console-disk-error', debian, StateReason='io-error', StateDetails={'error': 'EIO'})
        self.overlay('console-saving', debian, State='saving', StateReason='', StateDetails={})
        self.overlay('console-off-screen', debian, State='running', Screen='off')
        self.overlay('console-elsewhere', debian, Screen='elsewhere')
        self.overlay('console-saved', debian, State='saved')
        self.overlay('console-switched-off', debian, State='off')
        self.overlay('console-crashed', debian, StateReason='crashed', StateDetails={'exit-status': 1})
        self.overlay('console-starting', debian, State='starting', StateReason='', StateDetails={})
        self.overlay('console-no-picture', debian, State='running', Screen='none')
        self.world.change(debian, State='off', Settings={'video': 'none'}, PendingSettings=[])
        self.overlay('console-no-screen', debian, State='running')
        self.world.change(debian, State='off', Settings={'video': 'virtio'}, Screen='silent')
        self.overlay('console-connecting', debian, State='running')
        self.world.change(debian, State='off', Screen='picture')
        self.world.change(debian, State='running')
        self.world.probe.ask('close')
        self.wait_window('LodgeWindow')
        self.visit('console-closed')

    def family(self):
        self.start(FAMILY)
        for name, page in (('Web server', 'family'), ('Web shop', 'family-job')):
            self.select(name)
            self.act('win.family')
            self.visit(page)
            self.key('alt+Left')
        self.key('ctrl+d')
        self.wait_window('AdwMessageDialog')
        self.visit('clone')
        self.back()
        self.key('ctrl+shift+n')
        self.visit('template-menu', popover=True)
        self.key('Escape')
        self.select('Debian 12')
        self.visit('page-job')
        self.select('Trial run')
        self.act('win.console')
        self.wait_window('LodgeConsoleWindow')
        self.visit('disposable')
        self.world.probe.ask('close')
        self.wait_window('AdwMessageDialog')
        self.visit('disposable-keep')
        self.back('LodgeConsoleWindow')

    def endings(self):
        """What is left of a deleted machine, and of a core that went; the window is good for nothing afterwards."""
        self.start()
        self.select('FreeBSD 14')
        self.world.probe.settle()
        self.key('Delete')
        self.world.wait_call('FreeBSD 14', 'Delete')
        self.visit('library-deleted')
        self.world.stop(self.world.core)
        self.visit('library-core-gone')

    def welcome(self):
        self.start(machines=[])
        self.visit('welcome')
        self.start(core=['--api-version', '999'])
        self.visit('core-newer')

    def walk(self, wanted=None):
        """All pages, or those of these methods; the ones that need nothing of their own follow library()."""
        order = ('library', *(('portrait',) if wanted else ()), 'snapshots', 'menus', 'shortcuts', 'about', 'settings', 'assistant', 'console', 'family', 'endings',
                 'welcome')
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
