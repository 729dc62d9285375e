#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the repository itself, one line of TAP each. docs/HACKING names the rules."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# docs/ARCHITECTURE, "Folders": a folder may include itself and, transitively, what is named here.
ARROWS = {
    'core/ipc': [], 'core/config': ['core/ipc'], 'core/qemu': ['core/config'], 'core/storage': ['core/qemu'],
    'core/sharing': ['core/qemu'], 'core/machine': ['core/storage', 'core/sharing'], 'core/service': ['core/machine'],
    'display': [], 'ui': ['display', 'core/ipc'], 'app': ['ui', 'display', 'core/ipc'],
}
# Toolkits belong to the window's side.
FOREIGN = {'core': r'<(gtk|gdk|adwaita|SDL|vte)', 'core/ipc': r'<(json-glib|gtk|gdk|adwaita)'}
SOURCE_LINES, HEADER_LINES = (800, 1200), (150, 200)  # look again; refuse
CODE = ('.c', '.h', '.py', '.sh', '.build', '.ui', '.css')
TEXT = CODE + ('.xml', '.md', '.in', '.json', '.txt', '.service', '.desktop')
SKIPPED_FOLDERS = re.compile(r'^(\.git|build.*|__pycache__|\.pytest_cache|\.cache|shared)$')


def all_files():
    """Paths relative to the source, of what belongs to the repository."""
    listed = subprocess.run(['git', '-c', 'safe.directory=*', '-C', SOURCE, 'ls-files', '-co', '--exclude-standard'],
                            capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return sorted(f for f in listed.stdout.split('\n') if f and os.path.isfile(os.path.join(SOURCE, f)))
    found = []
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = [f for f in folders if not SKIPPED_FOLDERS.match(f)]
        found += [os.path.relpath(os.path.join(folder, name), SOURCE) for name in names]
    return sorted(found)


FILES = all_files()


def read(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def named(*endings):
    return [path for path in FILES if path.endswith(endings)]


def folder_of(path, folders=ARROWS):
    return next((f for f in sorted(folders, key=len, reverse=True) if path.startswith(f + '/')), None)


def reachable(folder):
    seen = {folder}
    for other in ARROWS[folder]:
        seen |= reachable(other)
    return seen


def include_faults(path, text):
    """What the file at path includes though it may not; from the source's root, and from its own folder, as a compiler looks."""
    folder = folder_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
        if folder is None or not match:
            continue
        beside = os.path.normpath(os.path.join(os.path.dirname(path), match[2]))
        target = folder_of(os.path.normpath(match[2])) or (folder_of(beside) if '/' in match[2] else None)
        if target and target not in reachable(folder):
            yield f'{path}:{number}: {folder} may not include {target}'
        if '..' in match[2].split('/'):
            yield f'{path}:{number}: "{match[2]}" wants its full path'
        for place, pattern in FOREIGN.items():
            if (folder + '/').startswith(place + '/') and re.search(pattern, line):
                yield f'{path}:{number}: {folder} may not use {match[2]}'


def check_include_directions():
    for path in named('.c', '.h'):
        yield from include_faults(path, read(path))


def check_that_wrong_includes_are_seen():
    """The check above, with what it is there for; nothing in the source would show that it has gone blind."""
    for path, line, faults in (
            ('core/config/x.c', '#include "core/ipc/lodge-error.h"', 0), ('display/x.c', '#include "lodge-display-core.h"', 0),
            ('core/config/x.c', '#include "core/machine/lodge-machine.h"', 1), ('display/x.c', '# include "ui/lodge-window.h"', 1),
            ('core/machine/x.c', '#include "../../ui/lodge-window.h"', 2), ('display/x.c', '#include "../ui/lodge-window.h"', 2),
            ('display/x.c', '#include "./../ui/lodge-window.h"', 2), ('ui/x.c', '#include "../display/lodge-display-view.h"', 1),
            ('ui/x.c', '#include <core/service/lodge-service.h>', 1), ('ui/x.c', '#include"display/../core/qemu/lodge-host.h"', 2),
            ('core/ipc/x.c', '#include <gtk/gtk.h>', 2), ('core/ipc/x.c', '#include <gio/gio.h>', 0)):
        found = list(include_faults(path, line))
        if len(found) != faults:
            yield f'{line} in {path}: {found or "was not seen"}'


def check_own_headers_by_full_path():
    headers = {os.path.basename(p) for p in named('.h') if folder_of(p)}
    for path in named('.c', '.h'):
        for number, line in enumerate(read(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"/]+)"', line)
            if match and match[1] in headers and folder_of(path):
                yield f'{path}:{number}: "{match[1]}" wants its full path'


def check_file_lengths():
    for path in named('.c', '.h'):
        lines = read(path).count('\n')
        soft, hard = HEADER_LINES if path.endswith('.h') else SOURCE_LINES
        if lines > hard:
            yield f'{path}: {lines} lines, the limit is {hard}'
        elif lines > soft:
            print(f'# look again: {path} has {lines} lines')


def check_spdx():
    for path in named('.c', '.h', '.py', '.sh', '.build', '.ui', '.css') + ['dev', '.ci/run', 'meson_options.txt']:
        if 'SPDX-License-Identifier: GPL-3.0-or-later' not in read(path)[:400]:
            yield f'{path}: no SPDX line at its head'


def check_white_space():
    for path in named(*TEXT) + ['dev']:
        if path not in FILES or path.startswith('tests/') and re.search('/(data|corpus)/', path):
            continue
        text = read(path)
        for number, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip():
                yield f'{path}:{number}: white space at the end'
            if '\t' in line and path.endswith(('.c', '.h', '.py', '.build')):
                yield f'{path}:{number}: a tab'
        if text and not text.endswith('\n'):
            yield f'{path}: no newline at the end'


def check_host_paths():
    # Spelled in parts, or this file would find itself.
    pattern = re.compile(r'(?<![\w.$}])(/wo' r'rk/|/ro' r'ot/|/home/[a-z])')
    for path in FILES:
        # The redaction of reports is tested with such paths.
        if path.startswith('tests/') and re.search('/(data|corpus)/|redact', path) or path == 'LICENSE':
            continue
        for number, line in enumerate(read(path).split('\n'), 1):
            if pattern.search(line) and 'path of a test' not in line:
                yield f'{path}:{number}: a path of one host: {line.strip()[:80]}'


def check_potfiles():
    if 'po/POTFILES.in' not in FILES and 'po/POTFILES' not in FILES:
        yield 'po/POTFILES.in is not there'
        return
    listed = [line for line in read('po/POTFILES.in' if 'po/POTFILES.in' in FILES else 'po/POTFILES').splitlines()
              if line and not line.startswith('#')]
    if listed != sorted(listed):
        yield 'po/POTFILES.in is not sorted'
    wanted = set()
    for path in named('.c', '.ui', '.desktop.in', '.metainfo.xml.in', '.gschema.xml'):
        text = read(path)
        if path.startswith('tests/'):
            continue
        if path.endswith('.c') and re.search(r'\b(N|C|NC)?_\s*\(\s*"|\bn?d?gettext\s*\(\s*"', text) or \
           path.endswith('.ui') and 'translatable="yes"' in text or \
           path.endswith(('.desktop.in', '.metainfo.xml.in')) or \
           path.endswith('.gschema.xml') and '<summary>' in text:
            wanted.add(path)
    for path in sorted(wanted - set(listed)):
        yield f'po/POTFILES.in lacks {path}'
    for path in listed:
        if path not in FILES:
            yield f'po/POTFILES.in names {path}, which is not there'


def run_tool(*command):
    if shutil.which(command[0]) is None:
        return f'{command[0]} is not installed'
    done = subprocess.run(command, capture_output=True, text=True)
    return '' if done.returncode == 0 else (done.stdout + done.stderr).strip() or f'{command[0]} failed'


def plain_copy(path, folder, **values):
    """A template with its @values@ filled in, under the name it will have."""
    text = re.sub(r'@(\w+)@', lambda m: values.get(m[1], '/usr/bin'), read(path))
    target = os.path.join(folder, re.sub(r'(\.in)+$', '', os.path.basename(path)))
    with open(target, 'w', encoding='utf-8') as f:
        f.write(text)
    return target


def check_desktop_files():
    with tempfile.TemporaryDirectory() as folder:
        for path in named('.desktop', '.desktop.in', '.desktop.in.in'):
            problem = run_tool('desktop-file-validate', plain_copy(path, folder))
            if problem:
                yield f'{path}: {problem}'


def check_metainfo():
    with tempfile.TemporaryDirectory() as folder:
        for path in named('.metainfo.xml.in'):
            for url in ('', 'https://example.org/lodge'):
                target = os.path.join(folder, os.path.basename(path)[:-3])
                problem = run_tool(sys.executable, os.path.join(SOURCE, 'data/metainfo.py'), os.path.join(SOURCE, path), target,
                                   url) or run_tool('appstreamcli', 'validate', '--no-net', target)
                if problem:
                    yield f'{path}: {problem}'
        for picture in re.findall('@SCREENSHOTS_URL@/(.+?)<', ''.join(map(read, named('.metainfo.xml.in')))):
            if f'docs/screenshots/{picture}' not in FILES:
                yield f'docs/screenshots/{picture} is named in the metainfo and not there'


def check_schemas():
    folders = {os.path.dirname(path) for path in named('.gschema.xml')}
    for folder in folders:
        problem = run_tool('glib-compile-schemas', '--strict', '--dry-run', os.path.join(SOURCE, folder))
        if problem:
            yield f'{folder}: {problem}'


def check_units():
    """systemd units: a restart of the core must not take the guests along."""
    for path in named('.service', '.service.in'):
        text = read(path)
        if '[D-BUS Service]' in text:
            name = os.path.basename(path).split('.service')[0]
            if not re.search(rf'^Name={re.escape(name)}$', text, re.M) or not re.search(r'^Exec=\S+', text, re.M):
                yield f'{path}: not the service of {name}'
            continue
        if not re.search(r'^KillMode=process$', text, re.M):
            yield f'{path}: no KillMode=process; a restart would kill the guests'
        if not re.search(r'^BusName=org\.lodgevm\.Core1$', text, re.M) or not re.search(r'^Type=dbus$', text, re.M):
            yield f'{path}: not Type=dbus with BusName=org.lodgevm.Core1'


def check_xml():
    for path in named('.xml', '.ui', '.xml.in'):
        try:
            ElementTree.fromstring(read(path).encode())
        except ElementTree.ParseError as error:
            yield f'{path}: {error}'


SMALL_WORDS = set('a an and as at by for from in into of off on or the to with'.split())
# What a button, an answer or an entry of a menu says, in C.
LABELS = re.compile(r'(?:add_response \([^"]*"[\w-]+", N?_\("|button_new_with_(?:label|mnemonic) \(_\("|set_button_label \([^"]*_\("|'
                    r'toast_button \([^;]*, _\(")([^"]+)"')


def label_fault(label):
    """Buttons say what they do, in header case; "OK" and "Yes" mean what somebody has read before."""
    words = re.findall(r"[A-Za-z][\w’'-]*", label.replace('_', ''))
    if label.replace('_', '').strip('.!…').lower() in ('ok', 'okay', 'yes', 'no'):
        return 'is not what the button does'
    if any(word[0].islower() and (number == 0 or word not in SMALL_WORDS) for number, word in enumerate(words)):
        return 'is not in header case'
    return None


def check_labels_of_buttons():
    labels = [(path, label) for path in named('.c') if path.startswith('ui/') for label in LABELS.findall(read(path))]
    for path in named('.ui'):
        tree = ElementTree.fromstring(read(path).encode())
        texts = [text for thing in tree.iter('object') if 'Button' in thing.get('class', '')
                 for text in thing.findall("property[@name='label']")] + tree.findall(".//attribute[@name='label']")
        labels += [(path, text.text) for text in texts if text.get('translatable')]
    for path, label in labels:
        if label_fault(label):
            yield f'{path}: “{label}” {label_fault(label)}'
    if len(labels) < 100 or not all(map(label_fault, ('_OK', 'Yes', 'Take snapshot'))):
        yield f'the check has gone blind ({len(labels)} labels)'


def check_dbus_docs():
    """Each method and signal of the contract is in docs/DBUS.md; properties are described in the XML alone."""
    docs = [path for path in FILES if path.startswith('docs/DBUS')]
    if not docs:
        yield 'docs/DBUS.md is not there'
        return
    text = ''.join(map(read, docs))
    for path in named('.xml'):
        if path.startswith('data/dbus/org.lodgevm.'):
            for match in re.finditer(r'<(method|signal) name="(\w+)"', read(path)):
                if not re.search(rf'\b{match[2]}\b', text):
                    yield f'{docs[0]}: {match[1]} {match[2]} is not documented'


def check_what_is_unproven():
    """Each line names a word of ./dev prove, and each word has a line, a mark and a test."""
    rows = [line for line in read('docs/UNPROVEN.md').splitlines() if line.startswith('|')][2:]
    named = set()
    for row in rows:
        match = re.search(r'`\./dev prove (\w+)`[^|]*\|$', row)
        if match:
            named.add(match[1])
        else:
            yield f'docs/UNPROVEN.md: no ./dev prove WORD that decides it: {row[:60]}'
    words = set(re.search(r"local words='([\w ]+)'", read('dev'))[1].split())
    helped = set(re.search(r'^  prove \[([\w|]+)\]', read('dev'), re.M)[1].split('|'))
    marks = set(re.findall(r"'prove_(\w+)':", read('tests/conftest.py')))
    tested = set(re.findall(r'@pytest\.mark\.prove_(\w+)', ''.join(read(p) for p in FILES if p.startswith('tests/prove/'))))
    for what, found in (('docs/UNPROVEN.md', named), ('the usage of dev', helped), ('tests/conftest.py', marks),
                        ('tests/prove', tested)):
        for word in sorted(found ^ words):
            yield f'{what} and ./dev prove differ about “{word}”'


def check_unit_tests_are_listed():
    listed = read('tests/unit/meson.build')
    for path in FILES:
        match = re.match(r'tests/unit/test-(.+)\.c$', path)
        if match and f"'{match[1]}'" not in listed and os.path.basename(path) not in listed:
            yield f'{path}: not in tests/unit/meson.build'


def main():
    checks = [(name[6:].replace('_', ' '), function) for name, function in globals().items() if name.startswith('check_')]
    print('TAP version 13')
    print(f'1..{len(checks)}')
    bad = 0
    for number, (name, function) in enumerate(checks, 1):
        problems = list(function())
        for problem in problems:
            for line in problem.split('\n'):
                print('# ' + line)
        bad += bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
