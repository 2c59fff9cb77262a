"""A private instance whose programs run under faultrun; see class Host."""
import collections
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import sink
from mail import ANN, BOB, DOMAIN, HERE, LATE, THERE
from tracer import TOP, Tracer

SMTP, POP3 = 10025, 10110
SPLIT = 8
HASTE = 0.3  # seconds
PATIENCE = 60
DOORS = {"smtpd": SMTP, "popup": POP3}
SOCKETS = {"queued": "queue/submit", "lspawn": "queue/lspawn",
           "rspawn": "queue/rspawn", "bounce": "queue/bounce",
           "authd": "state/auth"}
QUEUE = ("queued", "lspawn", "rspawn", "bounce", "send", "smtpd")
MAILBOXES = {ANN: "ann", BOB: "bob"}
# Seconds that the clock is moved at a time while nothing else moves: as long
# as it takes; while something is broken nobody is to be given up.
STEPS = (1, 10, 400, 3600, 36000, 8 * 86400)
SHORT_STEPS = (1, 10, 30)


def wait_for(what, why, seconds=PATIENCE):
    """The first true value of what(), asked again until a deadline."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {why}")
        time.sleep(0.002)


def glance(path):
    """The bytes of a file of /proc, the cheap way."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def activity(pids, before):
    """What tells, of these and their children, how much each has run; and
    whether that is what it was before, and none runs now."""
    pids, found = list(pids), []
    try:
        for pid in pids:
            pids += map(int, glance(f"/proc/{pid}/task/{pid}/children"
                                    ).split())
            found.append((pid, glance(f"/proc/{pid}/schedstat")))
        return found, found == before and all(
            glance(f"/proc/{pid}/stat").rpartition(b")")[2][1:2] == b"S"
            for pid in pids)
    except OSError:
        return None, False


def pauses(pid):
    """It is within nanosleep or clock_nanosleep; False where that is not to be
    known."""
    try:
        call = glance(f"/proc/{pid}/syscall").split()[0]
    except OSError:
        return False
    return call in (b"35", b"230")  # of x86_64, as faultrun is


def is_taken(port):
    """Somebody listens there.  One who has the address and does not listen
    yet shares it; /proc/net/tcp takes the kernel milliseconds."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def stage_programs(folder, built):
    """Copy the built programs to where the instance's account may run them."""
    target = pathlib.Path(folder) / "bin"
    target.mkdir(mode=0o755)
    for program in pathlib.Path(built).iterdir():
        shutil.copy(program, target)
    return target


def make_late(home):
    """A mailbox to which nobody's mail goes as long as its .qmail file is
    not there."""
    owner = (home / "alias").stat()
    for part in ("", "tmp", "new", "cur"):
        folder = home / "alias/late" / part
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)


def make_template(folder, programs, built):
    """An instance as culver setup makes it, with few folders and with its
    programs outside, where they survive what is done to it."""
    home = pathlib.Path(folder) / "home"
    subprocess.run(
        [str(built / "culver"), "setup", "--home", str(home), "--domain",
         DOMAIN, "--private", "--base-port", "10000", "--user", "ann:secret",
         "--user", "bob:hidden"], check=True, capture_output=True)
    for kind in ("mess", "info"):
        for n in range(SPLIT, 64):
            (home / "queue" / kind / str(n)).rmdir()
    (home / "queue/format").write_text(f"culver-queue 1\nsplit {SPLIT}\n")
    # One domain whose users are the system's, and none of them is there; two
    # that are other hosts', of which one is reached by nobody.
    for name, text in (("locals", HERE), ("rcpthosts", HERE),
                       ("rcpthosts", THERE), ("rcpthosts", sink.DOMAIN),
                       ("usercheck", "0"),  # mail for nobody is to bounce
                       ("smtproutes", THERE + ":127.0.0.1:1")):
        with open(home / "control" / name, "a") as f:
            f.write(text + "\n")
    subprocess.run([str(built / "culver-control"), "build", "--home",
                    str(home)], check=True, capture_output=True)
    make_late(home)
    for name in ("bin", "man"):
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "bin").symlink_to(programs)
    return folder


class Host:
    """What runs on a disk.  The clock is a file that we move."""

    def __init__(self, disk, base, programs, every_call=False, ports=DOORS):
        self.disk, self.programs, self.ports = disk, programs, ports
        self.home = disk.path / "home"
        self.logs = pathlib.Path(base) / "log"
        self.logs.mkdir(exist_ok=True)
        self.clock, self.shift = pathlib.Path(base) / "clock", 0
        self.clock.write_bytes(b"%+020d\n%+020d\n" % (0, 0))
        self.clock.chmod(0o644)
        self.private = os.geteuid() == 0
        self.tracer = Tracer({
            "PATH": os.environ["PATH"], "CULVER_HOME": str(self.home),
            "CULVER_CLOCK": str(self.clock),
            # No host here has a certificate, and to read all authorities
            # takes a culver-remote longer than the rest of a round.
            "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null",
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")},
            every_call)
        self.names, self.pids = {}, {}
        self.met = set()  # pids of programs that were reached
        self.wanted, self.begun, self.pokes = (), 0, 0
        self.ends = collections.deque(maxlen=20)
        self.mend = lambda: None  # what is done before a start
        self.sink = None          # the host that remote mail is for

    def open_sink(self):
        """Have a sink, and its mail go there."""
        self.sink = sink.Sink()
        routes = self.home / "control/smtproutes"
        with open(routes, "a") as f:
            f.write(f"{sink.DOMAIN}:[127.0.0.1]:{self.sink.port}\n")
        routes.with_suffix(".cdb").unlink(missing_ok=True)
        self.disk.sync()

    # Programs

    def argv(self, name):
        argv = [str(self.programs / f"culver-{name}")]
        if name in self.ports:
            argv += ["-l", f"127.0.0.1:{self.ports[name]}"]
        return argv

    def spawn(self, name):
        if name == "send":
            self.begun = self.said()
        pid = self.tracer.run(str(self.logs / name), *self.argv(name))
        self.pids[name], self.names[pid] = pid, name

    def start(self, wanted=QUEUE, hasty=False):
        """Start these, and wait until they can be reached; not long where
        they may never come."""
        self.wanted = tuple(wanted)
        for name in self.wanted:
            if name not in self.pids:
                self.spawn(name)
        end = time.monotonic() + HASTE
        wait_for(lambda: self.up() or hasty and time.monotonic() > end,
                 f"{wanted} to start")

    def up(self):
        """Everything listens.  Restarts what ended meanwhile."""
        if self.tracer.doomed():
            return True
        self.keep_up()
        return all(self.reachable(n) for n in self.wanted)

    def reachable(self, name):
        if name in DOORS:
            return is_taken(self.ports[name])
        if name == "send":
            return self.said() > self.begun
        if self.private:
            wanted = b" " + SOCKETS[name].encode() + b"\n"
            lines = pathlib.Path("/proc/net/unix").read_bytes()
            return any(b" 00010000 " in line and line.endswith(wanted[:-1])
                       for line in lines.splitlines())
        # A connection is work for the program, and so asked for once.
        pid = self.pids.get(name)
        if pid not in self.met:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(str(self.home / SOCKETS[name]))
                self.met.add(pid)
            except OSError:
                return False
        return True

    def keep_up(self):
        """Be the supervisor: what ended is started again."""
        self.tracer.listen(0)
        for ended in list(self.tracer.exits):
            name = self.names.pop(ended.pid, None)
            if name is None:  # not one of ours, but a command
                continue
            self.tracer.exits.remove(ended)
            self.ends.append(f"{name} {ended.status}")
            self.met.discard(ended.pid)
            self.pids.pop(name, None)
            if name in self.wanted and not self.tracer.doomed():
                self.mend()
                self.spawn(name)

    def forget(self):
        """All are dead."""
        self.tracer.listen(0)
        self.tracer.exits.clear()
        self.tracer.action = ""
        self.names, self.pids = {}, {}
        self.met.clear()

    def kill(self):
        if self.pids:
            self.tracer.kill()
        self.forget()

    def poke(self, number=signal.SIGALRM):
        """Have culver-send look at everything that waits."""
        self.pokes += 1
        try:
            os.kill(self.pids["send"], number)
        except (KeyError, ProcessLookupError):
            pass

    def poked(self, heard, number=signal.SIGHUP):
        """heard(), poking culver-send as long as it has not."""
        last = [0.0]

        def again():
            if heard():
                return True
            if time.monotonic() - last[0] > 1:
                last[0] = time.monotonic()
                self.poke(number)
            return False
        return again

    def tick(self, seconds):
        """Move both clocks on."""
        self.turn_clock(self.shift + seconds * 1000000)

    def turn_clock(self, shift):
        """Both clocks so many microseconds from the machine's."""
        self.shift = shift
        text = b"%+020d\n%+020d\n" % (self.shift, self.shift)
        fd = os.open(self.clock, os.O_WRONLY)
        try:
            os.pwrite(fd, text, 0)
        finally:
            os.close(fd)

    # The queue

    def listing(self):
        """Every name in mess/ and info/."""
        found = []
        for kind in ("mess", "info"):
            for n in range(SPLIT):
                found += os.listdir(self.home / "queue" / kind / str(n))
        return found

    def settle(self, stop=lambda: False, steps=STEPS):
        """Until the queue is empty, moving the clock while nothing moves
        else.  True when it is, False when stop() came first."""
        end = time.monotonic() + PATIENCE
        seen, step = None, 0
        while not stop():
            self.keep_up()
            try:
                now = self.listing()
            except OSError:  # the power has just been cut
                self.tracer.listen(0.01)
                continue
            if not now:
                return True
            state = (now, self.idle())
            # The longer nothing happens the further the clock is moved.
            if state == seen and state[1] is not None:
                self.tick(steps[min(step, len(steps) - 1)])
                self.poke()
                step, state = step + 1, None
            seen = state
            if time.monotonic() > end:
                raise AssertionError(f"the queue does not empty: {now}")
            time.sleep(0.002)
        return False

    def idle(self):
        """How many calls were made so far when every process sleeps; None
        while one of them works, or pauses and will go on by itself.  A clock
        that is moved while somebody waits for an answer makes him give up."""
        if self.sink is not None and not self.sink.idle():
            return None
        for pid in self.processes():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                return None
            if stat.rsplit(") ", 1)[1][0] != "S" or pauses(pid):
                return None
        return self.tracer.seen()

    def processes(self):
        """Every process that runs, workers included."""
        found = list(self.pids.values())
        for pid in found:
            try:
                text = pathlib.Path(
                    f"/proc/{pid}/task/{pid}/children").read_text()
            except OSError:
                continue
            found += map(int, text.split())
        return found

    def sessions(self):
        """The POP3 sessions: children of the culver-pop3d that keeps them,
        which has not to have heard of their end."""
        def is_pop3d(pid):
            text = pathlib.Path(f"/proc/{pid}/stat").read_text()
            state, parent = text.rsplit(") ", 1)[1].split()[:2]
            return ("(culver-pop3d)" in text and state != "Z"
                    and int(parent))

        found = []
        for pid in self.processes():
            try:
                parent = is_pop3d(pid)
                if parent and is_pop3d(parent):
                    found.append(pid)
            except OSError:
                continue
        return found

    def said(self):
        """How often culver-send has told its state, as after each signal."""
        try:
            return (self.logs / "send").read_bytes().count(b"status: ")
        except FileNotFoundError:
            return 0

    def flush(self, stop=lambda: False):
        """Have culver-send sync what it removed.  It tells its state before
        it does so, and again at the next signal, after it."""
        self.tick(2)
        for _ in range(2):
            wait_for(lambda: stop() or self.up(), "culver-send to be there")
            said, pid = self.said(), self.pids.get("send")
            heard = self.poked(lambda n=said, p=pid: stop() or
                               self.said() > n or
                               self.up() and self.pids.get("send") != p)
            wait_for(heard, "culver-send to hear")

    # Mailboxes

    def maildir(self, address):
        if address == LATE:
            return self.home / "alias/late"
        return (self.home / "domains" / DOMAIN / MAILBOXES[address]
                / "Maildir")

    def collect(self):
        """All files of all mailboxes, which are removed for good."""
        found = []
        for address in (*MAILBOXES, LATE):
            for part in ("new", "cur"):
                folder = self.maildir(address) / part
                for name in os.listdir(folder):
                    found.append((address, (folder / name).read_bytes()))
                    (folder / name).unlink()
        self.disk.sync()
        return found

    def story(self, lines=25):
        """The end of each log."""
        text = f"== ended: {', '.join(self.ends)}\n"
        for log in sorted(self.logs.iterdir()):
            tail = [line for line in log.read_text(
                errors="replace").splitlines() if not line.startswith(
                    ("status: ", "send: listed "))][-lines:]
            text += f"== {log.name}\n" + "\n".join(tail) + "\n"
        return text

    def close(self):
        self.tracer.close()
        if self.sink is not None:
            self.sink.close()


def scratch(base=None):
    """A folder of ours in memory, that the instance's account may enter."""
    place = pathlib.Path(tempfile.mkdtemp(
        prefix="culver-crash.", dir=base or "/dev/shm"))
    place.chmod(0o755)
    return place


def free_ports():
    """Where nobody listens now, for who has no network of his own."""
    taken = {}
    for name in DOORS:
        taken[name] = socket.socket()
        taken[name].bind(("127.0.0.1", 0))
    ports = {name: s.getsockname()[1] for name, s in taken.items()}
    for s in taken.values():
        s.close()
    return ports


BUILT = pathlib.Path(os.environ.get("CULVER_BIN", TOP / "build/bin"))
