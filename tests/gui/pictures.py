#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of every page of the window, for eyes: pictures.py FOLDER [--look NAME]... [--scene NAME]...

Each look (light, dark, high contrast, narrow, wide, twice the scale, larger text, right to left, …) is a walk through all
pages. Nothing is judged here; test_pages.py does that.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')]

from lodgetest.language import language_environment  # noqa: E402
from scenes import Walk, picture  # noqa: E402

LOOKS = {
    'light': {},
    'dark': {'environment': {'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'contrast': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1'}},
    'contrast-dark': {'environment': {'ADW_DEBUG_HIGH_CONTRAST': '1', 'ADW_DEBUG_COLOR_SCHEME': 'prefer-dark'}},
    'narrow': {'width': 360, 'height': 640},
    'wide': {'width': 1400, 'height': 880},
    'scale2': {'environment': {'GDK_SCALE': '2'}, 'screen': (2000, 1500)},
    'text150': {'environment': {'GDK_DPI_SCALE': '1.5'}},
    'text150-narrow': {'environment': {'GDK_DPI_SCALE': '1.5'}, 'width': 360, 'height': 640},
    'rtl': {'language': 'ar_XB'},
    'rtl-narrow': {'language': 'ar_XB', 'width': 360, 'height': 640},
    'german': {'language': 'de_DE'},
    'german-narrow': {'language': 'de_DE', 'width': 360, 'height': 640},
    'pseudo': {'language': 'en_XA'},
    'pseudo-narrow': {'language': 'en_XA', 'width': 360, 'height': 640},
}
POPOVERS = ('library-menu', 'main-menu')


def take(name, look, options, languages):
    environment = dict(look.get('environment', {}))
    if 'language' in look:
        environment.update(language_environment(look['language'], languages))
    toolkit = 'gtk-font-name=Cantarell 11\n'

    def visit(page, _):
        path = os.path.join(options.folder, f'{page}-{name}.png')
        picture(walk, path, page in POPOVERS)
        print(path, flush=True)

    sizes = {key: look[key] for key in ('width', 'height', 'screen') if key in look}
    walk = Walk(visit, environment=environment, toolkit=toolkit,
                core=['--screen', os.path.abspath(options.screen)] if options.screen else [], **sizes)
    walk.walk(options.scene)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder')
    parser.add_argument('--look', action='append', choices=LOOKS)
    parser.add_argument('--scene', action='append')
    parser.add_argument('--screen', help='a PPM that the machines show')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    languages = tempfile.mkdtemp(prefix='lodge-languages-')
    try:
        for name in options.look or LOOKS:
            try:
                take(name, LOOKS[name], options, languages)
            except Exception as error:  # a look less is not the end
                print(f'{name}: {error}', file=sys.stderr)
    finally:
        shutil.rmtree(languages)


main()
