"""faultrun --serve, as an object; faultrun/serve.h says what it understands."""
import collections
import os
import pathlib
import select
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FAULTRUN = TOP / "build/tests/crash/faultrun/faultrun"
PATIENCE = 60  # seconds after which a wait has failed

Hit = collections.namedtuple("Hit", "program pid call number")
Exit = collections.namedtuple("Exit", "program pid status")
CUTS = ("cut", "synccut")      # the power goes
ENDS = (*CUTS, "killall")      # nothing survives it


class Tracer:
    """Runs programs, and has one call of one of them go wrong.

    exits collects what ended; hit is the call that the plan met, or None.
    """

    def __init__(self, env, every_call=False):
        argv = [str(FAULTRUN), "--serve"] + (["all"] if every_call else [])
        self.child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env,
            bufsize=0)
        self.data, self.answers = b"", collections.deque()
        self.exits = collections.deque()
        self.hit, self.dead, self.failed = None, False, False
        self.hits = 0
        self.action, self.armed = "", False
        os.set_blocking(self.child.stdout.fileno(), False)

    def listen(self, seconds):
        """Take what it says, waiting so long for the first word."""
        fd = self.child.stdout.fileno()
        if not select.select([fd], [], [], seconds)[0]:
            return
        more = os.read(fd, 65536)
        if not more:
            raise AssertionError("faultrun has ended")
        self.data += more
        *lines, self.data = self.data.split(b"\n")
        for line in lines:
            self.hear(line.decode().split("\t"))

    def hear(self, words):
        if words[0] == "hit":
            self.hits += 1
            self.hit = self.hit or Hit(words[1], int(words[2]), words[3],
                                       int(words[4]))
        elif words[0] == "exit":
            self.exits.append(Exit(words[1], int(words[2]), int(words[3])))
        elif words[0] == "dead":
            self.dead = True
        elif words[0] == "failed":
            self.failed = True
        else:
            self.answers.append(words)

    def ask(self, *words):
        """Say a line; the words of the answer behind ok."""
        self.child.stdin.write(("\t".join(map(str, words)) + "\n").encode())
        end = time.monotonic() + PATIENCE
        while not self.answers:
            assert time.monotonic() < end, f"faultrun does not answer {words}"
            self.listen(1)
        answer = self.answers.popleft()
        assert answer[0] == "ok", (words, answer)
        return answer[1:]

    def run(self, log, *argv):
        """Start a program; its pid."""
        return int(self.ask("run", log, *argv)[0])

    def arm(self, program, calls, at, action):
        """The call number at of those of program goes wrong."""
        self.hit, self.dead, self.failed = None, False, False
        self.hits = 0
        self.action, self.armed = action, action != "count"
        self.ask("arm", program, calls, at, action)

    def disarm(self):
        """Nothing goes wrong any more; whether something did."""
        self.ask("disarm")
        self.armed = False
        return self.hit is not None

    def doomed(self):
        """The call was met, and nothing survives it."""
        self.listen(0)
        return self.hit is not None and self.action in ENDS

    def struck_dead(self):
        """The call was met, and somebody did not survive it."""
        self.listen(0)
        return self.hit is not None and (
            self.action in (*ENDS, "kill")
            or self.action.startswith("signal="))

    def seen(self):
        """How many calls were counted since arm."""
        return int(self.ask("state")[0])

    def kill(self):
        """SIGKILL for all, and wait until they are gone."""
        self.dead = False
        self.ask("kill")
        self.wait_dead()

    def wait_dead(self):
        end = time.monotonic() + PATIENCE
        while not self.dead:
            assert time.monotonic() < end, "processes do not die"
            self.listen(1)

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(PATIENCE)
