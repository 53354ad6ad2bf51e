"""Watches every writable file system and tells in which written files given texts were, deleted files included.

Reads one line of JSON (a list of texts) from stdin, prints {"watching": [mount points]} once it watches, and when stdin
ends {"files": how many written files were looked into, "hits": [[path, index of the text]]}. Exits with 3 where the
system does not allow it. The texts come over stdin, since arguments can be seen by everybody.
"""

import ctypes
import json
import os
import select
import stat
import struct
import sys

FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED_QUEUE, FAN_UNLIMITED_MARKS = 0x1, 0x2, 0x10, 0x20
FAN_MARK_ADD, FAN_MARK_FILESYSTEM = 0x1, 0x100
FAN_MODIFY, FAN_CLOSE_WRITE, FAN_Q_OVERFLOW = 0x2, 0x8, 0x4000
AT_FDCWD = -100
EVENT = struct.Struct("=IBBHQii")
# Of one file: more than any of the tests lets the program write.
MOST = 16 * 1024 * 1024
NO_FILES = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "bpf", "securityfs", "configfs",
            "pstore", "binfmt_misc", "fusectl", "hugetlbfs", "nsfs", "autofs", "efivarfs"}

libc = ctypes.CDLL(None, use_errno=True)
libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]


def refused(what):
    print(f"{what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
    sys.exit(3)


def writable_mounts():
    for line in open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape"):
        before, after = line.rstrip("\n").split(" - ")
        place, options = before.split(" ")[4:6]
        kind, _, whole = after.split(" ")[:3]
        if kind not in NO_FILES and "rw" in options.split(",") and "rw" in whole.split(","):
            yield place.encode("utf-8", "surrogateescape").decode("unicode_escape")


def main():
    watch = libc.fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if watch < 0:
        refused("fanotify_init")
    watching = []
    for place in writable_mounts():
        # Some file systems cannot be watched as a whole; the test sees which are.
        if libc.fanotify_mark(watch, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, os.fsencode(place)) == 0:
            watching.append(place)
    if not watching:
        refused("fanotify_mark")
    if "--probe" in sys.argv:
        return
    texts = [text.encode() for text in json.loads(sys.stdin.buffer.readline())]
    print(json.dumps({"watching": watching}), flush=True)

    files, hits, lost = 0, set(), False
    while True:
        ready = select.select([watch, 0], [], [])[0]
        ending = 0 in ready and os.read(0, 1) == b""
        while True:
            try:
                buffer = os.read(watch, 65536)
            except BlockingIOError:
                break
            at = 0
            while at < len(buffer):
                length, _, _, _, mask, fd, _ = EVENT.unpack_from(buffer, at)
                at += length
                lost = lost or mask & FAN_Q_OVERFLOW != 0
                if fd < 0:
                    continue
                try:
                    if not stat.S_ISREG(os.fstat(fd).st_mode):
                        continue
                    content = os.pread(fd, MOST, 0)
                    path = os.readlink(f"/proc/self/fd/{fd}")
                    files += 1
                    hits.update((path, index) for index, text in enumerate(texts) if text in content)
                except OSError:
                    pass
                finally:
                    os.close(fd)
        if ending:
            break
    print(json.dumps({"files": files, "lost": lost, "hits": sorted(hits)}), flush=True)


main()
