"""What a power cut may leave of the calls in a record; see README, STRICT.

A Model takes the events of a record one after another.  After each it can
tell the states that the disk may be in: what is persistent, and any choice of
what is not, as far as the rules allow it.
"""
import itertools

ABSENT, HALF, ZERO, TORN, WHOLE = range(5)  # what became of a write
WAYS = (WHOLE, ABSENT, HALF, ZERO, TORN)
FILE, FOLDER = "file", "folder"
ROOT = 0
NO_CONTENT = -1


class Node:
    """A file or folder: uid is ours, since inode numbers are used again."""

    def __init__(self, uid, kind, ino, data=b""):
        self.uid, self.kind, self.ino = uid, kind, ino
        self.base = data               # what is persistent
        self.memory = bytearray(data)  # what the programs see
        self.pending = []              # (event, operation, at, bytes)
        self.known = {}                # choice: content


class Change:
    """An operation on names, which persists as a whole."""

    def __init__(self, event, slots, before):
        self.event, self.slots = event, slots  # slots: {(folder, name): uid}
        self.before = before  # the changes of its names that precede it


def parse(line):
    """A line of a record as (program, event, words)."""
    program, event, *words = line.rstrip("\n").split("\t")
    return program, event, words


class Model:
    """snapshot: {path: (kind, ino, bytes)} of all that is persistent, the
    root as "".  events: those that will be taken, (event, words) each; states
    are compared by the names that they change.  split: a rename from one
    folder to another may be half done (its target without the removal of its
    source).  limit: how many states of one point are all told; where there
    may be more, some are chosen at random besides."""

    def __init__(self, snapshot, events=(), split=False, limit=1 << 12,
                 random=None, some=64):
        self.split, self.limit = split, limit
        self.random, self.some = random, some
        self.touched, self.moving = {}, set()  # slots; uids of new folders
        self.nodes, self.now, self.contents, self.ids = [], {}, [], {}
        self.base, self.names = {}, {}  # persistent and seen names
        self.changes = []               # pending ones, in order
        self.event = 0                  # how many were taken
        self.exhaustive = self.systematic = 0  # points
        self.places = {}
        for path in sorted(snapshot):
            kind, ino, data = snapshot[path]
            node = self.make(kind, ino, data)
            if path:
                folder, _, name = path.rpartition("/")
                self.base[self.places[folder], name] = node.uid
            if kind == FOLDER:
                self.places[path] = node.uid
        self.names.update(self.base)
        if events:
            survey = Model(snapshot, split=split)
            for event, words in events:
                survey.take(event, words)
            self.touched, self.moving = survey.touched, survey.moving

    def make(self, kind, ino, data=b""):
        node = Node(len(self.nodes), kind, ino, data)
        self.nodes.append(node)
        self.now[ino] = node
        return node

    # Events

    def take(self, event, words):
        """Take an event.  True when it made new states, False when it made
        none, as a sync does."""
        number = self.event
        self.event += 1
        take = getattr(self, "take_" + event, None)
        return take(number, *words) if take else False

    def change(self, number, slots):
        before = [c for c in self.changes
                  if any(slot in c.slots for slot in slots)]
        self.changes.append(Change(number, slots, before))
        self.names.update(slots)
        for slot, uid in slots.items():
            self.touched.setdefault(slot)
            if uid is not None and self.nodes[uid].kind == FOLDER:
                self.moving.add(uid)
        return True

    def slot(self, folder, name):
        return self.now[int(folder)].uid, name

    def take_create(self, number, folder, name, ino):
        node = self.make(FILE, int(ino))
        return self.change(number, {self.slot(folder, name): node.uid})

    def take_mkdir(self, number, ino, folder, name):
        node = self.make(FOLDER, int(ino))
        return self.change(number, {self.slot(folder, name): node.uid})

    def take_tmpfile(self, number, ino):
        self.make(FILE, int(ino))
        return False

    def take_link(self, number, ino, folder, name):
        node = self.now[int(ino)]
        return self.change(number, {self.slot(folder, name): node.uid})

    def take_unlink(self, number, ino, folder, name):
        return self.change(number, {self.slot(folder, name): None})

    def take_rename(self, number, ino, folder, name, to, target):
        node = self.now[int(ino)]
        gone, made = self.slot(folder, name), self.slot(to, target)
        if self.split and folder != to:
            # First the target: nobody removes a name before the other is.
            self.change(number, {made: node.uid})
            self.change(number, {gone: None})
            self.changes[-1].before.append(self.changes[-2])
            return True
        return self.change(number, {gone: None, made: node.uid})

    def take_write(self, number, ino, at, text):
        node, data = self.now[int(ino)], bytes.fromhex(text)
        at = int(at)
        lay(node.memory, at, data)
        node.pending.append((number, "write", at, data))
        node.known.clear()
        return bool(data)

    def take_truncate(self, number, ino, size):
        node, size = self.now[int(ino)], int(size)
        if len(node.memory) == size:
            return False
        resize(node.memory, size)
        node.pending.append((number, "truncate", size, b""))
        node.known.clear()
        return True

    def take_sync(self, number, ino, data, since=None):
        node = self.now[int(ino)]
        since = number if since is None else int(since)
        if node.kind == FILE:
            done = [p for p in node.pending if p[0] < since]
            base = bytearray(node.base)
            for _, operation, at, text in done:
                if operation == "write":
                    lay(base, at, text)
                else:
                    resize(base, at)
            node.base = bytes(base)
            node.pending = node.pending[len(done):]
            node.known.clear()
            return False
        self.persist([c for c in self.changes if c.event < since
                      and any(f == node.uid for f, _ in c.slots)])
        return False

    def persist(self, changes):
        done = set(self.with_before(changes))
        for c in self.changes:
            if c in done:
                self.base.update(c.slots)
        self.changes = [c for c in self.changes if c not in done]
        for c in self.changes:
            c.before = [b for b in c.before if b not in done]

    @staticmethod
    def with_before(changes):
        """These, and all that must persist with them."""
        found, todo = {}, list(changes)
        while todo:
            c = todo.pop()
            if c not in found:
                found[c] = True
                todo += c.before
        return found

    # States

    def content(self, node, choice):
        """The number of the content that these ways leave in a file."""
        if choice not in node.known:
            data = bytearray(node.base)
            for (_, operation, at, text), way in zip(node.pending, choice):
                apply(data, operation, at, text, way)
            data = bytes(data)
            if data not in self.ids:
                self.ids[data] = len(self.contents)
                self.contents.append(data)
            node.known[choice] = self.ids[data]
        return node.known[choice]

    def choices(self, node, must=None):
        """All contents a file may have, or few when they are many.  With
        must those in which that event had some effect."""
        n = len(node.pending)
        if n <= 2:
            every = itertools.product(WAYS, repeat=n)
        else:
            every = few(n)
        found = {}
        for choice in every:
            if must is not None and any(
                    p[0] == must and way == ABSENT
                    for p, way in zip(node.pending, choice)):
                continue
            found.setdefault(self.content(node, choice))
        return list(found)

    def names_of(self, kept):
        """The names that may differ, when these changes persist besides."""
        names = dict(self.open)
        for c in self.changes:
            if c in kept:
                names.update(c.slots)
        return names

    def key(self, names, contents):
        """A state: (folder, name, node, content) of each changed name that
        can be reached."""
        key, whole = list(self.fixed), {**self.rest, **names}
        alive = {}
        for slot, uid in names.items():
            if uid is not None and (
                    not self.moving or self.reached(slot[0], whole, alive)):
                key.append((*slot, uid, contents.get(uid, NO_CONTENT)))
        if self.moving:
            key = [k for k in key if self.reached(k[0], whole, alive)]
        return tuple(sorted(key))

    def told(self, key):
        """A state in words that another Model of this record has, too."""
        return tuple((*name, None if content == NO_CONTENT
                      else self.contents[content]) for *name, content in key)

    def reached(self, folder, names, alive):
        if folder not in self.moving:
            return True
        if folder not in alive:
            alive[folder] = False
            alive[folder] = any(
                uid == folder and self.reached(slot[0], names, alive)
                for slot, uid in names.items())
        return alive[folder]

    def visible(self, names):
        """The files with names that may differ."""
        return sorted({uid for uid in names.values() if uid in self.spread})

    def part(self, node, must):
        """Part what may differ from what is the same in all states now."""
        self.open, self.rest, self.fixed, self.spread = {}, {}, [], {}
        differ = {slot for c in self.changes for slot in c.slots}
        for uid in self.reach():
            one = self.nodes[uid]
            if one.kind == FILE:
                self.spread[uid] = [(uid, content) for content in
                                    self.choices(one, must if one is node
                                                 else None)]
        for slot in self.touched:
            uid = self.base.get(slot)
            if slot in differ or uid is not None and \
                    self.nodes[uid].pending:
                self.open[slot] = uid
            elif uid is not None:
                self.rest[slot] = uid
                self.fixed.append((*slot, uid, self.spread[uid][0][1]
                                   if uid in self.spread else NO_CONTENT))

    def states(self, new=False):
        """The states that a cut may leave now, each once; with new only
        those in which the last event had an effect."""
        must = self.event - 1 if new else None
        forced = self.with_before(
            c for c in self.changes if c.event == must)
        node = next((n for n in self.nodes if any(
            p[0] == must for p in n.pending)), None) if new else None
        found = {}
        if node is not None and node.uid not in self.reach():
            return []
        self.part(node, must)
        if self.bound() <= self.limit:
            self.exhaustive += 1
            sets = self.all_sets(forced)
            for kept in sets:
                self.expand(kept, node, found)
        else:
            self.systematic += 1
            self.some_states(forced, node, found)
        return list(found)

    def bound(self):
        """At least as many states as there may be."""
        total = count_sets(self.changes, self.limit)
        for choices in self.spread.values():
            total *= len(choices)
            if total > self.limit:
                break
        return total

    def reach(self):
        """The nodes that may have a name after a cut, among those whose
        names change."""
        reach = {self.base.get(slot) for slot in self.touched}
        for c in self.changes:
            reach.update(c.slots.values())
        return reach - {None}

    def all_sets(self, forced):
        kept = set()

        def walk(i):
            if i == len(self.changes):
                yield kept
                return
            c = self.changes[i]
            if c not in forced:
                yield from walk(i + 1)
            if all(b in kept for b in c.before):
                kept.add(c)
                yield from walk(i + 1)
                kept.discard(c)

        return walk(0)

    def expand(self, kept, node, found):
        """All contents with these names."""
        names = self.names_of(kept)
        files = self.visible(names)
        if node is None or node.uid in files:
            for contents in itertools.product(
                    *(self.spread[uid] for uid in files)):
                found.setdefault(self.key(names, dict(contents)))

    # Where they are too many

    def some_states(self, forced, node, found):
        """All, all but one, all but two, one alone, every prefix, and some at
        random; files likewise."""
        for kept in self.some_sets(forced):
            names = self.names_of(kept)
            files = self.visible(names)
            if node is not None and node.uid not in files:
                continue
            whole = dict(self.spread[uid][0] for uid in files)
            found.setdefault(self.key(names, whole))
            for uid in files:
                for _, content in self.spread[uid][1:]:
                    found.setdefault(self.key(names, {**whole,
                                                      uid: content}))
            for _ in range(2):
                mixed = dict(self.random.choice(self.spread[uid])
                             for uid in files)
                found.setdefault(self.key(names, mixed))

    def some_sets(self, forced):
        every = self.changes
        free = [c for c in every if c not in forced]
        yield set(every)
        for n in (1, 2):
            for gone in itertools.combinations(free, n):
                kept = self.without(gone)
                if all(c in kept for c in forced):
                    yield kept
        for n in range(len(free) + 1):
            yield set(self.with_before(free[:n])) | set(forced)
        for c in free:
            yield set(self.with_before([c])) | set(forced)
        for _ in range(self.some):
            part = [c for c in free if self.random.random() < 0.5]
            yield set(self.with_before(part)) | set(forced)

    def without(self, gone):
        kept = set()
        for c in self.changes:
            if c not in gone and all(b in kept for b in c.before):
                kept.add(c)
        return kept


def lay(data, at, text):
    if at > len(data):
        data.extend(bytes(at - len(data)))
    data[at:at + len(text)] = text


def resize(data, size):
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


def apply(data, operation, at, text, way):
    """What of a write or a truncation, done in this way, is in data."""
    if way == ABSENT:
        return
    if operation == "truncate":
        resize(data, at)
        return
    if way in (ZERO, TORN) and at + len(text) > len(data):
        resize(data, at + len(text))
    if way in (HALF, TORN):
        text = text[:len(text) // 2]
    if way != ZERO:
        lay(data, at, text)


def few(n):
    """Ways for n writes: all, all but one, up to one, one alone."""
    yield (WHOLE,) * n
    for i in range(n):
        for way in (ABSENT, HALF, ZERO, TORN):
            yield (WHOLE,) * i + (way,) + (WHOLE,) * (n - i - 1)
            yield (WHOLE,) * i + (way,) + (ABSENT,) * (n - i - 1)
        yield (ABSENT,) * i + (WHOLE,) + (ABSENT,) * (n - i - 1)
    yield (ABSENT,) * n
    yield (ZERO,) * n


def count_sets(changes, limit):
    """How many sets of changes hold with each what comes before it; beyond
    limit any number above it."""
    parts, part_of = [], {}
    for c in changes:
        joined = {part_of[b] for b in c.before if b in part_of}
        members = [c] + [m for i in joined for m in parts[i]]
        for i in joined:
            parts[i] = []
        parts.append(members)
        for m in members:
            part_of[m] = len(parts) - 1
    total = 1
    for members in parts:
        if members:
            total *= count_part(sorted(members, key=lambda c: c.event), limit)
        if total > limit:
            return limit + 1
    return total


def count_part(changes, limit):
    count, kept = 0, set()

    def walk(i):
        nonlocal count
        if count > limit:
            return
        if i == len(changes):
            count += 1
            return
        c = changes[i]
        walk(i + 1)
        if all(b in kept for b in c.before):
            kept.add(c)
            walk(i + 1)
            kept.discard(c)

    walk(0)
    return count
