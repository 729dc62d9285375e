# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page of the window at 360 pixels, in a language that is two fifths longer than English: nothing is left untranslated,
nothing is clipped, a page suggests one action at most, whatever can have the focus has a name, and all of it is mirrored where
one writes from right to left."""
import collections
import os
import re

from gi.repository import GLib
import pytest

from lodgetest.accessible import PREFIX, Accessible, gather
from lodgetest.language import PSEUDO_RTL, language_environment
from scenes import Walk

FOCUSABLE, VISIBLE = 11, 30
# Words of the toolkit's own, in the language of its translations.
TOOLKIT = {'AdwAboutWindow', 'GtkShortcutLabel'}
TOOLKIT_TEXTS = {'Shortcuts', 'Delete'}  # the second is a key, beside what it does in a menu
# Buttons of its own that it gives no name (page, times): a search button, that of a toast, those back in hidden pages.
TOOLKIT_BUTTONS = {'shortcuts': 1, 'about': 1, 'settings': 1, 'library-deleted': 1, 'library-core-gone': 1}
ARABIC = '/usr/share/locale/ar/LC_MESSAGES/gtk40.mo'
# What people named, and what is no word.
DATA = re.compile(r'Installed|Updated|Tried|Before the|disk0|Debian|Fedora|FreeBSD|Haiku|MS-DOS|Old notebook|Windows 11|Web server|'
                  r'Web shop|Web blog|Workstation|Trial run|line one|Lodge\b|old-tools|UEFI|BIOS|'
                  r'[\w.-]+\.iso|/tmp/|F\d+$|[^A-Za-z]*$|[\d.,]+\s(B|kB|MB|GB|TB)$')


class Judge:
    def __init__(self):
        self.wrong, self.pages, self.names, self.suggested = [], [], 0, 0

    def visit(self, page, window):
        self.pages.append(page)
        probe = self.walk.world.probe
        labels = probe.labels()
        suggested = collections.Counter(label['window'] for label in labels if label['suggested'])
        self.wrong += [f'{page}: {number} suggested actions in a {where}' for where, number in suggested.items() if number > 1]
        self.suggested += sum(suggested.values())
        for label in labels:
            about = f'{page}: {label["text"]!r} in a {label["in"]} of {label["window"]}'
            if not ({label['in'], label['window']} & TOOLKIT or label['text'] in TOOLKIT_TEXTS or
                    '[' in label['text'] or DATA.match(label['text'])):
                self.wrong.append(f'{about} is not translated')
            if label['x'] < 0 or label['x'] + label['width'] > label['room']:
                self.wrong.append(f'{about} is outside of its window')
        self.look_at_sides(page)
        self.look_at_names(page)

    def look_at_sides(self, page):
        """The names of the machines are left of their pictures, the switches left of what they switch."""
        for label in self.walk.world.probe.labels():
            if page == 'library' and label['text'] == 'Haiku' and label['x'] > 100:
                self.wrong.append(f'{page} is not mirrored: {label}')

    @staticmethod
    def toasts(bus, parents):
        """Those of them that are toasts, whose closing button is the toolkit's; they may stand over any page."""
        parents = list(parents)
        question = ('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (PREFIX + 'Accessible', 'Name')))
        names = gather(bus, [(Accessible(bus, *parent), *question) for parent in parents])
        return {parent for parent, name in zip(parents, names) if name and name[0] == 'AdwToastWidget'}

    def look_at_names(self, page):
        """As a screen reader finds them. What has no name of its own is called by its type."""
        bus, level, focusable = self.walk.world.desktop.bus, self.walk.world.desktop.windows(), []
        while level:
            answers = iter(gather(bus, [(thing, PREFIX + 'Accessible', question, None) for thing in level
                                        for question in ('GetState', 'GetChildren')]))
            upper, level = level, []
            for thing, state, children in zip(upper, answers, answers):
                bits = state[0][0] | state[0][1] << 32 if state and children else 0  # 0: it went meanwhile
                if bits >> VISIBLE & 1:
                    focusable += [thing] if bits >> FOCUSABLE & 1 else []
                    level += [Accessible(bus, *child) for child in children[0]]

        questions = ((PREFIX + 'Accessible', 'GetRoleName', None),
                     ('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (PREFIX + 'Accessible', 'Name'))),
                     (PREFIX + 'Component', 'GetExtents', GLib.Variant('(u)', (1,))),
                     ('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (PREFIX + 'Accessible', 'Parent'))))
        answers = list(gather(bus, [(thing, *question) for thing in focusable for question in questions]))
        toasts = self.toasts(bus, {parent[0] for parent in answers[3::4] if parent})
        answers = iter(answers)
        lists, buttons = set(), 0
        for thing, role, name, extents, parent in zip(focusable, *[answers] * 4):
            if None in (role, name, extents, parent):
                continue
            if name[0] == 'GtkListView':  # which draws the value of a combo row
                lists.add(thing.path)
            # A page that is not shown has no size. A group is what scrolls, and a list hands the focus to its rows.
            if extents[0][2] <= 0 or role[0] in ('group', 'list') or parent[0][1] in lists or parent[0] in toasts:
                continue
            self.names += 1
            if re.match(r'(Gtk|Adw|Lodge)[A-Z]\w+$|\s*$', name[0]):
                buttons += role[0] == 'button'
                if role[0] != 'button' or buttons > TOOLKIT_BUTTONS.get(re.sub(r'-\d$', '', page), 0):
                    self.wrong.append(f'{page}: a {role[0]} can have the focus and has no name ("{name[0]}", {extents[0]})')


@pytest.mark.slow
def test_pages(tmp_path):
    judge = Judge()
    judge.walk = Walk(judge.visit, width=360, height=640, direction=None if os.path.exists(ARABIC) else 'rtl',
                      environment=language_environment(PSEUDO_RTL, str(tmp_path)))
    judge.walk.walk()
    print('\n'.join(judge.wrong))
    assert not judge.wrong
    assert len(judge.pages) > 20 and judge.names > 100 and judge.suggested > 5
