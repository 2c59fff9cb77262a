"""Queues as a qmail leaves them, made by hand; and, where the folder
$CULVER_QMAIL holds an unpacked package of qmail, that one's own programs."""
import os
import pathlib


class OldQueue:
    """The folders of a qmail's queue, split as conf-split says."""

    def __init__(self, path, split=23, flat=("intd", "todo", "bounce")):
        self.path, self.split, self.flat = pathlib.Path(path), split, flat
        self.count = 0
        for part in ("mess", "intd", "todo", "info", "local", "remote",
                     "bounce", "lock", "pid"):
            folder = self.path / part
            folder.mkdir(parents=True)
            if part not in (*flat, "lock", "pid"):
                for i in range(split):
                    (folder / str(i)).mkdir()
        (self.path / "lock/sendmutex").touch()

    def file(self, part, number):
        if part in self.flat:
            return self.path / part / str(number)
        return self.path / part / str(number % self.split) / str(number)

    def put(self, part, number, data, mtime=None):
        path = self.file(part, number)
        path.write_bytes(data)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def message(self, body, mtime):
        """A message with the number of its inode, as qmail-queue makes it."""
        path = self.path / "pid" / str(self.count)
        self.count += 1
        path.write_bytes(body)
        os.utime(path, (mtime, mtime))
        number = path.stat().st_ino
        path.rename(self.file("mess", number))
        return number

    def todo(self, body, sender, recipients, mtime, uid=1000, pid=4321):
        """S4."""
        number = self.message(body, mtime)
        data = b"u%d\0p%d\0F%s\0" % (uid, pid, sender.encode())
        data += b"".join(b"T%s\0" % r.encode() for r in recipients)
        self.put("todo", number, data, mtime)
        os.link(self.file("todo", number), self.file("intd", number))
        return number

    def sorted(self, body, sender, mtime, birth, local=(), remote=(),
               bounce=b""):
        """S5; a recipient is "T" or "D" and its address."""
        number = self.message(body, mtime)
        self.put("info", number, b"F%s\0" % sender.encode(), birth)
        for part, recipients in (("local", local), ("remote", remote)):
            if recipients:
                self.put(part, number, b"".join(
                    b"%s\0" % r.encode() for r in recipients), mtime + 400)
        if bounce:
            self.put("bounce", number, bounce)
        return number

    def files(self):
        """What is there of messages."""
        return sorted(
            str(p.relative_to(self.path)) for p in self.path.glob("**/*")
            if p.is_file() and p.parts[len(self.path.parts)] != "lock")
