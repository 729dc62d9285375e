#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""count.py SKIPS RESULT.xml...: the counts of several JUnit files as one line, the last.

Names what failed and what was skipped. A skip that SKIPS does not list counts as a failure: a test
that quietly stops running is worse than one that fails. A line of SKIPS is a name or a beginning of
one that ends in *, " – " and the reason.
"""
import sys
import xml.etree.ElementTree as ElementTree


def read_skips(path):
    with open(path, encoding='utf-8') as f:
        return [line.split(' – ')[0].strip() for line in f if line.strip() and not line.startswith('#')]


def is_listed(name, skips):
    return any(name.startswith(skip[:-1]) if skip.endswith('*') else name == skip for skip in skips)


def main():
    skips = read_skips(sys.argv[1])
    passed, failed, skipped = 0, 0, 0
    for path in sys.argv[2:]:
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError) as error:
            print(f'FAILED  {path}: no results ({error})')
            failed += 1
            continue
        for suite in root.iter('testsuite'):
            for case in suite.iter('testcase'):
                name = '.'.join(part for part in (case.get('classname') or suite.get('name'), case.get('name')) if part)
                skip = case.find('skipped')
                if case.find('failure') is not None or case.find('error') is not None:
                    print(f'FAILED  {name}')
                    failed += 1
                elif skip is not None:
                    listed = is_listed(name, skips)
                    print(f'{"skipped" if listed else "FAILED"}  {name}: {skip.get("message") or "no reason given"}'
                          f'{"" if listed else " (a skip that tests/SKIPS does not list)"}')
                    skipped += listed
                    failed += not listed
                else:
                    passed += 1
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
