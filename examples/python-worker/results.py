"""Result files: <folder>/<file>/<chunk>.jsonl, as the worker in Go writes them, so
that both share one folder. A file appears there whole or not at all."""
from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import secrets
import time
from typing import Any, BinaryIO

STALE = 24 * 3600  # seconds after which a crashed attempt's file is removed


class Retry(Exception):
    """Raised to say that the chunk cannot run now and is not to blame: it runs again later."""


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
    """The folder of a file's results: its path unless that leads out, else its last part."""
    for name in (file, posixpath.basename(file.rstrip("/"))):
        clean = posixpath.normpath(name)
        if name and not name.startswith("/") and clean not in (".", "..") and not clean.startswith("../") and "\0" not in name:
            return clean
    return "_"


def make_folder(path: str) -> None:
    """Make a folder and its parents, durably."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    make_folder(parent)
    os.makedirs(path, exist_ok=True)  # another worker may be faster
    sync_folder(parent)


def sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Results:
    """The results of all chunks."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, file: str, batch_id: str) -> str:
        return os.path.join(self.folder, result_folder(file), result_name(batch_id) + ".jsonl")

    def create(self, file: str, batch_id: str, attempt: int) -> "Result":
        """Begin a result. What is wrong with the disk is no failure of the chunk: Retry."""
        final = self.path(file, batch_id)
        temps = os.path.join(os.path.dirname(final), ".tmp")
        prefix = hashlib.sha256(result_name(batch_id).encode()).hexdigest()[:16] + "-"
        try:
            make_folder(temps)
            remove_stale(temps, prefix)
            temp = os.path.join(temps, "%sa%d-%s" % (prefix, attempt, secrets.token_hex(8)))
            return Result(open(temp, "xb"), temp, final)
        except OSError as e:
            raise Retry("result of %s: %s" % (batch_id, e)) from e


def remove_stale(temps: str, prefix: str) -> None:
    for entry in os.scandir(temps):
        if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False):
            try:
                if time.time() - entry.stat().st_mtime > STALE:
                    os.remove(entry.path)
            except OSError:
                pass  # another worker removed it


class Result:
    """A result that is being written; used in a with block, it is thrown away unless committed."""

    def __init__(self, out: BinaryIO, temp: str, final: str) -> None:
        self.out, self.temp, self.final = out, temp, final
        self.committed = False

    def write(self, value: Any) -> None:
        """Add a line, or nothing for None."""
        if value is None:
            return
        line = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        try:
            self.out.write(line.encode("utf-8", "replace"))
        except OSError as e:
            raise Retry("write result: %s" % e) from e

    def commit(self) -> None:
        """Put the result in its place, durably."""
        try:
            self.out.flush()
            os.fsync(self.out.fileno())
            self.out.close()
            os.replace(self.temp, self.final)
            self.committed = True
            sync_folder(os.path.dirname(self.final))
        except OSError as e:
            raise Retry("commit result: %s" % e) from e

    def __enter__(self) -> "Result":
        return self

    def __exit__(self, *_: object) -> None:
        if self.committed:
            return
        try:
            self.out.close()
            os.remove(self.temp)
        except OSError:
            pass  # removed as stale later
