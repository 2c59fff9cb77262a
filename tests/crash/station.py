"""States of a disk, built in an instance whose helpers stay warm, recovered by
a culver-send of their own, and judged; see README, STRICT."""
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import zlib

from host import MAILBOXES, SOCKETS, SPLIT, activity, wait_for
from mail import DOMAIN
from model import FOLDER

HELPERS = ("queued", "lspawn", "rspawn", "bounce")
TRYING_MAGIC = b"yrtc" + (1).to_bytes(4, "little")
QUIET = 0.005    # seconds of silence after which a look is taken
PATIENCE = 60    # seconds after which a recovery has failed
VAIN = 16        # moves of the clock that do not help, likewise
STEP = 8 * 86400  # seconds it is moved: deferred mail has expired then
NOWHERE = 10 ** 15  # no file has such a number
FIRST = re.compile(rb"^culver-journal 1 (\d+) ([0-9a-f]{32})$")
ABOUT = re.compile(rb" id=(\d+)")


def seal(text):
    return b"%s #%08x\n" % (text, zlib.crc32(text))


def translate(journal, own, numbers):
    """The journal with other inode numbers: own is its name's, numbers are
    those of messages.  What is damaged stays as it is, and all behind it."""
    out, rest = [], journal
    while b"\n" in rest:
        line, after = rest.split(b"\n", 1)
        text = line[:-10]
        if seal(text) != line + b"\n":
            break
        first = FIRST.match(text)
        if first and not out:
            was = int(first.group(1))
            text = b"culver-journal 1 %d %s" % (
                own.get(was, numbers.get(was, NOWHERE + was)),
                first.group(2))
        elif b" bounce " in text:
            text = ABOUT.sub(lambda m: b" id=%d" % numbers.get(
                int(m.group(1)), int(m.group(1))), text)
        out.append(seal(text))
        rest = after
    return b"".join(out) + rest


def notable(said):
    """What culver-send said, without its state after each event."""
    lines = [line for line in said.decode(errors="replace").splitlines()
             if not line.startswith("status: ")]
    return " / ".join(lines[-40:])


def due(journal):
    """When culver-send would try next, says the last line that tells."""
    found = re.findall(rb" next=(\d+)\.", journal)
    return int(found[-1]) if found else None


class Station:
    """An instance of our own.  Everything runs as the caller's account, which
    must be HOME's owner."""

    def __init__(self, base, template, programs):
        self.base = pathlib.Path(base)
        self.home = self.base / "home"
        subprocess.run(["cp", "-a", f"{template}/home", str(self.home)],
                       check=True)
        self.programs = programs
        self.clock = self.base / "clock"
        self.set_clock(0)
        self.env = {"PATH": os.environ["PATH"],
                    "CULVER_HOME": str(self.home),
                    "CULVER_CLOCK": str(self.clock)}
        if "LD_LIBRARY_PATH" in os.environ:
            self.env["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        self.mess = [self.home / "queue/mess" / str(n) for n in range(SPLIT)]
        self.info = [self.home / "queue/info" / str(n) for n in range(SPLIT)]
        self.pool = str(self.home / "queue/pool")
        self.boxes = [(address, str(
            self.home / "domains" / DOMAIN / name / "Maildir" / part))
            for address, name in MAILBOXES.items()
            for part in ("new", "cur")]
        self.tmp = [str(self.home / "domains" / DOMAIN / name / "Maildir/tmp")
                    for name in MAILBOXES.values()]
        self.helpers, self.send = [], 0
        self.said, self.say = os.pipe()
        os.set_blocking(self.said, False)
        self.fifo = os.open(self.home / "queue/hint",
                            os.O_RDWR | os.O_NONBLOCK)
        self.null = os.open("/dev/null", os.O_RDWR)
        self.log = open(self.base / "log", "ab")
        self.warm()

    # Programs

    def warm(self):
        """Start the helpers anew."""
        self.cool()
        for name in HELPERS:
            self.helpers.append(subprocess.Popen(
                [str(self.programs / f"culver-{name}")], env=self.env,
                stdin=self.null, stdout=self.log, stderr=self.log))
        for name in HELPERS:
            wait_for(lambda n=name: self.reachable(n), f"{name} to start")

    def reachable(self, name):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.home / SOCKETS[name]))
            return True
        except OSError:
            return False

    def cool(self):
        for helper in self.helpers:
            helper.kill()
        for helper in self.helpers:
            helper.wait()
        self.helpers = []

    def close(self):
        self.kill()
        self.cool()
        self.log.close()
        for fd in (self.said, self.say, self.fifo, self.null):
            os.close(fd)

    def begin(self):
        self.send = os.posix_spawn(
            str(self.programs / "culver-send"), ["culver-send"], self.env,
            file_actions=[(os.POSIX_SPAWN_DUP2, self.null, 0),
                          (os.POSIX_SPAWN_DUP2, self.say, 1),
                          (os.POSIX_SPAWN_DUP2, self.say, 2)])

    def kill(self):
        if self.send:
            os.kill(self.send, signal.SIGKILL)
            os.waitpid(self.send, 0)
        self.send = 0

    def drain(self, fd):
        data = b""
        try:
            while (more := os.read(fd, 65536)):
                data += more
        except BlockingIOError:
            pass
        return data

    def run(self, *argv):
        """A tool's exit code."""
        return subprocess.run([str(self.programs / argv[0]), *argv[1:]],
                              env=self.env, stdin=self.null,
                              stdout=self.log, stderr=self.log,
                              check=False).returncode

    def set_clock(self, microseconds):
        fd = os.open(self.clock, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, b"%+020d\n%+020d\n" % (microseconds, microseconds), 0)
        os.close(fd)
        self.shift = microseconds

    # Recovery

    def queued(self, folders):
        return [name for folder in folders for name in os.listdir(folder)]

    def recover(self):
        """Start culver-send and let it work until the queue is empty; what
        is wrong."""
        self.begin()
        said, moves, before, hinted = b"", 0, None, False
        pids = [self.send] + [h.pid for h in self.helpers]
        end = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(self.said, select.POLLIN)
        while True:
            quiet, heard = False, b""
            if poll.poll(QUIET * 1000):
                heard = self.drain(self.said)
                said, before = said + heard, None
            elif b"listed" in said:
                # The clock moves only while nothing else does: an answer that
                # is waited for shall not come eight days late.
                before, quiet = activity(pids, before)
            if b"listed" in said and (
                    hinted or quiet or b" msg " in heard
                    or b"listed" in heard) and not self.queued(self.mess):
                if not self.queued(self.info):
                    break
                # Only journals are to be removed, and nothing is waited for.
                quiet, hinted = quiet or not hinted, True
            if quiet:
                self.set_clock(self.shift + STEP * 1000000)
                os.kill(self.send, signal.SIGALRM)
                moves, before = moves + 1, None
            if os.waitpid(self.send, os.WNOHANG)[0]:
                self.send = 0
                return ["died: culver-send: " + notable(said)]
            if moves > VAIN or time.monotonic() > end:
                self.kill()
                return ["stuck: " + " ".join(self.left()) + ": "
                        + notable(said)]
        self.kill()
        self.drain(self.fifo)
        self.drain(self.said)
        return self.look_after(said)

    def left(self):
        """The files of the queue."""
        return [f"{folder.parent.name}/{name}"
                for folder in self.mess + self.info
                for name in os.listdir(folder)]

    def look_after(self, said):
        """What must not be there (P6), or not have ended."""
        wrong = []
        if b"crashed" in said:
            wrong.append("died: culver-local: " + notable(said))
        for helper, name in zip(self.helpers, HELPERS):
            if helper.poll() is not None:
                wrong.append(f"died: culver-{name}")
        left = [n for t in self.tmp for n in os.listdir(t)]
        left += os.listdir(self.home / "queue/mess/tmp") \
            if (self.home / "queue/mess/tmp").exists() else []
        if (self.home / "queue/rescan").exists():
            left.append("queue/rescan")
        if left:
            wrong.append(f"left over: {left}")
        return wrong

    def collect(self):
        """All delivered files, which are removed."""
        found = []
        for address, folder in self.boxes:
            for name in os.listdir(folder):
                path = f"{folder}/{name}"
                with open(path, "rb") as f:
                    found.append((address, f.read()))
                os.unlink(path)
        return found

    def clear(self):
        """Nothing of the last state is left in the queue or the boxes.  What
        culver-queued cannot use of the pool it removes itself meanwhile."""
        for folder in self.mess + self.info + self.tmp + [self.pool]:
            for name in os.listdir(folder):
                pathlib.Path(folder, name).unlink(missing_ok=True)
        (self.home / "queue/rescan").unlink(missing_ok=True)
        self.collect()


class Builder:
    """Builds the states of one model in a station's tree."""

    def __init__(self, station, model, seed):
        self.station, self.model = station, model
        self.seed = seed
        self.paths = {uid: path for path, uid in model.places.items()}
        self.kept = {}     # what stands outside queue and boxes: (uid, content)
        self.folders = set()
        self.fixed = {}    # untouched files outside them
        volatile = [f.relative_to(station.home).as_posix()
                    for f in station.mess + station.info]
        volatile += [os.path.relpath(p, station.home)
                     for p in [b for _, b in station.boxes] + station.tmp
                     + [station.pool]]
        self.volatile = set(volatile)
        self.always = []   # untouched files of the queue and the boxes
        for (folder, name), uid in model.base.items():
            if (folder, name) in model.touched:
                continue
            node = model.nodes[uid]
            if node.kind == FOLDER or folder not in self.paths:
                continue
            path = self.paths[folder]
            if path in self.volatile:
                self.always.append((path, name, uid, None))
            elif f"{path}/{name}" != "queue/trying":
                self.fixed[f"{path}/{name}"] = node.base
                self.put(f"{path}/{name}", node.base)
        self.trying = bytes(model.nodes[
            model.base[model.places["queue"], "trying"]].base)
        self.twice_used = 0
        self.links = {}  # (uid of a message): the event that named it
        self.unlinked = {}  # (slot): the event that last removed it

    def put(self, path, data):
        """A file outside queue and boxes, put where another was, with a new
        number, as a rename leaves it."""
        target = self.station.home / path
        mode = 0o644
        if target.exists():
            mode = target.stat().st_mode & 0o777
            if target.read_bytes() == data:
                return
        elif path.startswith("users/passwd"):
            mode = 0o600
        new = self.station.home / (path + ".new")
        new.write_bytes(data)
        new.chmod(mode)
        os.rename(new, target)

    def files(self, key):
        """What the state has, besides folders: (path, name, uid, data)."""
        model, paths = self.model, dict(self.paths)
        folders, todo = {}, []
        for folder, name, uid, content in key:
            if model.nodes[uid].kind == FOLDER:
                folders[uid] = (folder, name)
            else:
                todo.append((folder, name, uid, content))

        def path(uid):
            if uid not in paths:
                folder, name = folders[uid]
                paths[uid] = f"{path(folder)}/{name}"
            return paths[uid]

        found = [(path(folder), name, uid, model.contents[content])
                 for folder, name, uid, content in todo]
        return found, {path(uid) for uid in folders}

    def build(self, key, shift):
        """Build it.  What stands outside queue and boxes is brought up to
        date, the others are filled: they must be empty."""
        station, model = self.station, self.model
        r = random.Random(f"{self.seed} {key}")
        files = self.build_outside(key)
        mail = [file for file in files if file[0] in self.volatile]
        mail += [(path, name, uid, model.nodes[uid].base)
                 for path, name, uid, _ in self.always]
        numbers = self.messages(mail)
        self.spares(mail, numbers)
        self.journals(mail, numbers, r)
        self.boxes(mail)
        self.try_something(numbers, r)
        station.set_clock(shift)

    def build_outside(self, key):
        """Only what stands outside queue and boxes; files(key)'s files."""
        files, folders = self.files(key)
        self.bring_folders(folders)
        self.bring_files({f"{path}/{name}": data
                          for path, name, _, data in files
                          if path not in self.volatile})
        return files

    def bring_back(self):
        """Somebody changed what stands outside queue and boxes."""
        self.kept = {path: None for path in self.kept}
        for path, data in self.fixed.items():
            self.put(path, data)

    def bring_folders(self, folders):
        home = self.station.home
        for path in sorted(self.folders - folders, reverse=True):
            shutil.rmtree(home / path, ignore_errors=True)
        for path in sorted(folders):
            (home / path).mkdir(mode=0o700, exist_ok=True)
        self.folders = folders

    def bring_files(self, files):
        home = self.station.home
        for path in set(self.kept) - set(files):
            (home / path).unlink(missing_ok=True)
        for path, data in files.items():
            if self.kept.get(path) != data:
                self.put(path, data)
        # What a recovery may remove is there again the next time.
        self.kept = {path: data for path, data in files.items()
                     if path != "queue/rescan"}

    def messages(self, mail):
        """Queue files; {recorded number: number here}."""
        numbers, names = {}, {}
        for path, name, uid, data in mail:
            if not path.startswith("queue/mess/"):
                continue
            new = str(self.station.home / path / "new")
            number = write(new, data, 0o640)
            os.rename(new, self.station.mess[number % SPLIT] / str(number))
            numbers[int(name)] = number
        return numbers

    def spares(self, mail, numbers):
        """What is in the pool: second names of messages, and free files."""
        of_messages = {uid: numbers[int(name)] for path, name, uid, _ in mail
                       if path.startswith("queue/mess/")}
        for path, name, uid, data in mail:
            if path != "queue/pool":
                continue
            number = of_messages.get(uid)
            if number is not None:
                os.link(self.station.mess[number % SPLIT] / str(number),
                        f"{self.station.pool}/{number}")
            else:
                new = f"{self.station.pool}/new"
                number = write(new, data, 0o640)
                os.rename(new, f"{self.station.pool}/{number}")

    def journals(self, mail, numbers, r):
        taken = {int(name) for path, name, _, _ in mail
                 if path.startswith("queue/info/") and name.isdigit()}
        for path, name, uid, data in mail:
            if not path.startswith("queue/info/"):
                continue
            if not name.isdigit():  # of a compaction
                write(str(self.station.home / path / name), data, 0o640)
                continue
            was = int(name)
            number = numbers.get(was)
            if number is None:
                number = self.reused(path, name, uid, taken, numbers, mail, r)
            data = translate(data, {was: number}, numbers)
            target = self.station.info[number % SPLIT] / str(number)
            write(str(target), data, 0o640)
            self.stamp(target, data, r)

    def reused(self, path, name, uid, taken, numbers, mail, r):
        """A number for a journal without a message: of no file, or of a
        message that came after its removal, as file systems hand them out."""
        gone = self.unlinked.get((self.model.places[path], name, uid))
        free = [numbers[int(n)] for p, n, u, _ in mail
                if p.startswith("queue/mess/") and int(n) not in taken
                and gone is not None and self.links.get(u, -1) > gone]
        if free and r.random() < 0.5:
            self.twice_used += 1
            taken.update(n for n, to in numbers.items() if to == free[0])
            return free[0]
        return NOWHERE + int(name)

    def stamp(self, path, data, r):
        """Its time was written after the data, and may be lost."""
        way = r.randrange(3)
        if way == 0:
            os.utime(path, (0, 0))
        elif way == 1 and (at := due(data)) is not None:
            os.utime(path, (at, at))

    def boxes(self, mail):
        made = {}
        for path, name, uid, data in mail:
            if not path.startswith("domains/"):
                continue
            target = str(self.station.home / path / name)
            if uid in made:
                os.link(made[uid], target)
            else:
                write(target, data, 0o600)
                made[uid] = target

    def try_something(self, numbers, r):
        """queue/trying is mapped: what is in it after a cut nobody knows."""
        way = r.randrange(5)
        data = self.trying
        if way == 1:
            data = bytes(len(data))
        elif way == 2:
            data = r.randbytes(len(data))
        elif way == 3:
            data = TRYING_MAGIC + r.randbytes(len(data) - len(TRYING_MAGIC))
        elif way == 4 and numbers:
            hand = r.choice(sorted(numbers.values()))
            data = data[:16] + hand.to_bytes(8, "little") + data[24:]
        (self.station.home / "queue/trying").write_bytes(data)


def write(path, data, mode):
    """A new file; its number."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(fd, data)
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)
