"""Result files: <folder>/<folder of the file>/<chunk>.jsonl, as the worker in Go writes them, so
that both share one folder. A file appears there whole or not at all."""
from __future__ import annotations

import errno
import hashlib
import json
import os
import posixpath
import re
import secrets
import shutil
import time
from typing import Any, BinaryIO, List

STALE = 24 * 3600  # seconds after which a crashed attempt's file is removed
CHECK, MAX_CHECK = 4 << 10, 2 << 20  # bytes of a check: beyond what did not fit, at most
MAX_FOLDER = 200  # bytes, which leaves room in a name for what is put behind it
ESCAPED = "\"*/:<>?\\|%@\x7f"  # what a file name cannot hold everywhere, or has a meaning here
DEVICE = re.compile(r"(?i)(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|\Z)", re.ASCII)


class Retry(Exception):
    """Raised to say that the chunk cannot run now and is not to blame: it runs again later."""


class Unfit(Retry):
    """Raised when no result at all can be written: the worker takes no chunks until one of size bytes can."""

    def __init__(self, text: str, size: int = 0) -> None:
        super().__init__(text)
        self.size = size


def result_name(batch_id: str) -> str:
    """The name of a chunk's result: the batch id without its attempt."""
    number, from_two = "(?:0|[1-9][0-9]{0,17})", "(?:[2-9]|[1-9][0-9]{1,17})"
    parts = re.fullmatch("(?s)(.+_chunk_%s(?:_g%s)?)_a%s" % (number, from_two, from_two), batch_id)
    name = parts.group(1) if parts else batch_id
    return name if re.fullmatch(r"[A-Za-z0-9._-]{1,230}", name) else base(name)


def base(name: str) -> str:
    """A name that is fit for a file; names that had to be changed get a hash."""
    full, name = name, posixpath.basename(name.rstrip("/")) or name[:1] or "."
    changed = name != full
    if name[-4:].lower() == ".txt":
        changed = changed or name[-4:] != ".txt"
        name = name[:-4]
    clean = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if not changed and clean == name and 0 < len(clean) <= 200:
        return clean
    suffix = "-" + hashlib.sha256(full.encode("utf-8", "replace")).hexdigest()[:8]
    return clean[: 200 - len(suffix)] + suffix


def result_folder(file: str) -> str:
    """The folder of a file's results: the file's path as one name, the same as the worker in Go makes."""
    if file in ("", "_"):
        return "%5F" if file else "_"
    file = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in file)  # no UTF-8, no name
    out = cut = ""
    for i, c in enumerate(file):
        edge = i == 0 and (c == "." or DEVICE.match(file)) or i == len(file) - 1 and c in ". "
        out += "%%%02X" % ord(c) if edge or c < " " or c in ESCAPED else c
        if len(out.encode()) <= MAX_FOLDER - 18:
            cut = out
    if len(out.encode()) <= MAX_FOLDER:
        return out
    return cut + "%~" + hashlib.sha256(file.encode()).hexdigest()[:16]


def make_folder(path: str) -> None:
    """Make a folder and its parents, durably."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    make_folder(parent)
    os.makedirs(path, exist_ok=True)  # another worker may be faster
    fd = os.open(parent, os.O_RDONLY)
    try:
        sync_folder(fd)
    finally:
        os.close(fd)


def open_folder(name: str, below: int) -> int:
    """Open a folder below an open one, and make it if need be. Links are not followed: they may lead out."""
    try:
        os.mkdir(name, 0o755, dir_fd=below)
        sync_folder(below)
    except FileExistsError:
        pass
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=below)


def sync_folder(fd: int) -> None:
    """Make a folder's entries durable where its file system can; some have no such call."""
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


class Results:
    """The results of all chunks."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, file: str, batch_id: str) -> str:
        return os.path.join(self.folder, result_folder(file), result_name(batch_id) + ".jsonl")

    def has(self, file: str, batch_id: str) -> bool:
        """Whether the result of a chunk is there."""
        return os.path.isfile(self.path(file, batch_id))

    def create(self, file: str, batch_id: str, attempt: int) -> "Result":
        """Begin a result. What is wrong with the disk is no failure of the chunk: Retry."""
        try:
            return self.begin(result_folder(file), batch_id, attempt)
        except OSError as e:
            raise self.trouble(e) from e

    def trouble(self, cause: OSError, size: int = 0) -> Retry:
        """Whose trouble it is: Unfit when a file of the worker's own cannot be written either.

        size is how large the result was by then."""
        room = min(size + CHECK, MAX_CHECK)
        text = "results in %s cannot be written: %s" % (self.folder, cause)
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return Unfit(text, room)
        try:
            self.check()
        except OSError:
            return Unfit(text, room)
        return Retry(text)

    def check(self, size: int = 0) -> None:
        """Do with a file of its own all that a result needs; OSError when that fails."""
        folder = ".check-" + secrets.token_hex(8)
        try:
            with self.begin(folder, "check", 0) as out:
                out.out.write(b"\n" * (size or CHECK))
                out.put()
        finally:
            shutil.rmtree(os.path.join(self.folder, folder), ignore_errors=True)

    def begin(self, folder: str, batch_id: str, attempt: int) -> "Result":
        name = result_name(batch_id)
        prefix = hashlib.sha256(name.encode()).hexdigest()[:16] + "-"
        fds: List[int] = []
        try:
            make_folder(self.folder)
            fds.append(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY))
            fds.append(open_folder(folder, fds[0]))
            fds.append(open_folder(".tmp", fds[1]))
            remove_stale(fds[2], prefix)
            temp = "%sa%d-%s" % (prefix, attempt, secrets.token_hex(8))
            out = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fds[2])
            os.close(fds.pop(0))
            return Result(self, os.fdopen(out, "wb"), temp, name + ".jsonl", fds[1], fds[0])
        except OSError:
            for fd in fds:
                os.close(fd)
            raise


def remove_stale(temps: int, prefix: str) -> None:
    for name in os.listdir(temps):
        if name.startswith(prefix):
            try:
                if time.time() - os.lstat(name, dir_fd=temps).st_mtime > STALE:
                    os.remove(name, dir_fd=temps)
            except OSError:
                pass  # another worker removed it


class Result:
    """A result that is being written; used in a with block, it is thrown away unless committed."""

    def __init__(self, results: Results, out: BinaryIO, temp: str, final: str, temps: int, folder: int) -> None:
        self.results = results
        self.out, self.temp, self.final = out, temp, final
        self.temps, self.folder = temps, folder  # open folders
        self.size = 0
        self.committed = False

    def write(self, value: Any) -> None:
        """Add a line, or nothing for None."""
        if value is None:
            return
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        line = text.encode("utf-8", "replace")
        self.size += len(line)
        try:
            self.out.write(line)
        except OSError as e:
            raise self.results.trouble(e, self.size) from e

    def commit(self) -> None:
        """Put the result in its place, durably."""
        try:
            self.put()
        except OSError as e:
            raise self.results.trouble(e, self.size) from e

    def put(self) -> None:
        self.out.flush()
        os.fsync(self.out.fileno())
        self.out.close()
        os.replace(self.temp, self.final, src_dir_fd=self.temps, dst_dir_fd=self.folder)
        self.committed = True
        sync_folder(self.folder)

    def __enter__(self) -> "Result":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.committed:
                os.remove(self.temp, dir_fd=self.temps)  # else removed as stale later
            self.out.close()
        except OSError:
            pass
        finally:
            os.close(self.temps)
            os.close(self.folder)
