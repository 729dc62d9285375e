# SPDX-License-Identifier: GPL-3.0-or-later
"""The window against a core that only remembers: what a person does arrives as the right calls."""
import os
import subprocess
import sys

import pytest
from gi.repository import GLib

from dropping import drop
from fake_world import FakeWorld


@pytest.fixture
def make_world():
    worlds = []

    def make(machines=(), **options):
        worlds.append(FakeWorld(machines, **options))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def test_empty_then_created(make_world):
    world = make_world()
    world.main.find('Welcome to Lodge', 'label')
    world.display.key('ctrl+n')
    assistant = world.display.find_window('^New Machine$')
    world.display.focus(assistant)
    world.display.key('alt+w')
    review = world.display.find_window('^Review$')
    world.display.focus(review)
    # The name is selected, also when the focus comes back to it, and what is typed takes its place even where the toolkit
    # has unselected it because something was selected in another program.
    world.display.key('Tab', 'shift+Tab')
    world.display.take_selection()
    world.probe.settle()
    world.display.type('Attic')
    world.display.key('Return')
    call = world.wait_call(None, 'CreateMachine')
    assert "'Attic'" in call[2]
    assert "'firmware': <'uefi'>" in call[2]
    assert "'memory': <uint64 2147483648>" in call[2]


def test_one_click_from_a_dropped_image(make_world):
    world = make_world(window=False)
    path = world.add_image('debian-13.iso', 'Debian 13.1.0 amd64 n')
    world.arguments = [path]
    world.start_window()
    review = world.desktop.find_window('Review')
    review.find('Debian 13', 'label')
    review.find('About 10 times slower: virtualisation is off in the firmware.', 'label')
    review.find('How to Fix', 'button').press()
    world.display.wait(lambda: world.probe.windows()[0] == 'AdwMessageDialog', 20, 'the way to mend it')
    world.display.key('Escape')
    world.display.wait(lambda: world.probe.windows()[0] == 'LodgeNewDialog', 20, 'the assistant again')
    review.find('Memory', 'spin button').value = 10 * 1024
    review.find('10 GB of 16 GB: other programs may slow down', 'label')
    assert review.find('Memory', 'spin button').get('Value', 'MaximumValue') == 16 * 1024, 'more than there is is impossible'
    review.find('Memory', 'spin button').value = 3 * 1024
    review.find('Create and Start', 'button').press()
    call = world.wait_call(None, 'CreateMachine')[2]
    for what in ("'Debian 13'", "'os': <'debian13'>", "'memory': <uint64 3221225472>", "'disk-size': <uint64 21474836480>",
                 "('iso', 'debian-13.iso'"):
        assert what in call
    world.wait_call('Debian 13', 'Start')


def test_assistant_keeps_what_was_typed(make_world, tmp_path):
    world = make_world(window=False)
    world.add_image('fedora-43.iso', 'Fedora-WS')
    text = tmp_path / 'notes.iso'
    text.write_text('only words\n')
    world.start_window()
    world.display.key('ctrl+n')
    window = world.display.find_window('^New Machine$')
    world.display.focus(window)
    assistant = world.desktop.find_window('New Machine')
    assistant.find('Fedora Linux 43', 'label')
    world.display.key('Return')
    world.display.find_window('^Review$')
    world.display.type('Mine')

    # Back and on again: the name stays. Escape asks, because something was typed.
    review = world.desktop.find_window('Review')
    review.find('Back', 'button').press()
    world.display.find_window('^New Machine$')
    world.display.key('Return')
    world.display.find_window('^Review$')
    world.display.key('Escape')
    question = world.desktop.find_window('Discard the New Machine?')
    question.find('Keep Editing', 'button').press()

    # A failure comes back to the form with the reason.
    world.display.focus(window)
    world.display.key('ctrl+a')
    world.display.type('My fault')
    review.find('Create and Start', 'button').press()
    review.find(lambda name: 'space' in name, 'label')
    assert not [c for c in world.calls() if c[1] == 'Start']


def test_dropped_on_the_window(make_world):
    world = make_world([{'name': 'Barn'}])
    hint = 'Drop an installer image here to make another machine'
    world.main.find(hint, 'label')
    path = world.add_image('debian-13.iso', 'Debian 13.1.0 amd64 n')
    width, height = world.display.size(world.window)
    # Anywhere: the place is on the page of a machine.
    drop(world.display, path, world.window, (width * 3 // 4, height // 2),
         lambda seconds: world.main.find('Drop an Image to Make a Machine', 'label', seconds),
         lambda: world.display.find_window('^Review$'))
    review = world.desktop.find_window('Review')
    review.find('Debian 13', 'label')
    # Nothing was typed, so nothing is asked.
    world.display.focus(world.display.find_window('^Review$'))
    world.display.key('Escape')
    world.display.wait(lambda: world.probe.windows() == ['LodgeWindow'], 20, 'the assistant to close')
    # Who did it once knows it.
    world.display.wait(lambda: not world.main.look(hint, 'label'), 20, 'the hint to go')
    assert world.setting('drop-hint') == 'false'


def test_unknown_system(make_world, tmp_path):
    """The kind of system is chosen, and the amounts go with it; a choice is asked about before it is lost. What is used lately
    is offered like what was downloaded, and a recognition that takes its time holds up nothing."""
    lately = tmp_path / 'debian-13.iso'
    world = make_world(window=False, settings=f"[org/lodgevm/Lodge]\nrecent-images=['{lately}']\n")
    os.rename(world.add_image('slow.iso', 'SLOW'), lately)
    slow = world.add_image('slow.iso', 'SLOW', 1)
    world.add_image('strange.iso', 'STRANGE')
    world.start_window()
    world.display.key('ctrl+n')
    assistant = world.desktop.find_window('New Machine')
    assistant.find('Debian 13', 'label')
    world.display.focus(world.display.find_window('^New Machine$'))
    world.display.key('Return')
    review = world.desktop.find_window('Review')
    review.find('It was not recognised. Choose what comes closest.', 'label')
    window = world.display.find_window('^Review$')
    x, y, width, height = review.find('Kind of System', 'combo box').extents
    world.display.click(window, x + width // 2, y + height // 2)
    world.display.wait(lambda: review.look('DOS', 'label'), 20, 'the kinds of systems')
    world.display.key('Home', 'Down', 'Down', 'Down', 'Down', 'Return')
    world.display.wait(lambda: review.find('Memory', 'spin button').value == 64, 20, 'the memory that DOS has')
    world.display.key('Escape')
    world.desktop.find_window('Discard the New Machine?').find('Discard', 'button').press()
    world.display.wait(lambda: world.probe.windows() == ['LodgeWindow'], 20, 'the assistant to close')

    world.display.output(os.path.join(os.environ['LODGE_BUILD_DIR'], 'app/lodge'), '--new', slow)
    review = world.desktop.find_window('Review')
    review.find('Recognising…', 'label')
    review.find('Create and Start', 'button').press()
    world.wait_call(None, 'CreateMachine', "'slow.iso'")

    # What is recognised late gives no name to a machine whose name a person has begun to change.
    world.display.output(os.path.join(os.environ['LODGE_BUILD_DIR'], 'app/lodge'), '--new', slow)
    review = world.desktop.find_window('Review')
    review.find('Recognising…', 'label')
    world.display.focus(world.display.find_window('^Review$'))
    world.display.key('End')
    world.probe.settle()
    world.recognise()
    review.find('Debian 13', 'label')
    world.display.type('b')
    review.find('Create and Start', 'button').press()
    world.wait_call(None, 'CreateMachine', "'SLOW 2b'")


def test_size_is_kept(make_world):
    world = make_world([{'name': 'Barn'}])
    world.display.output('xdotool', 'windowsize', '--sync', world.window, '1000', '700')
    world.display.wait(lambda: (world.setting('window-width'), world.setting('window-height')) == ('1000', '700'), 20,
                       'the size to be kept')
    world.restart_window()
    world.display.wait(lambda: world.display.size(world.window) == (1000, 700), 20, 'the size to be as before')

    # Beside each other from 720 pixels on; the theme may draw a border of some more.
    def panes(width):
        world.display.output('xdotool', 'windowsize', '--sync', world.window, str(width), '700')
        world.probe.settle()
        return {'Lodge', 'Storage'} <= {label['text'] for label in world.probe.labels() if label['width'] > 0}
    assert [panes(width) for width in (800, 732, 719)] == [True, True, False]
    panes(1000)
    world.display.output('xdotool', 'mousemove', '--window', world.window, '700', '20', 'click', '--repeat', '2', '--delay', '80', '1')
    world.display.wait(lambda: world.setting('window-maximized') == 'true', 20, 'the window to be maximised')
    world.restart_window()
    world.display.wait(lambda: world.display.size(world.window) == (1280, 900), 20, 'it to be maximised again')


def test_text_file_is_told_in_place(make_world, tmp_path):
    text = tmp_path / 'notes.iso'
    text.write_text('only words\n')
    world = make_world(arguments=[text], window=False)
    # Another lodge is just ending: this one waits for its name.
    ending = world.spawn([sys.executable, os.path.join(os.path.dirname(__file__), 'ending_window.py')])
    world.display.wait(lambda: world.has_owner('org.lodgevm.Lodge'), 20, 'a lodge that is ending')
    world.start_window()
    assert ending.wait(20) == 0
    assistant = world.desktop.find_window('New Machine')
    assistant.find('This is a text file, not a disc image.', 'label')


def test_rename_and_delete(make_world):
    world = make_world([{'name': 'Barn', 'State': 'off'}])
    world.main.find('Barn, Off', 'list item')
    world.display.key('F2')
    world.display.key('ctrl+a')
    world.display.type('Stable')
    world.display.key('Return')
    world.wait_call('Barn', 'SetSettings', "'name': <'Stable'>")

    world.main.find('Stable, Off', 'list item')
    world.display.click(world.window, 90, 70)
    world.display.key('Delete')
    world.wait_call('Stable', 'Delete')


def test_groups_and_search(make_world):
    world = make_world([{'name': 'Barn'}, {'name': 'Attic', 'State': 'running'}, {'name': 'Loft', 'Template': True}],
                       core=['--features', 'save'])
    main = world.main
    # A group has a heading, and a machine moves when its state changes.
    for heading in ('Running', 'Machines', 'Templates'):
        main.find(heading, 'label')
    rows = lambda: [name for name, found in main.names() if ', ' in name and found.role == 'list item']  # noqa: E731
    world.display.wait(lambda: rows() == ['Attic, Running', 'Barn, Off', 'Loft, Off'], 20, 'the order of the groups')
    world.change('Barn', State='running')
    world.change('Attic', State='off')
    world.display.wait(lambda: rows() == ['Barn, Running', 'Attic, Off', 'Loft, Off'], 20, 'the order to follow the states')

    # Typing anywhere searches, Return opens what was found.
    world.display.type('bar')
    world.display.wait(lambda: rows() == ['Barn, Running'], 20, 'only what was searched for')
    world.display.key('Return')
    world.desktop.find_window('Barn').find('Close', 'button').press()
    world.display.wait(lambda: world.probe.windows() == ['LodgeWindow'], 20, 'the console to close')
    main.find('“Barn” keeps running', 'label')
    main.find('Save', 'button').press()
    world.wait_call('Barn', 'Save')
    world.display.focus(world.window)
    world.display.key('Escape')
    world.display.wait(lambda: len(rows()) == 3, 20, 'all machines again')
    world.display.type('lof')
    world.display.wait(lambda: rows() == ['Loft, Off'], 20, 'only what was searched for')
    world.display.type('zzz')
    main.find('No Machine Found', 'label')
    world.display.key('Escape')
    world.display.wait(lambda: len(rows()) == 3, 20, 'all machines again')


def test_settings_of_every_kind(make_world):
    world = make_world([{'name': 'Barn'}])
    world.main.find('Barn, Off', 'list item')
    # A card leads to its page.
    world.display.output('xdotool', 'windowsize', '--sync', world.window, '1000', '880')
    for card, row in (('Storage', 'disk0.qcow2'), ('System', 'TPM')):
        place = world.main.find(card, 'list item').place
        world.display.click(world.window, *place)
        world.display.wait(lambda: world.probe.windows()[0] == 'LodgeSettingsWindow', 20, 'the settings')
        world.display.wait(lambda: any(label['text'] == row for label in world.probe.labels()), 20, f'“{row}” to be shown')
        if card != 'System':
            world.display.key('Escape')
            world.display.wait(lambda: world.probe.windows() == ['LodgeWindow'], 20, 'the settings to close')
    settings = world.desktop.find_window('Settings')
    # A switch and its Undo.
    settings.find('TPM', 'switch').press()
    world.wait_call('Barn', 'SetSettings', "'tpm': <true>")
    settings.find('TPM: On', 'label')
    settings.find('Undo', 'button').press()
    world.wait_call('Barn', 'SetSettings', "'tpm': <false>")

    # An amount, and what is said about it.
    settings.find('Memory', 'spin button').value = 12 * 1024
    settings.find('12 GB of 16 GB: other programs may slow down', 'label')
    world.wait_call('Barn', 'SetSettings', "'memory': <uint64 12884901888>")

    # What another client changes is shown, also where it is more than this host has, and what then cannot be says why.
    world.change('Barn', Settings={'memory': 48 << 30, 'cores': 24})
    for row, value in (('Memory', 48 * 1024), ('Cores', 24)):
        world.display.wait(lambda: settings.find(row, 'spin button').value == value, 20, f'{row} as they were set')
    world.change('Barn', Settings={'memory': 2 << 30, 'cores': 2, 'firmware': 'bios'})
    world.display.wait(lambda: settings.find('Cores', 'spin button').value == 2, 20, 'two cores again')
    settings.find('Needs UEFI firmware', 'label')
    settings.find('Storage', 'tab').press()
    world.change('Barn', Settings={'cd': '/media/tools.iso'})
    settings.find('tools.iso', 'label')
    settings.find('Eject', 'button').press()
    settings.find('CD ejected', 'label')
    world.wait_call('Barn', 'SetSettings', "'cd': <''>")
    settings.find('Undo', 'button').press()
    world.wait_call('Barn', 'SetSettings', "'cd': <'/media/tools.iso'>")

    # Found by its name, on another page; what the machine does not have is not.
    world.display.key('ctrl+f')
    world.display.type('kernel')
    settings.find('No Results Found', 'label')
    world.display.key('ctrl+a')
    world.display.type('unused')
    place = settings.find('Give Back Unused Memory', 'list item').place
    world.display.click(world.display.find_window('^Settings$'), *place)
    settings.find('Help for Windows', 'label')


def test_among_the_applications(make_world):
    world = make_world([{'name': 'Barn; rm -rf', 'Id': '11111111-2222-3333-4444-555555555555', 'Settings': {'os': 'debian12'}}])
    world.main.find('Barn; rm -rf, Off', 'list item')
    folder = os.path.join(world.session.environment['XDG_DATA_HOME'], 'applications')
    path = os.path.join(folder, 'org.lodgevm.Lodge.machine-11111111-2222-3333-4444-555555555555.desktop')
    world.display.key('shift+F10')
    world.main.find('Add to Applications', 'menu item').press()
    world.main.find('“Barn; rm -rf” is among the applications', 'label')
    subprocess.run(['desktop-file-validate', path], check=True)
    entry = open(path, encoding='utf-8').read()
    assert 'Exec=lodge 11111111-2222-3333-4444-555555555555\n' in entry
    assert 'Icon=lodge-os-debian\n' in entry
    world.main.find('Undo', 'button').press()
    world.display.wait(lambda: not os.path.exists(path), 20, 'the entry to go')


def test_search_of_the_desktop(make_world):
    world = make_world([{'name': 'Barn', 'Id': 'b1'}, {'name': 'Attic', 'Id': 'a1'}])

    def search(method, signature, values):
        return world.call('/org/lodgevm/Lodge/SearchProvider', 'org.gnome.Shell.SearchProvider2', method,
                          GLib.Variant(signature, values), 'org.lodgevm.Lodge')[0]
    assert search('GetInitialResultSet', '(as)', (['bar'],)) == (['b1'],)
    assert search('GetSubsearchResultSet', '(asas)', (['b1'], ['bar', 'x'])) == ([],)
    assert [(meta['id'], meta['name'], meta['description']) for meta in search('GetResultMetas', '(as)', (['a1'],))[0]] == \
        [('a1', 'Attic', 'Off')]
    search('ActivateResult', '(sasu)', ('a1', ['att'], 0))
    world.display.find_window('^Attic$')


def test_what_waits_is_restarted_or_reverted(make_world):
    world = make_world([{'name': 'Barn', 'State': 'running', 'PendingSettings': ['cores', 'memory'],
                         'Effective': {'settings': {'cores': 1, 'memory': 1 << 30}}}])
    world.main.find('2 changes wait for the next start', 'label')
    world.main.find('Cores, Memory', 'label')
    world.main.find('Revert', 'button').press()
    assert "'cores': <uint32 1>" in world.wait_call('Barn', 'SetSettings')[2]
    world.main.find('Restart', 'button').press()
    world.wait_call('Barn', 'Shutdown')
    world.change('Barn', State='off')
    world.wait_call('Barn', 'Start')


def test_deleted_with_its_size(make_world):
    world = make_world([{'name': 'Attic'}, {'name': 'Barn'}])
    world.main.find('Barn, Off', 'list item')
    world.display.key('Delete')
    world.main.find('“Attic” deleted, 12.0\u00a0GB', 'label')
    world.main.find('Undo', 'button').press()
    world.wait_call(None, 'Undelete')
    world.main.find('Attic, Off', 'list item')


def test_running_machine_is_not_deleted(make_world):
    world = make_world([{'name': 'Barn', 'State': 'running'}])
    world.display.click(world.window, 90, 70)
    world.display.key('Delete')
    world.main.find('“Barn” is running. Shut it down before deleting it.', 'label')
    # A snapshot of it asks nothing, and can be given a name afterwards.
    world.display.key('ctrl+shift+s')
    world.wait_call('Barn', 'TakeSnapshot')
    world.main.find('Rename', 'button').press()
    world.display.wait(lambda: world.probe.windows()[0] == 'AdwMessageDialog', 20, 'the question for a name')
    world.display.key('ctrl+a')
    world.display.type('before')
    world.display.key('Return')
    world.wait_call('Barn', 'EditSnapshot', "'name': <'before'>")
    world.display.wait(lambda: world.probe.windows() == ['LodgeWindow'], 20, 'the question to go')
    world.display.key('ctrl+comma')
    world.display.find_window('^Settings$')
    assert not [c for c in world.calls() if c[1] == 'Delete']


def test_weaker_confinement_is_told(make_world):
    """Never silently: beside the machine that runs, and in its settings with a way out."""
    effective = {'accelerator': 'kvm', 'confinement': 'landlock', 'confinement-reason': 'no-bubblewrap'}
    world = make_world([{'name': 'Barn', 'State': 'running', 'Effective': effective}])
    said = 'bubblewrap is not installed, so guests are confined less well: landlock.'
    world.main.find(said, 'label')
    world.display.key('ctrl+comma')
    settings = world.desktop.find_window('Settings')
    settings.find('General', 'tab').press()
    settings.find('Now', 'label')  # beside the name
    settings.find('System', 'tab').press()
    settings.find(said, 'label')
    assert [label['text'] for label in world.probe.labels()].count('At Next Start') >= 7
    world.change('Barn', Effective={**effective, 'confinement': 'bubblewrap', 'confinement-reason': 'ok'})
    settings.find('The guest sees its own folder and nothing else of yours (bubblewrap)', 'label')
    # Nor is it silent that the snapshot before the start was left out.
    world.change('Barn', Automatic={'before-start-error': 'no-space', 'before-start-message': 'full'})
    world.main.find('“Barn” was started without the snapshot before it: less than 2 GB or a twentieth of the disk is free. Free some space.', 'label')
