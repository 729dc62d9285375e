#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""count.py SKIPS ENDS RESULT...: the counts of several results as one line, the last.

A result is a JUnit file of pytest (.xml) or a log of meson (.json; TAP tests count by their points). Each line of ENDS
is the name of a result and the exit status of what made it: one that failed without a failed test counts as a failure,
and so does a result that is not there.

Names what failed and what was skipped. A skip that SKIPS does not list counts as a failure: a test
that quietly stops running is worse than one that fails. A line of SKIPS is a name, in
which * stands for anything, " – " and the reason.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree


def read_skips(path):
    with open(path, encoding='utf-8') as f:
        return [line.split(' – ')[0].strip() for line in f if line.strip() and not line.startswith('#')]


def is_listed(name, skips):
    return any(re.fullmatch('.*'.join(map(re.escape, skip.split('*'))), name, re.S) for skip in skips)


def read_ends(path):
    try:
        with open(path, encoding='utf-8') as f:
            return dict(line.split() for line in f)
    except OSError:
        return {}


def meson_results(path):
    """(name, outcome, text) of every point; outcome is "passed", "failed" or "skipped"."""
    with open(path, encoding='utf-8') as f:
        tests = [json.loads(line) for line in f if line.strip()]
    for test in tests:
        points = [match.groups() for match in
                  re.finditer(r'^(not )?ok \d+ *-? *(.*?)(?: # SKIP *(.*))?$', test.get('stdout') or '', re.M)]
        for bad, name, skip in points:
            yield f'{test["name"]}: {name}', 'failed' if bad else 'passed' if skip is None else 'skipped', skip or ''
        if test['result'] == 'SKIP' and not points:
            yield test['name'], 'skipped', 'skipped as a whole'
        elif test['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP'):
            if not points:
                yield test['name'], 'passed', ''
        elif not any(bad for bad, _, _ in points):  # it crashed, or ran out of time
            yield test['name'], 'failed', test['result']


def pytest_results(path):
    for case in ElementTree.parse(path).getroot().iter('testcase'):
        name = '.'.join(part for part in (case.get('classname'), case.get('name')) if part)
        skip = case.find('skipped')
        if case.find('failure') is not None or case.find('error') is not None:
            yield name, 'failed', ''
        elif skip is not None:
            yield name, 'skipped', skip.get('message') or ''
        else:
            yield name, 'passed', ''


def main():
    skips, ends = read_skips(sys.argv[1]), read_ends(sys.argv[2])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for path in sys.argv[3:]:
        try:
            results = list((meson_results if path.endswith('.json') else pytest_results)(path))
        except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
            results = [(path, 'failed', f'no results: {error}')]
        end = ends.get(os.path.basename(path), 'unknown')
        if end != '0' and not any(outcome == 'failed' for _, outcome, _ in results):
            results.append((path, 'failed', f'its tests did not all run, the exit status is {end}'))
        for name, outcome, text in results:
            if outcome == 'skipped' and not is_listed(name, skips):
                outcome, text = 'failed', f'{text} (a skip that tests/SKIPS does not list)'
            counts[outcome] += 1
            if outcome != 'passed':
                print(f'{outcome.upper() if outcome == "failed" else outcome}  {name}{": " + text if text else ""}')
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**counts))
    sys.exit(1 if counts['failed'] or not counts['passed'] else 0)


if __name__ == '__main__':
    main()
