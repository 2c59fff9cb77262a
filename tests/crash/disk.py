"""File systems in memory that lose their power, and folders that do not."""
import ctypes
import errno
import os
import pathlib
import shutil
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH, CLONE_NEWNS, CLONE_NEWNET = 2, 0x20000, 0x40000000
PATIENCE = 60  # seconds after which a wait has failed
MS_REC, MS_PRIVATE = 0x4000, 1 << 18

# name: (type, options of mount, how it is made, size of the image)
KINDS = {
    "ext4-ordered": ("ext4", "data=ordered",
                     ("mkfs.ext4", "-q", "-F", "-J", "size=4", "-N", "2048"),
                     28 << 20),
    "ext4-writeback": ("ext4", "data=writeback",
                       ("mkfs.ext4", "-q", "-F", "-J", "size=4", "-N",
                        "2048"), 28 << 20),
    "xfs": ("xfs", "", ("mkfs.xfs", "-q", "-f", "--unsupported"), 32 << 20),
}


def call(name, *args):
    """A system call of libc; OSError when it fails."""
    result = getattr(LIBC, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def enter_namespace():
    """Mounts and addresses of our own, loopback up.  Root only."""
    call("unshare", CLONE_NEWNS | CLONE_NEWNET)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Folder:
    """A folder of the file system we are on."""

    def __init__(self, base, template):
        self.template, self.path = template, pathlib.Path(base) / "mount"

    def fresh(self):
        """Begin again with what the template holds."""
        shutil.rmtree(self.path, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.template), str(self.path)],
                       check=True)

    def sync(self):
        pass

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Disk:
    """A file system in an image in memory, mounted at path."""

    times = 1  # as large as its kind is

    def __init__(self, base, kind, template):
        self.type, self.options, self.make, self.size = KINDS[kind]
        base = pathlib.Path(base)
        self.path, self.image = base / "mount", base / "image"
        self.pristine = base / "pristine"
        self.mounted, self.loop = False, None
        self.path.mkdir(exist_ok=True)
        self.image.touch()
        self.build(template)

    def build(self, template):
        """The image that every chain begins with."""
        with open(self.image, "wb") as f:
            f.truncate(self.size * self.times)
        subprocess.run([*self.make, str(self.image)], check=True,
                       capture_output=True)
        self.loop = subprocess.run(
            ["losetup", "-f", "--show", str(self.image)], check=True,
            capture_output=True, text=True).stdout.strip()
        self.mount()
        self.fill(template)
        self.unmount()
        self.copy(self.image, self.pristine)

    def fill(self, template):
        """Lay out what is there at first."""
        subprocess.run(["cp", "-a", f"{template}/.", str(self.path)],
                       check=True)

    @staticmethod
    def copy(source, target):
        subprocess.run(["cp", "--sparse=always", "--no-preserve=all",
                        str(source), str(target)], check=True)

    def fresh(self):
        """Begin again with what the template holds."""
        self.unmount()
        # In place: the loop device goes on with this very file.
        self.copy(self.pristine, self.image)
        self.mount()

    def mount(self):
        call("mount", self.loop.encode(), str(self.path).encode(),
             self.type.encode(), 0, self.options.encode())
        self.mounted = True

    def unmount(self):
        """The kernel may hold files of the dead for a moment: descriptors
        that were under way between them."""
        end = time.monotonic() + PATIENCE
        while self.mounted:
            try:
                call("umount2", str(self.path).encode(), 0)
                self.mounted = False
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > end:
                    raise
                time.sleep(0.001)

    def power_back(self):
        """After a cut: what is on the disk is all there is."""
        self.unmount()
        self.mount()

    def sync(self):
        """What we did ourselves must not be part of what a cut may lose."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            call("syncfs", fd)
        finally:
            os.close(fd)

    def close(self):
        if self.mounted:
            call("umount2", str(self.path).encode(), MNT_DETACH)
        subprocess.run(["losetup", "-d", self.loop], check=False)
        for file in (self.image, self.pristine):
            file.unlink(missing_ok=True)
