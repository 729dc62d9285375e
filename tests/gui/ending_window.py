# SPDX-License-Identifier: GPL-3.0-or-later
"""A lodge that is just ending: it has the name on the bus, takes no command line any more, and is gone after a moment.

Whoever comes is refused twice: when it asks what there is, and when it gives its command line."""
import os
import sys

from gi.repository import Gio, GLib

XML = """<node><interface name="org.gtk.Actions"><method name="DescribeAll"><arg type="a{s(bgav)}" direction="out"/></method>
</interface><interface name="org.gtk.Application"><method name="CommandLine"><arg type="o" direction="in"/>
<arg type="aay" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="out"/></method></interface></node>"""
asked = []


def call(connection, sender, path, interface, method, arguments, invocation):
    asked.append(method)
    if asked == ['DescribeAll', 'DescribeAll']:
        invocation.return_value(GLib.Variant('(a{s(bgav)})', ({},)))
        return
    invocation.return_dbus_error('org.freedesktop.DBus.Error.UnknownMethod', f'No such interface “{interface}”')
    if method == 'CommandLine':
        connection.flush_sync()
        os._exit(0)


bus = Gio.bus_get_sync(Gio.BusType.SESSION)
for found in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
    bus.register_object('/org/lodgevm/Lodge', found, call, None, None)
Gio.bus_own_name_on_connection(bus, 'org.lodgevm.Lodge', 0, None, lambda *_: sys.exit(1))
GLib.MainLoop().run()
