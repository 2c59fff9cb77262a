"""What a message costs, and in which order: DESIGN 3 and 4, seen by strace."""
import collections
import os
import re
import shutil
import subprocess

import pytest

from conftest import DOMAIN

ANN = "ann@" + DOMAIN
MESSAGES = 100
TRACED = ("smtpd", "queued", "lspawn", "send")
CALLS = ("execve,execveat,fork,vfork,clone,clone3,fsync,fdatasync,sync_file_range,"
         "openat,open,linkat,link,rename,renameat,renameat2,unlink,unlinkat,"
         "mkdir,mkdirat,write,writev,sendto,sendmsg,close,dup,dup2,dup3,fcntl")


def can_trace():
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], check=False,
                          capture_output=True)
    return None if done.returncode == 0 else "this host forbids ptrace"


class Call:
    """One finished system call of a trace."""

    def __init__(self, end, lasted, name, args, result, program):
        self.begin, self.end, self.name = end - lasted, end, name
        self.args, self.result, self.program = args, result, program
        self.path = ""  # of the descriptor it is about, or that it opened

    def __repr__(self):
        return f"{self.begin:.6f} {self.program} {self.name}({self.args}) " \
               f"= {self.result}"


LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
WHOLE = re.compile(r"(\w+)\((.*)\) += (-?\d+).*<(\d+\.\d+)>$")


def parse(text, program):
    """The calls of a trace that ended."""
    begun, calls = {}, []
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        pid, at, rest = int(match[1]), float(match[2]), match[3]
        if rest.endswith("<unfinished ...>"):
            begun[pid] = at, rest[:-len("<unfinished ...>")]
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        if resumed:
            at, rest = begun.pop(pid, (at, ""))
            rest += resumed[1]
        match = WHOLE.match(rest)
        if match:
            lasted = float(match[4])
            calls.append(Call(at + lasted, lasted, match[1], match[2],
                              int(match[3]), program))
    return calls


def paths(calls):
    """Fill in Call.path from -y: descriptors are written 7<path>."""
    for call in calls:
        found = re.search(r"\d+<([^>]*)>", call.args)
        if call.name in ("openat", "open"):
            found = re.search(r'"([^"]*)"', call.args)
        call.path = found[1] if found else ""
    return calls


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    why = can_trace()
    if why:
        pytest.skip(why)
    import conftest
    instance = conftest.Instance()
    # One delivery at a time: under strace the worker is slower than the door,
    # and another would be started for the mail that is late, as it should be.
    (instance.home / "control" / "concurrencylocal").write_text("1\n")
    folder = instance.folder
    for name in TRACED:
        instance.wrapped[name] = [
            "strace", "-f", "-ttt", "-T", "-y", "-s", "64", "-e", "trace=" + CALLS,
            "-o", str(folder / f"{name}.trace")]
    try:
        instance.start()
        with instance.client() as client:
            for n in range(MESSAGES + 1):
                client.sendmail("you@client.example", [ANN],
                                b"Subject: test\r\n\r\nnumber %d\r\n" % n)
                if n == 0:
                    instance.wait_mails(1)
                    instance.wait_empty()
            instance.wait_mails(MESSAGES + 1)
            instance.wait_empty()
        instance.stop()
        calls = []
        for name in TRACED:
            text = (folder / f"{name}.trace").read_text(errors="replace")
            calls += paths(parse(text, name))
        calls.sort(key=lambda c: c.end)
        # The first message, which starts what will live on, ends here.
        first = next(i for i, c in enumerate(calls) if is_removal(c))
        yield calls[first + 1:]
    finally:
        instance.close()


def is_removal(call):
    """culver-send removed a message, its file moved to the pool or not; blind,
    we take its only such calls for it."""
    return call.program == "send" and \
        call.name.startswith(("unlink", "rename")) and \
        call.result == 0 and ("queue/mess" in call.args or blind(call))


def blind(call):
    """An ordinary user's strace cannot read what is not dumpable."""
    return '"' not in call.args


def named(calls, *names):
    return [c for c in calls if c.name in names and c.result >= 0]


def test_no_process_is_made_after_the_first_message(traces):
    rest = traces
    made = [c for c in named(rest, "execve", "execveat", "fork", "vfork",
                             "clone", "clone3")]
    assert made == []


def created(calls):
    """Files that calls brought to life: one unnamed or new each."""
    return [c for c in named(calls, "openat", "open")
            if "O_CREAT" in c.args or "O_TMPFILE" in c.args]


def test_a_message_is_one_queue_file_and_one_maildir_file(traces):
    rest = traces
    made = collections.Counter(
        "queue" if c.program == "queued" else c.program for c in created(rest))
    assert made["lspawn"] == MESSAGES
    # A file of the pool is no new one; nothing but messages is named.
    assert made["queue"] <= MESSAGES
    assert len([c for c in named(rest, "linkat", "link")
                if c.program == "queued"]) == MESSAGES


def test_a_message_costs_four_fsyncs_on_its_way(traces):
    rest = traces
    synced = collections.Counter(
        c.program for c in named(rest, "fsync", "fdatasync"))
    assert synced["queued"] == 2 * MESSAGES
    assert synced["lspawn"] == 2 * MESSAGES
    assert synced["smtpd"] == 0
    # The removals are synced in batches within a second, a folder each.
    assert synced["send"] <= MESSAGES


def test_the_fsyncs_come_before_the_250(traces):
    rest = traces
    if os.geteuid() != 0:
        pytest.skip("only root's strace sees the bytes of a jailed program")
    replies = [c for c in named(rest, "write", "writev", "sendto", "sendmsg")
               if c.program == "smtpd" and re.search(r'"250 .*ok \d{10}', c.args)]
    assert len(replies) == MESSAGES
    links = [c for c in named(rest, "linkat", "link") if c.program == "queued"]
    syncs = [c for c in named(rest, "fsync", "fdatasync")
             if c.program == "queued"]
    assert len(links) == MESSAGES
    for n, reply in enumerate(replies):
        file, folder = syncs[2 * n], syncs[2 * n + 1]
        assert file.end <= links[n].begin
        assert links[n].end <= folder.begin
        assert folder.end <= reply.begin
        assert re.search(r"queue/mess/\d+$", folder.path), folder


def test_the_fsyncs_come_before_the_message_is_removed(traces):
    rest = traces
    removed = [c for c in rest if is_removal(c)]
    placed = [c for c in named(rest, "linkat", "link", "renameat", "rename")
              if c.program == "lspawn" and ("/new>" in c.args or blind(c))]
    syncs = [c for c in named(rest, "fsync") if c.program == "lspawn"]
    assert len(removed) == len(placed) == MESSAGES
    # Deliveries run side by side: the n-th removal follows n whole deliveries.
    for n, gone in enumerate(removed):
        assert sum(s.end <= gone.begin for s in syncs) >= 2 * (n + 1)
        assert sum(p.end <= gone.begin for p in placed) >= n + 1
