#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of other programs for tests: drag_source.py drag FILE is one that FILE can be dragged out of;
drag_source.py clipboard prints the size of the picture that the clipboard holds."""
import os
import sys

import gi

gi.require_version('Gdk', '4.0')
gi.require_version('Gtk', '4.0')
from gi.repository import Gdk, Gio, GLib, Gtk  # noqa: E402


def drag(path):
    uri = Gio.File.new_for_path(path).get_uri()
    source = Gtk.DragSource(actions=Gdk.DragAction.COPY)
    source.connect('prepare', lambda *_: Gdk.ContentProvider.new_for_bytes('text/uri-list',
                                                                           GLib.Bytes.new(f'{uri}\r\n'.encode())))
    label = Gtk.Label(label='a file')
    label.add_controller(source)
    Gtk.Window(title='Files', default_width=150, default_height=150, child=label).present()
    GLib.MainLoop().run()


def clipboard():
    loop = GLib.MainLoop()

    def read(board, result):
        try:
            texture = board.read_texture_finish(result)
            print(f'{texture.get_width()}x{texture.get_height()}', flush=True)
        except GLib.Error as error:
            print(error.message, flush=True)
        loop.quit()

    def ask(*_):
        Gdk.Display.get_default().get_clipboard().read_texture_async(None, read)

    if 'WAYLAND_DISPLAY' in os.environ:  # there only who has the keys may look
        window = Gtk.Window(title='Clipboard')
        window.connect('notify::is-active', ask)
        window.present()
    else:
        ask()
    loop.run()


Gtk.init()
if sys.argv[1] == 'drag':
    drag(sys.argv[2])
else:
    clipboard()
