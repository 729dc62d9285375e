#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what several runners of tests have to say.

    count.py SKIPS ENDS RESULT...    the counts as one line, the last; before it what failed and what was skipped
    count.py --failed RESULT         the tests in it that failed, one a line, as their runner wants them named

A result is a JUnit file of pytest (.xml) or a log of meson (.json; TAP tests count by their points). Each line of ENDS
is the name of a result and the exit status of what made it: one that failed without a failed test counts as a failure,
and so does a result that is not there. NAME-again.xml beside NAME.xml has the second try of what had failed; it decides,
and what passed only then is named.

A skip that SKIPS does not list counts as a failure: a test that quietly stops running is worse than one that fails. A line
of SKIPS is a name, in which * stands for anything, " – " and the reason.
"""
import collections
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

# test: as its runner wants it named; outcome: "passed", "failed" or "skipped".
Result = collections.namedtuple('Result', 'test name outcome text')


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
    with open(path, encoding='utf-8') as f:
        tests = [json.loads(line) for line in f if line.strip()]
    for test in tests:
        name = test['name'].rpartition(' / ')[2]  # without project and suite
        points = [match.groups() for match in
                  re.finditer(r'^(not )?ok \d+ *-? *(.*?)(?: # SKIP *(.*))?$', test.get('stdout') or '', re.M)]
        for bad, point, skip in points:
            yield Result(name, f'{name}: {point}', 'failed' if bad else 'passed' if skip is None else 'skipped', skip or '')
        if test['result'] == 'SKIP' and not points:
            yield Result(name, name, 'skipped', 'skipped as a whole')
        elif test['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP'):
            if not points:
                yield Result(name, name, 'passed', '')
        elif not any(bad for bad, _, _ in points):  # it crashed, or ran out of time
            yield Result(name, name, 'failed', test['result'])


def pytest_results(path):
    found = {}
    for case in ElementTree.parse(path).getroot().iter('testcase'):
        classname, name = case.get('classname') or '', case.get('name')
        skip = case.find('skipped')
        outcome, text = 'passed', ''
        if case.find('failure') is not None or case.find('error') is not None:
            outcome = 'failed'
        elif skip is not None:
            outcome, text = 'skipped', skip.get('message') or ''
        test = f'{classname.replace(".", "/")}.py::{name}' if classname else name
        # A test that fails and cannot be cleaned up after is there twice.
        if test not in found or outcome == 'failed':
            found[test] = Result(test, '.'.join(part for part in (classname, name) if part), outcome, text)
    return found.values()


def read_results(path):
    return list((meson_results if path.endswith('.json') else pytest_results)(path))


def with_second_try(results, path):
    """The results, where a test that failed has those of its second try. Says which tests passed only then."""
    root, extension = os.path.splitext(path)
    try:
        again = read_results(f'{root}-again{extension}')
    except (OSError, ValueError, KeyError, ElementTree.ParseError):
        return results
    failed = {result.test for result in results if result.outcome == 'failed'} & {result.test for result in again}
    for test in sorted(failed - {result.test for result in again if result.outcome == 'failed'}):
        print(f'UNSTEADY  {test}: failed, and passed when it was run again')
    return [result for result in results if result.test not in failed] + \
        [result for result in again if result.test in failed]


def main():
    if sys.argv[1] == '--failed':
        print(*sorted({result.test for result in read_results(sys.argv[2]) if result.outcome == 'failed'}), sep='\n')
        return
    skips, ends = read_skips(sys.argv[1]), read_ends(sys.argv[2])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for path in sys.argv[3:]:
        try:
            results = read_results(path)
        except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
            results = [Result(path, path, 'failed', f'no results: {error}')]
        end = ends.get(os.path.basename(path), 'unknown')
        if end != '0' and not any(result.outcome == 'failed' for result in results):
            results.append(Result(path, path, 'failed', f'its tests did not all run, the exit status is {end}'))
        for _, name, outcome, text in with_second_try(results, path):
            if outcome == 'skipped' and not is_listed(name, skips):
                outcome, text = 'failed', f'{text} (a skip that tests/SKIPS does not list)'
            counts[outcome] += 1
            if outcome != 'passed':
                print(f'{outcome.upper() if outcome == "failed" else outcome}  {name}{": " + text if text else ""}')
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**counts))
    sys.exit(1 if counts['failed'] or not counts['passed'] else 0)


if __name__ == '__main__':
    main()
