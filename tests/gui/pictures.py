#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of every page of the window, for eyes: pictures.py FOLDER [--look NAME]... [--scene NAME]... [--screen PPM]

Each look (light, dark, high contrast, narrow, wide, twice the scale, larger text, right to left, …) is a walk through all
pages. Nothing is judged here; test_pages.py does that. Printed beside each picture are the texts that are not whole in it.
With --docs FOLDER is docs/screenshots, and gets what is shown there.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')]

from lodgetest.language import PSEUDO_RTL, language_environment  # noqa: E402
from scenes import Walk, picture  # noqa: E402

LOOKS = {
    'light': {},
    'dark': {'environment': {'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'contrast': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1'}},
    'contrast-dark': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1', 'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'narrow': {'width': 360, 'height': 640},
    'wide': {'width': 1400, 'height': 880},
    'scale2': {'environment': {'GDK_SCALE': '2'}, 'screen': (2000, 1500)},
    'text150': {'points': 16.5},  # as a text scaling of 150 %: on X11 GTK 4 takes neither GDK_DPI_SCALE nor gtk-xft-dpi
    'text150-narrow': {'points': 16.5, 'width': 360, 'height': 640},
    'rtl': {'language': 'ar_XB'},
    'rtl-narrow': {'language': 'ar_XB', 'width': 360, 'height': 640},
    'german': {'language': 'de_DE'},
    'german-narrow': {'language': 'de_DE', 'width': 360, 'height': 640},
    'pseudo': {'language': 'en_XA'},
    'pseudo-narrow': {'language': 'en_XA', 'width': 360, 'height': 640},
}
ARABIC = '/usr/share/locale/ar/LC_MESSAGES/gtk40.mo'
# What the README and the shop window show: page and look, and its name there.
DOCS = {('portrait', 'light'): 'library', ('portrait', 'dark'): 'library-dark', ('new-review', 'light'): 'new',
        ('settings-2', 'light'): 'settings', ('snapshots', 'light'): 'snapshots', ('console', 'light'): 'console',
        ('family', 'dark'): 'family'}
DOC_SCENES = {'light': ('portrait', 'snapshots', 'settings', 'assistant', 'console'), 'dark': ('portrait', 'family')}
# Nothing composes the windows here, so that they get a plain frame from the toolkit; what is shown has round corners instead.
NO_FRAME = 'window.solid-csd { border: none; box-shadow: none; margin: 0; padding: 0; }'


def put_in_frame(path):
    size = subprocess.run(['identify', '-format', '%w,%h', path], capture_output=True, text=True, check=True).stdout
    subprocess.run(['convert', path, '(', '-size', size.replace(',', 'x'), 'xc:none', '-fill', 'white', '-draw',
                    f'roundrectangle 0,0,{size},12,12', ')', '-alpha', 'set', '-compose', 'DstIn', '-composite',
                    '(', '+clone', '-background', 'black', '-shadow', '45x12+0+5', ')', '+swap', '-background', 'none',
                    '-compose', 'Over', '-layers', 'merge', '+repage', '-strip', path], check=True)


def take(name, look, options, languages):
    environment = dict(look.get('environment', {}))
    if 'language' in look:
        environment.update(language_environment(look['language'], languages))
    toolkit = f'gtk-font-name=Cantarell {look.get("points", 11)}\n'

    def visit(page, _):
        file = DOCS.get((page, name)) if options.docs else f'{page}-{name}'
        if file is not None:
            path = os.path.join(options.folder, file + '.png')
            picture(walk, path, walk.popover)
            if options.docs:
                put_in_frame(path)
            cut = [label['text'] for label in walk.world.probe.labels() if label['cut']]
            print(path, *(['cut:', *map(repr, cut)] if cut else []), flush=True)

    sizes = {key: look[key] for key in ('width', 'height', 'screen') if key in look}
    rtl = look.get('language') == PSEUDO_RTL and not os.path.exists(ARABIC)
    walk = Walk(visit, environment=environment, toolkit=toolkit, direction='rtl' if rtl else None,
                css=NO_FRAME if options.docs else '',
                core=(['--screen', os.path.abspath(options.screen)] if options.screen else []) + ['--kvm'] * options.docs,
                **sizes)
    walk.walk(options.scene or (DOC_SCENES[name] if options.docs else None))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', help='where they go')
    parser.add_argument('--look', action='append', choices=LOOKS)
    parser.add_argument('--scene', action='append')
    parser.add_argument('--docs', action='store_true', help='what docs/screenshots has')
    parser.add_argument('--screen', help='a PPM that the machines show')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    languages = tempfile.mkdtemp(prefix='lodge-languages-')
    try:
        for name in options.look or (DOC_SCENES if options.docs else LOOKS):
            try:
                take(name, LOOKS[name], options, languages)
            except Exception as error:  # a look less is not the end
                print(f'{name}: {error}', file=sys.stderr)
    finally:
        shutil.rmtree(languages)


main()
