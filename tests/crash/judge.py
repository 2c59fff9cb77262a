"""What the states of a recording are, what the clients may know in each, and
what is wrong with one that was recovered; see README, STRICT."""
import collections
import random
import re

from mail import DOMAIN, NUMBER, Books
from model import FOLDER, Model
from recording import CAROL, MINDED

TOKEN = re.compile(rb"^token ([0-9a-f]{32})$", re.M)


class Context:
    """What the clients knew at one point of a record."""

    def __init__(self, acked, bounced, phase, versions):
        self.acked = acked        # numbers of messages
        self.bounced = bounced    # of those whose bounce lines are synced
        self.phase = phase        # of QUIT: 0 before, 1 asked, 2 answered
        self.versions = versions  # ((path, least version), ...)


class Plan:
    """The states of a recording, each with the contexts in which it may be.

    thinner(recording, program, event, words): a test's, true for events that
    the model shall not see."""

    def __init__(self, recording, seed, split=False,
                 thinner=None):
        self.recording = recording
        events = [(e, w) for _, e, w in recording.events]
        self.model = Model(recording.snapshot, events, split=split,
                           random=random.Random(f"model {seed}"))
        self.states = {}    # key: (shift, [context])
        self.versions = {}  # path: [content or None]
        self.acked = {n for n, at in recording.acked.items() if at < 0}
        self.least, self.bounced = collections.Counter(), set()
        self.phase = self.shift = 0
        self.links, self.unlinked = {}, {}
        self.again = 0  # messages in files that had been another's
        self.told = {at: n for n, at in recording.acked.items()}
        self.pooled = {uid for (folder, _), uid in self.model.base.items()
                       if folder == self.model.places.get("queue/pool")}
        self.watch()
        self.context = self.learn()
        self.tell(False)
        for i, (program, event, words) in enumerate(recording.events):
            made = self.model.take(
                "skip" if thinner and thinner(
                    recording, program, event, words) else event, words)
            self.note(i, event, words)
            if self.step(i, event, words):
                self.tell(False)
            elif made:
                self.tell(True)

    def watch(self):
        """The tables: each is one of its versions, whole."""
        model = self.model
        for folder, name in model.touched:
            path = next((p for p, u in model.places.items() if u == folder),
                        None)
            if path is not None and MINDED.fullmatch(f"{path}/{name}"):
                uid = model.base.get((folder, name))
                self.versions[f"{path}/{name}"] = [
                    None if uid is None else model.nodes[uid].base]

    def note(self, i, event, words):
        """Remember what the events say of names."""
        model = self.model
        if event == "link":
            uid = model.now[int(words[0])].uid
            self.again += uid in self.links or uid in self.pooled
            self.links[uid] = i
        elif event == "unlink":
            slot = model.slot(words[1], words[2])
            self.unlinked[(*slot, model.now[int(words[0])].uid)] = i
        elif event in ("rename", "create"):
            for path, known in self.versions.items():
                folder, _, name = path.rpartition("/")
                uid = model.names.get((model.places[folder], name))
                data = None if uid is None else bytes(
                    model.nodes[uid].memory)
                if known[-1] != data:
                    known.append(data)

    def step(self, i, event, words):
        """True when the clients know more."""
        if event == "mark" and words[0].startswith("clock "):
            self.shift = int(words[0].split()[1])
            return False
        if i in self.told:
            self.acked.add(self.told[i])
        elif i == self.recording.asked:
            self.phase = 1
        elif i == self.recording.quit:
            self.phase = 2
        elif i in self.recording.done.values():
            for path, known in self.versions.items():
                self.least[path] = len(known) - 1
        elif not (event == "sync" and self.bounce_is_told(words)):
            return False
        self.context = self.learn()
        return True

    def bounce_is_told(self, words):
        """A journal is synced, and has a new bounce line: from now on its
        notice goes no second time."""
        node = self.model.now[int(words[0])]
        if node.kind == FOLDER or b" bounce id=" not in node.memory:
            return False
        token = node.memory.split(b" ", 4)[3]
        number = next((n for n, t in self.tokens() if t == token), None)
        if number is None or number in self.bounced:
            return False
        self.bounced.add(number)
        return True

    def tokens(self):
        """(number, token) of every message that has been in the queue."""
        for node in self.model.nodes:
            if node.memory.startswith(b"culver-message 1\n"):
                token = TOKEN.search(node.memory)
                number = NUMBER.search(node.memory)
                if token and number:
                    yield int(number.group(1)), token.group(1)

    def learn(self):
        return Context(frozenset(self.acked), frozenset(self.bounced),
                       self.phase,
                       tuple(sorted(self.least.items())))

    def tell(self, new):
        for key in self.model.states(new):
            shift, contexts = self.states.setdefault(key, (self.shift, []))
            if not contexts or contexts[-1] is not self.context:
                contexts.append(self.context)


class Judge:
    """Recovers states and says what is wrong."""

    def __init__(self, plan, builder, seed):
        self.plan, self.builder, self.station = plan, builder, builder.station
        self.seed = seed
        self.figures = collections.Counter()
        self.wrong, self.bad = [], {}
        self.tools = {}  # what lies outside the queue: tried with the tools

    def accuse(self, what, key):
        self.figures[what.split(":")[0]] += 1
        names = " ".join(
            f"{path}/{name}={len(data)}" for path, name, _, data
            in self.builder.files(key)[0])
        self.wrong.append(f"mix {self.seed}: {what}; the state: {names}")
        self.bad[key] = True

    def check(self, key):
        """Build, recover and judge a state; what lay in the Maildirs then."""
        shift, contexts = self.plan.states[key]
        station = self.station
        station.clear()
        self.builder.build(key, shift)
        self.tables(key, contexts)
        for what in station.recover():
            self.accuse(what, key)
        files = station.collect()
        for context in contexts:
            self.judge(key, context, files)
        self.figures["states"] += 1
        self.figures["judged"] += len(contexts)
        return files

    def judge(self, key, context, files):
        books, recording = Books(), self.plan.recording
        for number, message in recording.messages.items():
            state = "acked" if number in context.acked else "unsure"
            if number in recording.deleted and context.phase:
                state = "unsure" if context.phase == 1 else "refused"
            message.state = state
            books.open[number] = message
        books.settle(files)
        for what in books.wrong:
            self.accuse(what, key)
        self.figures["notices twice"] += books.figures["notices twice"]
        notices = collections.Counter(
            int(found.group(1)) for _, data in files
            if data.startswith(b"Return-Path: <>\n")
            and (found := NUMBER.search(data)))
        for number in context.bounced:
            if notices[number] > 1:
                self.accuse(f"twice: notice about {number}, which was told "
                            "to be queued", key)

    def tables(self, key, contexts):
        """Each table is whole, and not older than the clients know."""
        files, folders = self.builder.files(key)
        found = {f"{path}/{name}": data for path, name, _, data in files}
        for path, known in self.plan.versions.items():
            data = found.get(path)
            if data not in known:
                self.accuse(f"half: {path}", key)
                continue
            version = len(known) - 1 - known[::-1].index(data)
            for context in contexts:
                if version < dict(context.versions).get(path, 0):
                    self.accuse(f"lost: {path} is an old one", key)
        box = f"domains/{DOMAIN}/{CAROL.split('@')[0]}/Maildir"
        if CAROL.encode() in (found.get("users/passwd") or b"") and not all(
                f"{box}/{part}" in folders for part in ("tmp", "new", "cur")):
            self.accuse("lost: a Maildir", key)
        outside = (tuple(sorted(folders)), tuple(sorted(
            (p, d) for p, d in found.items()
            if p.startswith(("control/", "users/")))))
        if outside[1] and outside not in self.tools:
            self.tools[outside] = True
            self.use_tools(key)

    def use_tools(self, key):
        """The tools go on where they were cut off, and clean up."""
        station = self.station
        home = station.home
        self.figures["tools"] += 1
        for argv in (("culver-user", "add", "dora@" + DOMAIN,
                      "--no-password"), ("culver-user", "del",
                                         "dora@" + DOMAIN, "--purge"),
                     ("culver-control", "build")):
            code = station.run(*argv)
            if code != 0:
                self.accuse(f"stuck: {argv} says {code}", key)
        left = [p.name for p in (home / "users").iterdir() if ".tmp." in p.name]
        if left:
            self.accuse(f"left over: users/{left}", key)
        self.builder.bring_back()
        self.builder.build_outside(key)
