# SPDX-License-Identifier: GPL-3.0-or-later
"""Languages for tests: locales made in a folder, and a pseudo-translation that shows what is not translated.

In the locale C a program speaks English whatever LANGUAGE says, and a small system has no other one.
"""
import os
import re
import subprocess

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PSEUDO, PSEUDO_RTL = 'en_XA', 'ar_XB'
ACCENTS = str.maketrans('ACDEGHIJKLNORSTUWYZacdeghijklnorstuwyz', 'ÀÇĎÉĜĤÎĴĶĻÑÖŘŠŢÛŴÝŽàçďéĝĥîĵķļñöřšţûŵýž')
# Formats, dates, markup, entities, mnemonics with their letter: what a translator leaves as it is.
KEPT = re.compile(r'%(?:\d+\$)?[-+ #0\']*[\d.*]*(?:hh|h|ll|l|z|j|t|L)?[a-zA-Z%]|<[^>]+>|&\w+;|_\w|https?://\S+|\n')
KEYWORDS = ('_', 'N_', 'C_:1c,2', 'NC_:1c,2', 'g_dcgettext:2', 'g_dngettext:2,3', 'g_dpgettext2:2c,3')


def pseudo(text):
    """The text accented, two fifths longer and in brackets; Lodge's words can then be told from all others."""
    parts, last = [], 0
    for match in KEPT.finditer(text):
        parts += [text[last:match.start()].translate(ACCENTS), match[0]]
        last = match.end()
    parts.append(text[last:].translate(ACCENTS))
    letters = sum(map(str.isalpha, KEPT.sub('', text)))
    if letters == 0:
        return text
    changed = ''.join(parts)
    start, end = ('\n' * text.startswith('\n'), '\n' * text.endswith('\n'))  # msgfmt wants them where they were
    return f'{start}[{changed.strip(chr(10))} {"~" * (letters * 2 // 5)}]{end}'


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n').replace('\t', '\\t') + '"'


def unquoted(lines):
    text = ''.join(re.findall(r'"(.*)"', '\n'.join(lines)))
    return re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t'}.get(m[1], m[1]), text)


def translate(template):
    """The .po of the pseudo-translation, from the text of a .pot."""
    entries = []
    for entry in template.split('\n\n'):
        fields, field = {}, None
        for line in entry.split('\n'):
            match = re.match(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[\d\])? ', line)
            field = match[1] if match else field
            if line and not line.startswith('#') and field:
                fields.setdefault(field, []).append(line)
        if unquoted(fields.get('msgid', [])) == '':
            continue
        flags = [line for line in entry.split('\n') if line.startswith('#,')]
        lines = flags + fields.get('msgctxt', []) + fields['msgid'] + fields.get('msgid_plural', [])
        one = quoted(pseudo(unquoted(fields['msgid'])))
        if 'msgid_plural' in fields:
            lines += [f'msgstr[0] {one}', f'msgstr[1] {quoted(pseudo(unquoted(fields["msgid_plural"])))}']
        else:
            lines.append(f'msgstr {one}')
        entries.append('\n'.join(lines))
    head = (r'msgid ""' '\n' r'msgstr "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n'
            r'Plural-Forms: nplurals=2; plural=(n != 1);\n"')
    return '\n\n'.join([head] + entries) + '\n'


def make_pseudo(folder, name):
    """FOLDER/NAME/LC_MESSAGES/lodge.mo, from the strings in the sources."""
    template, po = os.path.join(folder, 'lodge.pot'), os.path.join(folder, 'pseudo.po')
    subprocess.run(['xgettext', '--from-code=UTF-8', '--files-from=po/POTFILES.in', f'--output={template}',
                    *(f'--keyword={word}' for word in KEYWORDS)], cwd=SOURCE, check=True, capture_output=True)
    with open(template, encoding='utf-8') as f, open(po, 'w', encoding='utf-8') as out:
        out.write(translate(f.read()))
    target = os.path.join(folder, name, 'LC_MESSAGES')
    os.makedirs(target, exist_ok=True)
    subprocess.run(['msgfmt', '--check-format', f'--output-file={target}/lodge.mo', po], check=True)


def language_environment(name, folder):
    """What a program's environment needs so that it speaks that language ("de_DE", PSEUDO, or PSEUDO_RTL, which the
    toolkit takes for Arabic); files go into FOLDER.

    The locale is that of C under another name: gettext and the direction of the text go by the name. localedef
    would need seconds for what is only seen in numbers and dates.
    """
    os.makedirs(folder, exist_ok=True)
    place = os.path.join(folder, f'{name}.UTF-8')
    if not os.path.islink(place):
        os.symlink('/usr/lib/locale/C.utf8', place)
    environment = {'LOCPATH': folder, 'LC_ALL': f'{name}.UTF-8', 'LANG': f'{name}.UTF-8', 'LANGUAGE': name}
    if name in (PSEUDO, PSEUDO_RTL):
        make_pseudo(folder, name)
        environment['LODGE_LOCALEDIR'] = folder
    return environment
