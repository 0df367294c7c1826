"""Manifests: which line belongs to which result. The worker in Go writes and reads the same ones."""
from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import threading
import time
from typing import Any, Dict, Iterator, Optional, Set, Tuple

from xxh64 import XXH64

FOLDER = ".manifest"  # folder of the manifests, below that of a file
MAX_KEPT = 1000  # folders of manifests that are remembered
LOCK_WAIT = 10  # seconds; others need a moment each to put their results in place
SAME_WORK = ("index", "half", "retry", "generation", "offset", "input_hash", "deployment", "positions")
NAME = re.compile(r"(?s).+_chunk_([0-9]+)(?:_s([0-9]+))?(?:_r([0-9]+))?(?:_g[0-9]+)?(?:_a[0-9]+)?")


class Figures:
    """The number of bytes and lines of what was written, and its hash."""

    def __init__(self) -> None:
        self.digest, self.bytes, self.ends, self.last = XXH64(), 0, 0, b"\n"

    def add(self, data: bytes) -> None:
        if data:
            self.digest.update(data)
            self.bytes += len(data)
            self.ends += data.count(b"\n")
            self.last = data[-1:]

    def lines(self) -> int:
        """Return the number of lines. The last one counts with or without its line end."""
        return self.ends + (self.last != b"\n")


def timestamp(seconds: float) -> str:
    """Return a time as manifests carry it."""
    ms = int(seconds * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def work(batch_id: str) -> Optional[Tuple[int, int, int]]:
    """Return index, half and retry of a batch id."""
    parts = NAME.fullmatch(batch_id)
    return (int(parts.group(1)), int(parts.group(2) or 0), int(parts.group(3) or 0)) if parts else None


def encode(line: Dict[str, Any]) -> bytes:
    """Return a line of a manifest with its sum and its line end."""
    body = json.dumps(line, separators=(",", ":"))[:-1].replace("}", "\\u007d").encode()
    return body + b',"sum":"' + XXH64(body).hexdigest().encode() + b'"}\n'


def decode(text: bytes) -> Optional[Dict[str, Any]]:
    """Return the line, or None if it was cut off or is damaged: such a line vouches for nothing."""
    parts = re.fullmatch(rb'(.*),"sum":"([0-9a-f]{16})"}\n?', text, re.DOTALL)
    if not parts or XXH64(parts.group(1)).hexdigest().encode() != parts.group(2):
        return None
    return json.loads(text)


def sync_folder(fd: int) -> None:
    """Make the entries of a folder durable if its file system supports that."""
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def open_below(name: str, below: int, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW, 0o644, dir_fd=below)


def acquire(fd: int) -> None:
    """Lock a file until it is closed, as far as its file system knows locks. Raise OSError if another one has had it for LOCK_WAIT."""
    end = time.monotonic() + LOCK_WAIT
    pause = 0.0001
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, f"another process has put results in place for {LOCK_WAIT} s or longer: if it stands still, continue or end it")
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
            continue
        except OSError:
            pass  # there are no locks
        return


class Manifests:
    """The manifests of a results folder. One process appends to one manifest of each file's folder."""

    def __init__(self) -> None:
        self.name = ""  # of this process's manifest
        self.lock = threading.Lock()
        self.kept: Set[Tuple[int, int]] = set()  # folders of manifests whose entries are durable, by device and inode

    def append(self, folder: int, name: str, line: Dict[str, Any]) -> None:
        """Append a line to this process's manifest of the open folder, durably. name is that of the worker, escaped."""
        with self.lock:  # appends of other threads wait
            self.name = self.name or name + ".jsonl"
            manifests = self.folder(folder)
            try:
                fd = open_below(self.name, manifests, os.O_RDWR | os.O_APPEND | os.O_CREAT)
                with os.fdopen(fd, "r+b", buffering=0) as f:
                    size = os.fstat(f.fileno()).st_size
                    torn = size > 0 and os.pread(f.fileno(), 1, size - 1) != b"\n"
                    text = (b"\n" if torn else b"") + encode(line)
                    while text:
                        text = text[f.write(text):]
                    os.fsync(f.fileno())
                info = os.fstat(manifests)
                if size == 0 or (info.st_dev, info.st_ino) not in self.kept:
                    sync_folder(manifests)
                    if len(self.kept) >= MAX_KEPT:
                        self.kept.clear()
                    self.kept.add((info.st_dev, info.st_ino))
            finally:
                os.close(manifests)

    def folder(self, folder: int) -> int:
        """Open the folder of the manifests. Create it if it is missing."""
        try:
            os.mkdir(FOLDER, 0o755, dir_fd=folder)
        except FileExistsError:
            pass
        return open_below(FOLDER, folder, os.O_RDONLY | os.O_DIRECTORY)

    @contextlib.contextmanager
    def settling(self, folder: int) -> Iterator[None]:
        """Let one attempt at a time put its result in place, as far as the file system knows locks."""
        manifests = self.folder(folder)
        try:
            fd = open_below("lock", manifests, os.O_RDWR | os.O_CREAT)
        finally:
            os.close(manifests)
        try:
            acquire(fd)
            yield
        finally:
            os.close(fd)

    def standing(self, folder: int, line: Dict[str, Any]) -> Optional[Dict[str, Any]]:
        """Return the line that vouches for the result that stands in the place of this one."""
        result = figures(folder, line["result"])
        if result is None:
            return None
        failed = figures(folder, line["result"][: -len(".jsonl")] + ".failed.jsonl")
        found = None
        for other in self.lines(folder):
            if all(other.get(k) == line.get(k) for k in SAME_WORK) and other.get("bytes") == result.bytes \
                    and other.get("hash") == result.digest.hexdigest() \
                    and other.get("failed_list_hash") == (failed.digest.hexdigest() if failed else ""):
                found = other
        return found

    def lines(self, folder: int) -> Iterator[Dict[str, Any]]:
        """Yield the lines of all manifests."""
        manifests = self.folder(folder)
        try:
            for name in sorted(os.listdir(manifests)):
                if not name.endswith(".jsonl"):
                    continue
                with os.fdopen(open_below(name, manifests, os.O_RDONLY), "rb") as f:
                    for text in f:
                        line = decode(text)
                        if line:
                            yield line
        finally:
            os.close(manifests)


def figures(folder: int, name: str) -> Optional[Figures]:
    """Return the figures of a file, or None if there is no such file."""
    try:
        fd = open_below(name, folder, os.O_RDONLY)
    except OSError:
        return None
    out = Figures()
    with os.fdopen(fd, "rb") as f:
        for data in iter(lambda: f.read(1 << 20), b""):
            out.add(data)
    return out
