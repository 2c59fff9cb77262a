"""A root folder of its own with system users, a qmail's settings, and culver set
up from them; and, where $CULVER_QMAIL names a folder with an unpacked package of
netqmail (/var/lib/qmail, /usr/sbin/qmail-send), that qmail beside it."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from conftest import BIN, TOP

REAL = os.environ.get("CULVER_QMAIL")
QMAIL = "var/lib/qmail"

USERS = {  # name: uid, home, owner of home (None: there is none)
    "joe": (1001, "/home/joe", 1001), "ann": (1002, "/home/ann", 1002),
    "web": (1003, "/home/web", 1003), "a-b": (1004, "/home/a-b", 1004),
    "nohome": (1005, "/home/nohome", None),
    "stolen": (1006, "/home/stolen", 1001), "vpop": (1007, "/home/vpop", 1007),
    "a.dot": (1008, "/home/a.dot", 1008)}
SUITE = ("culverd culverq culvers culverr culverp culveru culverk culverf "
         "culvert culvera culverv culverl").split()
GROUPS = ("culverm", "culveradm")
QMAILS = {"alias": 64010, "qmaild": 64011, "qmails": 64012, "qmailr": 64013,
          "qmailq": 64014, "qmaill": 64015, "qmailp": 64016}

ROUTES = 3  # 127.0.0.1 ports that smtproutes lead to


def libraries(programs):
    """What the programs want to be loaded."""
    found = set()
    for program in programs:
        said = subprocess.run(["ldd", program], capture_output=True, text=True,
                              check=False).stdout
        found.update(re.findall(r"(/\S+)", said))
    return found


class Root:
    def __init__(self, control, assign, files, ports):
        self.path = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-test.", dir="/var/tmp"))
        self.path.chmod(0o755)
        self.control, self.files, self.assign = control, files, assign
        self.ports = ports
        if REAL:
            subprocess.run(["cp", "-a", REAL + "/.", self.path], check=True)
        self.fill()

    def put(self, path, text, uid=0, mode=0o644):
        where = self.path / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
        os.chown(where, uid, uid)
        where.chmod(mode)

    def fill(self):
        for name in ("tmp", "home", "var/log/routes", "dev", "etc", "bin", "proc"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "var/log/routes").chmod(0o1777)
        (self.path / "tmp").chmod(0o1777)
        passwd, group = ["root:x:0:0::/root:/bin/sh"], ["root:x:0:"]
        for name, (uid, home, owner) in USERS.items():
            passwd.append(f"{name}:x:{uid}:{uid}::{home}:/bin/sh")
            group.append(f"{name}:x:{uid}:")
            if owner is not None:
                (self.path / home[1:]).mkdir()
                os.chown(self.path / home[1:], owner, owner)
        for i, name in enumerate(SUITE):
            passwd.append(f"{name}:x:{900 + i}:{900 + i}::/:/bin/false")
            group.append(f"{name}:x:{900 + i}:")
        group += ["culverm:x:950:culverq,culvers,culverr", "culveradm:x:951:",
                  "qmail:x:64010:", "nofiles:x:64020:"]
        for name, uid in QMAILS.items():
            home = "/var/lib/qmail/alias" if name == "alias" else "/var/lib/qmail"
            passwd.append(f"{name}:x:{uid}:64020::{home}:/bin/false")
        self.put("etc/passwd", "\n".join(passwd) + "\n")
        self.put("etc/group", "\n".join(group) + "\n")
        self.put("etc/nsswitch.conf", "passwd: files\ngroup: files\n")
        self.settings()
        self.programs()

    def settings(self):
        base = self.path / QMAIL
        for name in ("alias",):
            (base / name).mkdir(parents=True, exist_ok=True)
        (self.path / "etc/qmail/users").mkdir(parents=True, exist_ok=True)
        for link, to in (("control", "/etc/qmail"),
                         ("users", "/etc/qmail/users")):
            where = base / link
            if not where.is_symlink():
                where.symlink_to(to)
        for name, text in self.control.items():
            self.put("etc/qmail/" + name, text)
        self.put("etc/qmail/users/assign", self.assign)
        for path, text in self.files.items():
            uid = next((u for n, (u, h, o) in USERS.items()
                        if path.startswith(h + "/")), 0)
            self.put(path[1:], text, uid)
        self.put(QMAIL + "/rc", "qmail-start ./Maildir/ splogger qmail\n")

    def programs(self):
        source = self.path / "src"
        (source / "build").mkdir(parents=True)
        shutil.copytree(BIN, source / "build/bin")
        for name in ("run", "man", "doc"):
            shutil.copytree(TOP / name, source / name)
        shutil.copy(TOP / "hier", source / "hier")
        tools = ["/bin/sh", "/bin/cat"]
        needed = libraries([*tools, *(str(p) for p in BIN.iterdir())])
        for file in [*tools, *needed]:
            where = self.path / file[1:]
            where.parent.mkdir(parents=True, exist_ok=True)
            if not where.exists():
                shutil.copy(file, where)
        null = self.path / "dev/null"
        if not null.exists():
            os.mknod(null, 0o666 | 0o020000, os.makedev(1, 3))
            null.chmod(0o666)

    def run(self, *words, code=0, **more):
        env = {"PATH": "/usr/sbin:/usr/bin:/bin",
               "CULVER_HOME": "/var/culver"}
        done = subprocess.run(
            ["/usr/bin/unshare", "-m", "/bin/sh", "-c",
             "mount --bind /proc \"$0/proc\" && exec chroot \"$0\" \"$@\"",
             self.path, *words],
            capture_output=True, env=env, timeout=300, check=False, **more)
        assert code in (None, done.returncode), (
            done.stdout[-4000:], done.stderr[-4000:])
        return done.stdout.decode()

    def culver(self, *words, code=0):
        return self.run("/src/build/bin/culver", *words, code=code)

    # The qmail

    def start_qmail(self, local="exit 0"):
        """qmail-send, -lspawn and -clean as they are; instead of delivering,
        qmail-local says what it would do, and ends as the shell's words
        say."""
        self.put("var/lib/qmail/bin/qmail-local.new",
                 "#!/bin/sh\nshift\n"
                 "exec 4>&1 >>/var/log/routes/local.$7.$1 2>&1\n"
                 "for a in \"$@\"; do echo \"arg $a\"; done\n"
                 "/usr/sbin/qmail-local -n -- \"$@\" </dev/null\n"
                 "echo \"code $?\"\n" + local + "\n", mode=0o755)
        self.put("var/lib/qmail/bin/qmail-remote.new",
                 "#!/bin/sh\nexec 3>&1 >>/var/log/routes/remote.$2 2>&1\n"
                 "for a in \"$@\"; do echo \"arg $a\"; done\n"
                 "echo x | /usr/sbin/qmail-remote.real \"$@\"\n"
                 "printf 'rok\\0Kok\\n\\0' >&3\nexit 0\n", mode=0o755)
        for name in ("qmail-local", "qmail-remote"):
            path = self.path / QMAIL / "bin" / name
            path.unlink(missing_ok=True)
            path.with_name(name + ".new").rename(path)
        real = self.path / "usr/sbin/qmail-remote"
        real.rename(real.with_name("qmail-remote.real"))
        real.symlink_to("/var/lib/qmail/bin/qmail-remote")
        trigger = self.path / QMAIL / "queue/lock/trigger"
        if not trigger.exists():
            os.mkfifo(trigger)
            os.chown(trigger, 64012, 64010)
            trigger.chmod(0o622)
        self.run("/usr/sbin/qmail-newu")
        self.log = open(self.path / "send.log", "wb")
        self.qmail = subprocess.Popen(
            ["/usr/sbin/chroot", self.path, "/usr/sbin/qmail-start",
             "./Maildir/"], stdout=self.log, stderr=self.log,
            env={"PATH": "/usr/sbin:/usr/bin:/bin"}, cwd="/")

    def stop_qmail(self):
        self.qmail.terminate()
        self.qmail.wait(60)
        self.log.close()

    def queue(self, sender, recipients, body=b"Subject: x\n\nx\n"):
        """By the real qmail-queue."""
        read, write = os.pipe()
        os.write(write, b"F%s\0" % sender.encode() + b"".join(
            b"T%s\0" % r.encode() for r in recipients) + b"\0")
        os.close(write)
        message = tempfile.TemporaryFile()
        message.write(body)
        message.seek(0)

        def wire():
            os.dup2(read, 1)
        done = subprocess.run(
            ["/usr/sbin/chroot", self.path, "/usr/sbin/qmail-queue"],
            stdin=message, pass_fds=(read,), preexec_fn=wire, check=False)
        os.close(read)
        assert done.returncode == 0

    def close(self):
        shutil.rmtree(self.path)


class Hosts:
    """Listeners on loopback ports that say which of them was asked."""

    def __init__(self, count):
        self.asked, self.sockets = [], []
        for _ in range(count):
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            s.listen(50)
            self.sockets.append(s)
        self.ports = [s.getsockname()[1] for s in self.sockets]
        self.threads = [threading.Thread(target=self.serve, args=(s,),
                                         daemon=True) for s in self.sockets]
        for t in self.threads:
            t.start()

    def serve(self, s):
        while True:
            try:
                client, _ = s.accept()
            except OSError:
                return
            with client:
                client.sendall(b"554 port %d\r\n" % s.getsockname()[1])
                client.recv(1000)

    def close(self):
        for s, t in zip(self.sockets, self.threads):
            s.shutdown(socket.SHUT_RDWR)
            t.join()
            s.close()


def wait_for(what, seconds=120):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.1)
