# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's end of org.qemu.Display1 for fake_core.py: one console that shows one still picture, a pointer that takes positions
or motion, and silence."""
import os
import re
import socket

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

XML = os.path.join(os.path.dirname(__file__), '../../data/dbus/org.qemu.Display1.xml')
PREFIX = 'org.qemu.Display1.'
PATH = '/org/qemu/Display1/'
X8R8G8B8 = 0x20020888  # as pixman numbers its formats


class FakeDisplay:
    def __init__(self, picture, log):
        """picture: a PPM (P6, maxval 255); log: is told each method that is called, with its arguments."""
        head = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', picture)
        self.width, self.height = int(head[1]), int(head[2])
        colours = picture[head.end():]
        pixels = bytearray(self.width * self.height * 4)
        for place, colour in enumerate((2, 1, 0)):
            pixels[place::4] = colours[colour::3]
        self.pixels = GLib.Bytes(bytes(pixels))
        self.off, self.absolute, self.log = False, True, log
        self.connections, self.listeners, self.hearers = [], [], []

    def open(self):
        """Returns: a descriptor for the viewer; the one before loses the display, as with QEMU."""
        self.close()
        ours, theirs = socket.socketpair()
        self.serve(ours.detach(), self.connected_cb)
        return theirs.detach()

    def close(self):
        for connection in self.listeners + self.hearers + self.connections:
            connection.close(None, None)
        self.connections, self.listeners, self.hearers = [], [], []

    def set_off(self, off):
        self.off = off
        for listener in self.listeners:
            self.show(listener)

    def set_absolute(self, absolute):
        self.absolute = absolute
        changed = GLib.Variant('(sa{sv}as)', (PREFIX + 'Mouse', {'IsAbsolute': GLib.Variant('b', absolute)}, []))
        for connection in self.connections:
            connection.emit_signal(None, PATH + 'Console_0', 'org.freedesktop.DBus.Properties', 'PropertiesChanged', changed)

    @staticmethod
    def serve(fd, callback):
        stream = Gio.Socket.new_from_fd(fd).connection_factory_create_connection()
        flags = Gio.DBusConnectionFlags
        Gio.DBusConnection.new(stream, Gio.dbus_generate_guid(),
                               flags.AUTHENTICATION_SERVER | flags.DELAY_MESSAGE_PROCESSING, None, None, callback)

    def connected_cb(self, _, result):
        try:
            connection = Gio.DBusConnection.new_finish(result)
        except GLib.Error:  # who asked is gone
            return
        interfaces = Gio.DBusNodeInfo.new_for_xml(open(XML, encoding='utf-8').read())
        for path, name in (('VM', 'VM'), ('Console_0', 'Console'), ('Console_0', 'Keyboard'), ('Console_0', 'Mouse'),
                           ('Audio', 'Audio')):
            connection.register_object(PATH + path, interfaces.lookup_interface(PREFIX + name), self.call_cb,
                                       self.property_cb, None)
        self.connections.append(connection)
        connection.start_message_processing()

    def listening_cb(self, _, result):
        try:
            listener = Gio.DBusConnection.new_finish(result)
        except GLib.Error:
            return
        self.listeners.append(listener)
        listener.start_message_processing()
        self.show(listener)

    def hearing_cb(self, _, result):
        """Nothing is ever played."""
        try:
            listener = Gio.DBusConnection.new_finish(result)
        except GLib.Error:
            return
        self.hearers.append(listener)
        listener.start_message_processing()

    def show(self, listener):
        if self.off:
            method, arguments = 'Disable', None
        else:
            data = GLib.Variant.new_from_bytes(GLib.VariantType('ay'), self.pixels, True)
            numbers = [GLib.Variant('u', n) for n in (self.width, self.height, self.width * 4, X8R8G8B8)]
            method, arguments = 'Scanout', GLib.Variant.new_tuple(*numbers, data)
        listener.call(None, PATH + 'Listener', PREFIX + 'Listener', method, arguments, None, Gio.DBusCallFlags.NONE, -1, None,
                      None)

    def call_cb(self, connection, sender, path, interface, method, arguments, invocation):
        self.log(method, arguments)
        if method == 'RegisterListener':
            self.serve(invocation.get_message().get_unix_fd_list().get(0), self.listening_cb)
        if method == 'RegisterOutListener':
            self.serve(invocation.get_message().get_unix_fd_list().get(0), self.hearing_cb)
        # The picture stays as it is, and the pointer is of one kind.
        if method in ('SetUIInfo', 'RelMotion' if self.absolute else 'SetAbsPosition'):
            invocation.return_dbus_error(PREFIX + 'Error.Unsupported', 'no')
        else:
            invocation.return_value(None)

    def property_cb(self, connection, sender, path, interface, name):
        return {
            'ConsoleIDs': GLib.Variant('au', [0]), 'Width': GLib.Variant('u', self.width),
            'Height': GLib.Variant('u', self.height), 'Type': GLib.Variant('s', 'Graphic'),
            'IsAbsolute': GLib.Variant('b', self.absolute), 'Head': GLib.Variant('u', 0), 'Modifiers': GLib.Variant('u', 0),
        }.get(name, GLib.Variant('s', 'fake'))
