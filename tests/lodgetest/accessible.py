# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows as a screen reader finds them: by accessible name and role, with the actions that it may ask for.

Spoken directly over the accessibility bus of a session, because the usual library binds a process to one session.
"""
import contextlib

from gi.repository import Gio, GLib

from .lodge import wait_until

PREFIX = 'org.a11y.atspi.'
REGISTRY = (PREFIX + 'Registry', '/org/a11y/atspi/accessible/root')
CHECKED, FOCUSED, SENSITIVE, VISIBLE = 4, 12, 24, 30


def gather(bus, calls):
    """The answers of many calls (thing, interface, method, arguments) that are under way together; None for a failure."""
    answers, left = [None] * len(calls), len(calls)

    def done(_, result, number):
        nonlocal left
        left -= 1
        try:
            answers[number] = bus.call_finish(result).unpack()
        except GLib.Error:
            pass

    for number, (thing, interface, method, arguments) in enumerate(calls):
        bus.call(thing.bus_name, thing.path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 10000, None, done,
                 number)
    while left:
        GLib.MainContext.default().iteration(True)
    return answers


class Accessible:
    def __init__(self, bus, name, path):
        self.bus, self.bus_name, self.path = bus, name, path

    def call(self, interface, method, arguments=None):
        reply = self.bus.call_sync(self.bus_name, self.path, interface, method, arguments, None, Gio.DBusCallFlags.NONE,
                                   10000, None)
        return reply.unpack()

    def get(self, interface, name):
        return self.call('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (PREFIX + interface, name)))[0]

    @property
    def name(self):
        return self.get('Accessible', 'Name')

    @property
    def role(self):
        return self.call(PREFIX + 'Accessible', 'GetRoleName')[0]

    def has_state(self, number):
        low, high = self.call(PREFIX + 'Accessible', 'GetState')[0]
        return bool((low | high << 32) >> number & 1)

    @property
    def children(self):
        return [Accessible(self.bus, *child) for child in self.call(PREFIX + 'Accessible', 'GetChildren')[0]]

    @property
    def extents(self):
        """x, y, width, height in its window; all 0 on a page that was not shown yet."""
        return self.call(PREFIX + 'Component', 'GetExtents', GLib.Variant('(u)', (1,)))[0]

    def walk(self):
        """Everything below that can be seen, outer things first."""
        for child in self.children:
            try:
                if not child.has_state(VISIBLE):
                    continue
                yield child
                yield from child.walk()
            except GLib.Error:  # it went meanwhile
                continue

    def names(self):
        """(name, thing) of everything below that can be seen, outer things first. Asks level by level, all of a level
        at once: a window has hundreds of things, and a busy host takes its time for each single question."""
        below, level = {}, [self]
        while level:
            kinds = ((PREFIX + 'Accessible', 'GetState', None), (PREFIX + 'Accessible', 'GetChildren', None),
                     ('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (PREFIX + 'Accessible', 'Name'))))
            answers = iter(gather(self.bus, [(thing, *kind) for thing in level for kind in kinds]))
            upper, level = level, []
            for thing, state, children, name in zip(upper, answers, answers, answers):
                if None in (state, children, name) or not (state[0][0] | state[0][1] << 32) >> VISIBLE & 1:
                    continue
                below[thing.path] = (name[0], [Accessible(self.bus, *child) for child in children[0]])
                level += below[thing.path][1]

        def visit(thing):
            for child in below.get(thing.path, ('', []))[1]:
                if child.path in below:
                    yield below[child.path][0], child
                    yield from visit(child)
        yield from visit(self)

    def matches(self, name, role=None):
        """All of that name (a test may be given instead) that have a place."""
        def test(text):
            # GTK 4.8 says the label of a button twice, once with its mnemonic.
            return name(text) if callable(name) else text == name or text.replace('_', '') in (name, f'{name} {name}')
        return (found for text, found in self.names() if test(text) and role in (None, found.role) and found.extents[2] > 0)

    def look(self, name, role=None):
        """The first of them, or None."""
        try:
            return next(self.matches(name, role), None)
        except GLib.Error:
            return None

    def find(self, name, role=None, seconds=20):
        return wait_until(lambda: self.look(name, role), seconds, f'{role or "something"} named "{name}"', 0.3)

    def press(self):
        """The first of its actions."""
        assert self.has_state(SENSITIVE), f'"{self.name}" cannot be used'
        assert self.call(PREFIX + 'Action', 'DoAction', GLib.Variant('(i)', (0,)))[0], f'"{self.name}" has no action'

    def press_button(self, name, seconds=20):
        """The first of that name that can be pressed: a menu button has an inner one of its name, which is that."""
        def press():
            try:
                for found in self.matches(name, 'button'):
                    with contextlib.suppress(GLib.Error, AssertionError):
                        found.press()
                        return True
            except GLib.Error:
                pass
            return False
        wait_until(press, seconds, f'a button "{name}" that can be pressed', 0.3)

    @property
    def place(self):
        """x and y of its middle in its window, once it has stopped to move."""
        seen = []

        def still():
            seen.append(self.extents)
            return len(seen) > 1 and seen[-1] == seen[-2]
        wait_until(still, 20, f'"{self.name}" to stand still', 0.1)
        x, y, width, height = seen[-1]
        return x + width // 2, y + height // 2

    @property
    def value(self):
        return self.get('Value', 'CurrentValue')

    @value.setter
    def value(self, value):
        self.call('org.freedesktop.DBus.Properties', 'Set',
                  GLib.Variant('(ssv)', (PREFIX + 'Value', 'CurrentValue', GLib.Variant('d', value))))

    def dump(self, depth=0):
        lines = [f'{"  " * depth}{self.role} "{self.name}"{"" if self.has_state(VISIBLE) else " (hidden)"}']
        return '\n'.join(lines + [child.dump(depth + 1) for child in self.children])


class Desktop:
    """The programs of a session that speak to assistive technology."""

    def __init__(self, lodge):
        address = lodge.call('/org/a11y/bus', 'org.a11y.Bus', 'GetAddress', name='org.a11y.Bus')[0][0]
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.bus.set_exit_on_close(False)

    def windows(self):
        return [window for program in Accessible(self.bus, *REGISTRY).children for window in program.children]

    def find_window(self, title, seconds=30):
        def look():
            try:
                return next((window for window in self.windows() if window.name == title), None)
            except GLib.Error:
                return None
        return wait_until(look, seconds, f'a window "{title}"', 0.3)

    def close(self):
        if not self.bus.is_closed():
            self.bus.close_sync(None)


def undoable(lodge):
    """What Undo would take back in the window, as it says it on the bus; '' for nothing. A toast that offers the same is
    gone after some seconds, sooner than a busy host may look for it."""
    enabled, _, state = lodge.call('/org/lodgevm/Lodge/window/1', 'org.gtk.Actions', 'Describe', GLib.Variant('(s)', ('undo',)),
                                   name='org.lodgevm.Lodge')[0][0]
    return state[0] if enabled else ''


def take_back(lodge):
    """What undoable() says, as Undo in the main menu does it."""
    lodge.call('/org/lodgevm/Lodge/window/1', 'org.gtk.Actions', 'Activate', GLib.Variant('(sava{sv})', ('undo', [], {})),
               name='org.lodgevm.Lodge')
