# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./dev test says at its end: no skip, no crash and no second try goes unnoticed."""
import json
import os
import subprocess

import pytest

from conftest import SOURCE

COUNT = ['/usr/bin/python3', os.path.join(SOURCE, 'tests/lodgetest/count.py')]
GOOD = ('test_good', '')
BAD = ('test_bad', '<failure message="no"/>')
SKIPPED = ('test_skip[a]', '<skipped message="not here"/>')
ERROR = ('test_error', '<error message="setup"/>')


def junit(path, *cases):
    path.write_text('<testsuites><testsuite>' + ''.join(
        f'<testcase classname="tests.x.test_y" name="{name}">{inner}</testcase>' for name, inner in cases)
        + '</testsuite></testsuites>')
    return path


def meson(path, *tests):
    path.write_text(''.join(json.dumps({'name': f'lodge:unit / {name}', 'result': result, 'stdout': stdout}) + '\n'
                            for name, result, stdout in tests))
    return path


@pytest.fixture
def count(tmp_path):
    """count (RESULT..., ends=, skips=): exit status, the lines before the last, the last line."""
    def run(*results, ends=None, skips=''):
        (tmp_path / 'skips').write_text(skips)
        (tmp_path / 'ends').write_text(''.join(f'{path.name} {(ends or {}).get(path.name, 0)}\n' for path in results))
        done = subprocess.run([*COUNT, tmp_path / 'skips', tmp_path / 'ends', *results], capture_output=True, text=True)
        assert done.stderr == ''
        *lines, last = done.stdout.splitlines()
        return done.returncode, lines, last
    return run


def test_all_good(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD)
    unit = meson(tmp_path / 'u.json', ('keys', 'OK', 'ok 1 /keys/a\nok 2 /keys/b\n1..2\n'), ('plain', 'OK', ''))
    assert count(result, unit) == (0, [], '4 passed, 0 failed, 0 skipped')


def test_failures_are_named(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD, BAD, ERROR)
    unit = meson(tmp_path / 'u.json', ('keys', 'ERROR', 'ok 1 /keys/a\nnot ok 2 /keys/b\n'), ('crashed', 'ERROR', 'ok 1 /crashed/a\n'),
                 ('slow', 'TIMEOUT', ''))
    status, lines, last = count(result, unit, ends={'a.xml': 1, 'u.json': 1})
    assert (status, last) == (1, '3 passed, 5 failed, 0 skipped')
    assert lines == ['FAILED  tests.x.test_y.test_bad', 'FAILED  tests.x.test_y.test_error', 'FAILED  keys: /keys/b',
                     'FAILED  crashed: ERROR', 'FAILED  slow: TIMEOUT']


def test_a_skip_without_a_reason_fails(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD, SKIPPED)
    status, lines, last = count(result, skips='# tests.x.test_y.test_skip[a] – a comment\ntests.x.test_y.test_ski – another test\n')
    assert (status, last) == (1, '1 passed, 1 failed, 0 skipped')
    assert lines == ['FAILED  tests.x.test_y.test_skip[a]: not here (a skip that tests/SKIPS does not list)']


def test_a_skip_with_a_reason_is_counted(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD, SKIPPED)
    unit = meson(tmp_path / 'u.json', ('keys', 'OK', 'ok 1 /keys/a # SKIP no keyboard\n'), ('whole', 'SKIP', ''))
    skips = 'tests.x.test_y.test_skip[*] – because\nkeys: /keys/a – because\nwhole – because\n'
    status, lines, last = count(result, unit, skips=skips)
    assert (status, last) == (0, '1 passed, 0 failed, 3 skipped')
    assert lines[0] == 'skipped  tests.x.test_y.test_skip[a]: not here'
    assert count(unit, skips='whole – because\n')[0] == 1


def test_nothing_but_skips_is_no_success(count, tmp_path):
    result = junit(tmp_path / 'a.xml', SKIPPED)
    assert count(result, skips='* – because\n')[0] == 1


def test_a_second_try_decides_and_is_named(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD, BAD, ERROR)
    junit(tmp_path / 'a-again.xml', ('test_bad', ''), ERROR)
    status, lines, last = count(result, ends={'a.xml': 1})
    assert (status, last) == (1, '2 passed, 1 failed, 0 skipped')
    assert lines == ['UNSTEADY  tests/x/test_y.py::test_bad: failed, and passed when it was run again',
                     'FAILED  tests.x.test_y.test_error']

    # One that is skipped at its second try did not pass.
    junit(tmp_path / 'a-again.xml', ('test_bad', '<skipped message="now"/>'), ('test_error', ''))
    assert count(result, ends={'a.xml': 1})[2] == '2 passed, 1 failed, 0 skipped'


def test_a_second_try_replaces_only_what_failed(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD, BAD)
    junit(tmp_path / 'a-again.xml', ('test_good', '<failure message="no"/>'), ('test_bad', ''))
    assert count(result, ends={'a.xml': 1})[2] == '2 passed, 0 failed, 0 skipped'


@pytest.mark.parametrize('text', [None, '', '<testsuites><testsuite>'])
def test_results_that_are_not_there_fail(count, tmp_path, text):
    result = junit(tmp_path / 'a.xml', GOOD)
    lost = tmp_path / 'b.xml'
    if text is not None:
        lost.write_text(text)
    status, lines, last = count(result, lost)
    assert (status, last) == (1, '1 passed, 1 failed, 0 skipped')
    assert lines[0].startswith(f'FAILED  {lost}: no results')


def test_a_runner_that_ended_badly_fails(count, tmp_path):
    result = junit(tmp_path / 'a.xml', GOOD)
    status, lines, last = count(result, ends={'a.xml': 3})
    assert (status, last) == (1, '1 passed, 1 failed, 0 skipped')
    assert 'exit status is 3' in lines[0]
    (tmp_path / 'ends').write_text('')
    done = subprocess.run([*COUNT, tmp_path / 'skips', tmp_path / 'ends', result], capture_output=True, text=True)
    assert done.returncode == 1 and 'unknown' in done.stdout


def test_what_to_run_again(tmp_path):
    """As each runner wants it named. A test is there twice when it could not be cleaned up after; either may have failed."""
    result = junit(tmp_path / 'a.xml', GOOD, BAD, ('test_error', ''), ERROR, ('test_bad', ''))
    unit = meson(tmp_path / 'u.json', ('keys', 'ERROR', 'not ok 1 /keys/a\nnot ok 2 /keys/b\n'), ('fine', 'OK', ''))
    for path, names in ((result, ['tests/x/test_y.py::test_bad', 'tests/x/test_y.py::test_error']), (unit, ['keys'])):
        done = subprocess.run([*COUNT, '--failed', path], capture_output=True, text=True, check=True)
        assert done.stdout.split() == names
