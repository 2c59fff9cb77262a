"""The strict model: what it allows and what not, by records written by hand;
and that it sees each sync of the suite that is left out."""
import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mail import NUMBER  # noqa: E402
from model import FILE, FOLDER, Model, count_sets, few  # noqa: E402
from station import NOWHERE, due, seal, translate  # noqa: E402
import strict  # noqa: E402

# Folders a and b are 2 and 3; a holds the file f, which is 4.
SNAPSHOT = {"": (FOLDER, 1, b""), "a": (FOLDER, 2, b""),
            "b": (FOLDER, 3, b""), "a/f": (FILE, 4, b"old")}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="records as root")


def after(record, **how):
    """Every state after a record: a set of frozensets of (path, bytes)."""
    events = [(words[0], words[1:])
              for words in (line.split() for line in record)]
    model = Model(SNAPSHOT, events, random=random.Random(1), **how)
    for event, words in events:
        model.take(event, words)
    return tell(model, model.states())


def tell(model, keys):
    """Keys as sets of (path, content); a folder's content is None."""
    told = set()
    for key in keys:
        paths = {uid: path for path, uid in model.places.items()}
        folders = {u: (f, n) for f, n, u, _ in key
                   if model.nodes[u].kind == FOLDER}

        def path(uid):
            if uid in paths:
                return paths[uid]
            folder, name = folders[uid]
            return f"{path(folder)}/{name}"

        told.add(frozenset(
            (f"{path(f)}/{n}" if path(f) else n,
             None if model.nodes[u].kind == FOLDER else model.contents[c])
            for f, n, u, c in key))
    return told


def state(**files):
    return frozenset((path.replace("_", "/"), data)
                     for path, data in files.items())


def hexed(text):
    return text.encode().hex()


def test_a_new_file_without_any_sync_may_be_absent_whole_or_half_written():
    states = after(["create 2 n 9", f"write 9 0 {hexed('abcd')}"])
    assert states == {state(), state(a_n=b""), state(a_n=b"ab"),
                      state(a_n=b"abcd"), state(a_n=b"\0\0\0\0"),
                      state(a_n=b"ab\0\0")}


def test_syncing_a_file_keeps_its_data_and_not_its_name():
    assert after(["create 2 n 9", f"write 9 0 {hexed('abcd')}",
                  "sync 9 0 2"]) == {state(), state(a_n=b"abcd")}


def test_syncing_the_folder_keeps_the_name_and_not_the_data():
    states = after(["create 2 n 9", f"write 9 0 {hexed('abcd')}",
                    "sync 2 0 2"])
    assert state() not in states
    assert state(a_n=b"") in states and state(a_n=b"abcd") in states


def test_both_syncs_leave_one_state():
    assert after(["create 2 n 9", f"write 9 0 {hexed('abcd')}",
                  "sync 9 0 2", "sync 2 0 3"]) == {state(a_n=b"abcd")}


def test_a_sync_says_nothing_of_what_came_while_it_ran():
    """The name was made after the folder's sync began."""
    assert after(["create 2 n 9", "sync 2 0 0"]) == {state(),
                                                     state(a_n=b"")}
    assert after(["create 2 n 9", f"write 9 0 {hexed('ab')}", "sync 2 0 1",
                  "sync 9 0 1"]) == after(
                      ["create 2 n 9", f"write 9 0 {hexed('ab')}",
                       "sync 2 0 1"])


def test_a_sync_of_another_folder_keeps_no_name_here():
    assert state() in after(["create 2 n 9", "sync 3 0 1", "sync 1 0 2"])


def test_rename_without_fsync_may_leave_an_empty_file():
    """The classic: a table that is renamed before its data is synced."""
    states = after(["create 2 t 9", f"write 9 0 {hexed('new')}",
                    "rename 9 2 t 2 f", "sync 2 0 3"])
    assert {dict(s)["a/f"] for s in states} == {
        b"", b"n", b"new", b"\0\0\0", b"n\0\0"}


def test_rename_after_fsync_leaves_the_old_table_or_the_new_one():
    states = after(["create 2 t 9", f"write 9 0 {hexed('new')}",
                    "sync 9 0 2", "rename 9 2 t 2 f"])
    assert states == {state(a_f=b"old"), state(a_f=b"old", a_t=b"new"),
                      state(a_f=b"new")}


def test_a_rename_within_a_folder_is_done_or_not():
    assert after(["rename 4 2 f 2 g"]) == {state(a_f=b"old"),
                                           state(a_g=b"old")}


def test_a_rename_across_folders_is_done_or_not():
    assert after(["rename 4 2 f 3 f"]) == {state(a_f=b"old"),
                                           state(b_f=b"old")}


def test_a_split_rename_across_folders_never_removes_the_source_alone():
    assert after(["rename 4 2 f 3 f"], split=True) == {
        state(a_f=b"old"), state(a_f=b"old", b_f=b"old"), state(b_f=b"old")}


def test_syncing_either_folder_keeps_a_rename_across_them():
    for folder in (2, 3):
        assert after(["rename 4 2 f 3 f", f"sync {folder} 0 1"]) == {
            state(b_f=b"old")}


def test_link_without_folder_sync_may_be_lost():
    assert after(["tmpfile 9", f"write 9 0 {hexed('mail')}", "sync 9 0 2",
                  "link 9 2 n"]) == {state(), state(a_n=b"mail")}


def test_an_unnamed_file_without_a_link_is_never_there():
    assert after(["tmpfile 9", f"write 9 0 {hexed('mail')}", "sync 9 0 2",
                  "sync 2 0 3"]) == {state()}


def test_a_link_to_data_that_was_not_synced_may_show_half_of_it():
    states = after(["tmpfile 9", f"write 9 0 {hexed('mail')}", "link 9 2 n",
                    "sync 2 0 3"])
    assert state(a_n=b"ma") in states and state() not in states


def test_operations_on_one_name_keep_their_order():
    """The second file of a name cannot be there while the first still is, nor
    can an unlink overtake the link that it undoes."""
    record = ["link 4 2 n", "unlink 4 2 n", "create 2 n 9"]
    assert after(record) == {state(), state(a_n=b"old"), state(a_n=b"")}
    assert after(["link 4 2 n", "unlink 4 2 n", "sync 2 0 2"]) == {state()}


def test_operations_on_different_names_are_independent():
    """An unlink may be on the disk before a link that came first."""
    assert after(["link 4 3 n", "unlink 4 2 f"]) == {
        state(a_f=b"old"), state(), state(b_n=b"old"),
        state(a_f=b"old", b_n=b"old")}


def test_an_inode_number_used_again_is_another_file():
    states = after(["create 2 n 9", f"write 9 0 {hexed('one!')}",
                    "sync 9 0 2", "sync 2 0 3", "unlink 9 2 n",
                    "create 3 n 9", f"write 9 0 {hexed('two!')}",
                    "sync 9 0 7"])
    assert states == {state(a_n=b"one!"), state(),
                      state(a_n=b"one!", b_n=b"two!"), state(b_n=b"two!")}


def test_a_file_that_is_written_again_shows_it_under_each_name_it_may_have():
    away = "rename 4 2 f 3 spare"
    states = after([away, f"write 4 0 {hexed('NEW')}"])
    assert state(a_f=b"Nld") in states and state(b_spare=b"Nld") in states
    states = after([away, "sync 2 0 1", f"write 4 0 {hexed('NEW')}"])
    assert not any(path == "a/f" for one in states for path, _ in one)
    # With a new name: never half of it there, once the file is synced.
    states = after([away, "sync 2 0 1", f"write 4 0 {hexed('NEW')}",
                    "sync 4 1 3", "link 4 2 g"])
    assert states == {state(b_spare=b"NEW"), state(b_spare=b"NEW", a_g=b"NEW")}


def test_a_file_is_there_only_with_the_folder_above_it():
    states = after(["mkdir 8 2 d", "create 8 n 9", "sync 8 0 2"])
    assert states == {state(), state(a_d=None, a_d_n=b"")}


def test_what_is_overwritten_keeps_its_size():
    assert after([f"write 4 0 {hexed('NEW')}", "link 4 3 g", "sync 3 0 2"]) \
        == {state(b_g=b"old"), state(b_g=b"Nld"), state(b_g=b"NEW")}


def test_a_truncation_may_be_missing():
    """Then the write that follows it lies on what was there."""
    record = ["link 4 3 g", "sync 3 0 1", "truncate 4 0",
              f"write 4 0 {hexed('N')}"]
    states = after(record)
    assert {state(b_g=b"old"), state(b_g=b""), state(b_g=b"N"),
            state(b_g=b"Nld"), state(b_g=b"\0")} == states


def test_new_states_are_those_that_the_last_event_made():
    """Told one by one they are all that a listing of every point tells."""
    record = ["create 2 n 9", f"write 9 0 {hexed('ab')}", "link 9 3 m",
              "sync 9 0 3", "unlink 9 2 n", "rename 4 2 f 2 n",
              f"write 9 2 {hexed('cd')}", "sync 2 0 7", "unlink 9 3 m"]
    events = [(w[0], w[1:]) for w in (line.split() for line in record)]
    model = Model(SNAPSHOT, events, random=random.Random(1))
    every, new = set(model.states()), set(model.states())
    for event, words in events:
        made = model.take(event, words)
        now = model.states()
        if made:
            new.update(model.states(new=True))
        every.update(now)
        assert len(now) == len(set(now))
    assert new == every


def test_many_pending_operations_are_dropped_one_by_one_and_two_by_two():
    """Beyond the limit not all is told, but what each loss alone does is."""
    names = [f"n{i}" for i in range(14)]
    record = [f"link 4 3 {name}" for name in names]
    states = after(record, limit=1 << 12)
    every = {(f"b/{name}", b"old") for name in names}
    stay = {("a/f", b"old")} & set().union(*states)
    assert len(states) < 1 << 12
    for one in every:
        assert frozenset(every - {one} | stay) in states
        assert frozenset({one} | stay) in states
        for two in every - {one}:
            assert frozenset(every - {one, two} | stay) in states
    assert after(record[:12], limit=1 << 12) > after(record[:12], limit=1)


def test_counting_sets_agrees_with_telling_them():
    record = ["link 4 2 n", "unlink 4 2 n", "rename 4 2 f 2 g",
              "link 4 2 f", "create 3 x 9", "unlink 9 3 x"]
    model = Model(SNAPSHOT, [(w[0], w[1:]) for w in map(str.split, record)])
    for line in record:
        word, *words = line.split()
        model.take(word, words)
        told = sum(1 for _ in model.all_sets({}))
        assert count_sets(model.changes, 1000) == told


def test_few_ways_hold_each_write_missing_alone_and_alone_there():
    for i in range(5):
        assert any(w[i] == 0 and w.count(0) == 1 for w in few(5))
        assert any(w[i] == 4 and w.count(0) == 4 for w in few(5))


def test_a_journal_is_translated_up_to_its_damage():
    token = b"ab" * 16
    first = seal(b"culver-journal 1 17 " + token)
    fail = seal(b"12.000000 fail r=0 a=1 reply=id=17")
    bounce = seal(b"13.000000 bounce id=18 token=" + token)
    torn = seal(b"14.000000 defer r=1 a=1 next=99.000000")[:20]
    there = translate(first + fail + bounce + torn, {17: 1017}, {18: 1018})
    assert there == (seal(b"culver-journal 1 1017 " + token) + fail
                     + seal(b"13.000000 bounce id=1018 token=" + token)
                     + torn)
    assert translate(first[:-1] + b"\0", {17: 1017}, {}) == first[:-1] + b"\0"
    # Of a message that is not there, and was known by another name.
    assert translate(first, {5: 6}, {}) == seal(
        b"culver-journal 1 %d " % (NOWHERE + 17) + token)


def test_the_next_attempt_is_the_last_that_a_journal_tells():
    assert due(b"1.0 defer r=0 a=1 next=77.000000 #\n"
               b"2.0 defer r=0 a=2 next=99.000000 #\n") == 99
    assert due(b"") is None


# The suite itself: the model must see every sync that it would miss.


@pytest.fixture(scope="module")
def field():
    if not strict.BUILT.exists():
        pytest.skip("the harness is not built")
    field = strict.Field()
    yield field
    field.close()


@pytest.fixture(scope="module")
def recorded(field):
    """Recordings of the first mix of each kind, made once."""
    return {}


def sync_of(program, *folders):
    """Leaves out this program's syncs: of files, or of these folders."""
    def thinner(recording, who, event, words):
        if event != "sync" or who != program:
            return False
        path = recording.folder(int(words[0]))
        if not folders:
            return path is None
        return path is not None and any(f in path for f in folders)
    return thinner


LEFT_OUT = {
    "files of culver-queued": (1, sync_of("queued"), {"half", "lost", "stuck"}),
    "mess, by culver-queued": (1, sync_of("queued", "queue/mess"), {"lost"}),
    "files of culver-local": (1, sync_of("local"), {"half"}),
    "new, by culver-local": (1, sync_of("local", "Maildir/new"), {"lost"}),
    "journals, by culver-send": (0, sync_of("send"), {"twice"}),
    "mess, by culver-send": (0, sync_of("send", "queue/mess"), {"twice"}),
    "info, by culver-send": (0, sync_of("send", "queue/info"), {"twice"}),
    "cur and new, by culver-pop3d": (1, sync_of("pop3d", "Maildir"),
                                     {"from nowhere"}),
    "tables, by culver-control": (3, sync_of("control"), {"half"}),
    "control, by culver-control": (3, sync_of("control", "control"),
                                   {"lost"}),
    "tables, by culver-user": (2, sync_of("user"), {"half"}),
    "users, by culver-user": (2, sync_of("user", "users"), {"lost"}),
    "domains, by culver-user": (2, sync_of("user", "domains"), {"lost"}),
}


@needs_root
def test_a_mix_with_all_its_syncs_loses_nothing(field, recorded):
    for seed in (0, 1, 2, 3):
        figures, wrong = strict.once(field, seed, 60, recorded)
        assert wrong == [] and figures["states"] > 50


@needs_root
@pytest.mark.parametrize("name", LEFT_OUT)
def test_the_model_sees_that_a_sync_is_left_out(field, recorded, name):
    seed, thinner, expected = LEFT_OUT[name]
    figures, wrong = strict.once(field, seed, 1500, recorded, thinner, 1)
    assert expected & set(figures), (dict(figures), wrong[:3])


@needs_root
def test_warm_helpers_leave_what_cold_ones_do(field, recorded):
    """Nothing of a former state is in the programs that stay."""
    seed = 2
    strict.once(field, seed, 0, recorded)

    def outcomes(name, afresh):
        def work():
            found = {}

            def note(key, files):
                found[key] = sorted(
                    (box, int(NUMBER.search(data).group(1)),
                     data.startswith(b"Return-Path: <>"))
                    for box, data in files)

            base = field.base / name
            base.mkdir()
            base.chmod(0o755)
            _, wrong = strict.recover_as_owner(
                recorded[seed], seed, base, field, 60, afresh=afresh,
                outcome=note)
            assert wrong == []
            return found
        return strict.in_child(work)

    warm, cold = outcomes("warm", 1000), outcomes("cold", 1)
    assert len(warm) > 40 and warm == cold


@needs_root
def test_a_run_goes_on_behind_the_mixes_that_are_done():
    done, told = {}, []

    def finished(mix, figures, wrong):
        assert mix not in done
        done[mix] = figures, wrong

    strict.run(1, 30, 1, told.append, most=20, finished=finished)
    before = set(done)
    figures, wrong = strict.run(1, 60, 1, told.append, most=20, done=dict(done),
                                finished=finished)
    assert wrong == [] and figures["states"] >= 60
    assert before < set(done) and told == sorted(told)
    assert figures["states"] == sum(f["states"] for f, _ in done.values())
