"""Result files: <folder>/<folder of the file>/<chunk>.jsonl. The worker in Go writes the same files, so both can share
one folder. A file appears complete or not at all."""
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
from typing import Any, BinaryIO, Dict, List, Optional, Set

from manifest import MAX_KEPT, Figures, Manifests, sync_folder, timestamp

STALE = 24 * 3600  # seconds after which the file of a crashed attempt is removed
CHECK = 4 << 10  # bytes that a check writes in addition to what did not fit
MAX_CHECK = 2 << 20  # bytes that a check writes at most
MAX_REASON = 1 << 10  # bytes of the reason why an item failed
MAX_REASONS = 4 << 20  # bytes of all reasons of a chunk, beyond which each has SHORT_REASON bytes
SHORT_REASON = 64
MAX_ITEM_LINES = 1000  # pairs that tell how many lines the items have
MAX_FOLDER = 200  # bytes of a folder name, which leaves space for a suffix
ESCAPED = "\"*/:<>?\\|%@\x7f"  # characters that some systems do not allow in file names, or that have a meaning here
FAILED_LIST = ".failed.txt"  # end of the name of a list that a merge writes beside the folders
DEVICE = re.compile(r"(?i)(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\xb9\xb2\xb3]) *(\.|\Z)", re.ASCII)


class Retry(Exception):
    """The chunk cannot run now, for a reason that is not its own. It runs again later."""


class Unfit(Retry):
    """No result at all can be written. The worker accepts no chunks until one of size bytes can."""

    def __init__(self, text: str, size: int = 0) -> None:
        super().__init__(text)
        self.size = size


class Failed(Exception):
    """The item cannot be processed. The other items of its chunk are not affected."""

    def __init__(self, text: str = "failed", exit: Optional[int] = None) -> None:
        super().__init__(text)
        self.exit = exit  # exit status of the item's process, if it had one


def result_name(batch_id: str) -> str:
    """Return the name of a chunk's result: the batch id without its attempt."""
    from_one, from_two = "[1-9][0-9]{0,17}", "(?:[2-9]|[1-9][0-9]{1,17})"
    chunk = "_chunk_(?:0|%s)(?:_s%s)?(?:_r%s)?(?:_g%s)?" % (from_one, from_two, from_one, from_two)
    parts = re.fullmatch("(?s)(.+%s)_a%s" % (chunk, from_two), batch_id)
    name = parts.group(1) if parts else batch_id
    return name if re.fullmatch(r"[A-Za-z0-9._-]{1,230}", name) else base(name)


def base(name: str) -> str:
    """Return a valid file name. A name that had to be changed gets a hash."""
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


def result_folder(file: str, generation: int = 1) -> str:
    """Return the folder of the results of one version of a file, as the worker in Go forms it: the path of the file as
    one name, different for files whose names differ by case or Unicode form only."""
    later = "@%d" % generation if generation > 1 else ""
    if file in ("", "_"):
        return ("%5F" if file else "_") + later
    file = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in file)  # not valid in UTF-8
    out = cut = ""
    for i, c in enumerate(file):
        edge = i == 0 and (c == "." or DEVICE.match(file)) or i == len(file) - 1 and c in ". "
        edge = edge or file[i:] == ".txt" and file.endswith(FAILED_LIST)
        out += "%%%02X" % ord(c) if edge or c < " " or c in ESCAPED else c
        if len(out.encode()) <= MAX_FOLDER - 18:
            cut = out
    mark = capitals(file) if file.isascii() else None
    if mark is None or len(out + mark) > MAX_FOLDER:
        mark = "%~" + hashlib.sha256(file.encode()).hexdigest()[:16]
    return (out if len((out + mark).encode()) <= MAX_FOLDER else cut) + mark + later


def capitals(file: str) -> str:
    """Return the mark of a name with capitals: which of its letters they are, as the bits of a hexadecimal number."""
    mask = sum(1 << n for n, c in enumerate(re.findall("[A-Za-z]", file)) if c < "a")
    return "%%+%x" % mask if mask else ""


def make_folder(path: str) -> None:
    """Create a folder and its missing parents, durably."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    make_folder(parent)
    os.makedirs(path, exist_ok=True)  # another worker may have created it meanwhile
    fd = os.open(parent, os.O_RDONLY)
    try:
        sync_folder(fd)
    finally:
        os.close(fd)


def open_folder(name: str, below: int) -> int:
    """Open a folder below an open one. Create it if it is missing. Do not follow links, since they may lead outside."""
    try:
        os.mkdir(name, 0o755, dir_fd=below)
        sync_folder(below)
    except FileExistsError:
        pass
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=below)


class Results:
    """The folder with the results of all chunks."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.manifests = Manifests()
        self.kept: Set[str] = set()  # folders of files whose entries are durable

    def path(self, file: str, batch_id: str, generation: int = 1) -> str:
        """Return the path of a chunk's result."""
        return os.path.join(self.folder, result_folder(file, generation), result_name(batch_id) + ".jsonl")

    def has(self, file: str, batch_id: str, generation: int = 1) -> bool:
        """Return whether the result of a chunk exists."""
        return os.path.isfile(self.path(file, batch_id, generation))

    def create(self, file: str, batch_id: str, attempt: int, generation: int = 1) -> "Result":
        """Create a result. Errors of the disk raise Retry, since they are not the chunk's fault."""
        try:
            return self.open(result_folder(file, generation), batch_id, attempt)
        except OSError as e:
            raise self.write_error(e) from e

    def write_error(self, cause: OSError, size: int = 0) -> Retry:
        """Return the exception for a result that could not be written after size bytes: Unfit unless a check succeeds,
        since then no other result can be written either."""
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
        """Perform all steps of a result with a test file. Raise OSError if one fails."""
        folder = ".check-" + secrets.token_hex(8)
        try:
            with self.open(folder, "check", 0) as out:
                out.out.write(b"\n" * (size or CHECK))
                out.move()
        finally:
            shutil.rmtree(os.path.join(self.folder, folder), ignore_errors=True)

    def keep(self, folder: str, below: int) -> None:
        """Make the entry of a file's folder durable: the worker that created it may have been killed before it did so."""
        if folder not in self.kept:
            sync_folder(below)
            if len(self.kept) >= MAX_KEPT:
                self.kept.clear()
            self.kept.add(folder)

    def open(self, folder: str, batch_id: str, attempt: int) -> "Result":
        """Open the temporary file of a result."""
        name = result_name(batch_id)
        prefix = hashlib.sha256(name.encode()).hexdigest()[:16] + "-"
        fds: List[int] = []
        try:
            make_folder(self.folder)
            fds.append(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY))
            fds.append(open_folder(folder, fds[0]))
            self.keep(folder, fds[0])
            fds.append(open_folder(".tmp", fds[1]))
            remove_stale(fds[2], prefix)
            temp = "%sa%d-%s" % (prefix, attempt, secrets.token_hex(8))
            out = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fds[2])
            os.close(fds.pop(0))
            return Result(self, os.fdopen(out, "wb"), temp, name, fds[1], fds[0])
        except OSError:
            for fd in fds:
                os.close(fd)
            raise


def remove_stale(temps: int, prefix: str) -> None:
    """Remove the files of crashed attempts at the same chunk."""
    for name in os.listdir(temps):
        if name.startswith(prefix):
            try:
                if time.time() - os.lstat(name, dir_fd=temps).st_mtime > STALE:
                    os.remove(name, dir_fd=temps)
            except OSError:
                pass  # another worker has removed it


class Result:
    """A result that is being written. A with block discards it at the end unless it was committed."""

    def __init__(self, results: Results, out: BinaryIO, temp: str, name: str, temps: int, folder: int) -> None:
        self.results = results
        self.out, self.temp, self.final = out, temp, name + ".jsonl"
        self.failed_list, self.failed = name + ".failed.jsonl", []  # type: str, List[bytes]
        self.reasons = 0  # bytes of the reasons in the list
        self.temps, self.folder = temps, folder  # open folders
        self.size = 0
        self.items, self.lines = [], 0  # type: List[List[int]], int
        self.figures, self.created = Figures(), time.time()
        self.committed = False

    def write(self, value: Any) -> None:
        """Write one line, or nothing for None."""
        if value is None:
            return
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        line = text.encode("utf-8", "replace")
        self.size += len(line)
        self.figures.add(line)
        try:
            self.out.write(line)
        except OSError as e:
            raise self.results.write_error(e, self.size) from e

    def end_item(self) -> None:
        """Note that what was written since the last call belongs to the next item. Each item needs a call, or none."""
        lines = self.figures.lines() - self.lines
        self.lines += lines
        if self.items and self.items[-1][1] == lines:
            self.items[-1][0] += 1
        elif len(self.items) <= MAX_ITEM_LINES:
            self.items.append([1, lines])

    def fail(self, line: Optional[int], item: str, error: str, exit: Optional[int] = None) -> None:
        """List an item that failed. line is None if it is not known."""
        limit = MAX_REASON if self.reasons <= MAX_REASONS else SHORT_REASON
        error = error.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
        self.reasons += len(error)
        text = json.dumps({"line": line, "item": item, "exit": exit, "error": error}, ensure_ascii=False, separators=(",", ":"))
        self.failed.append(text.encode("utf-8", "replace") + b"\n")

    def commit(self, line: Optional[Dict[str, Any]] = None) -> Optional[Dict[str, Any]]:
        """Move the list of failed items and then the result to their paths, durably. Before that, append the line about
        the chunk to the manifest, with what is known of the result, and return the line about the result that stands in
        the end. It is that of another attempt at the same chunk if its result stands already."""
        try:
            return self.move(line)
        except OSError as e:
            raise self.results.write_error(e, self.size) from e

    def move(self, line: Optional[Dict[str, Any]] = None) -> Optional[Dict[str, Any]]:
        self.out.flush()
        os.fsync(self.out.fileno())
        self.out.close()
        list_hash = self.write_failed_list()
        if line is None:
            self.put_in_place()
        else:
            line = self.complete(line, list_hash)
            self.results.manifests.append(self.folder, result_folder(line["worker"]), line)
            line = self.settle(line)
        self.committed = True
        sync_folder(self.folder)
        return line

    def complete(self, line: Dict[str, Any], list_hash: str) -> Dict[str, Any]:
        """Add what is known of the result."""
        told = {"item_lines": self.items} if 0 < len(self.items) <= MAX_ITEM_LINES else {}
        return {
            **line, **told, "result": self.final, "lines": self.figures.lines(), "bytes": self.figures.bytes,
            "hash": self.figures.digest.hexdigest(), "failed_list_hash": list_hash,
            "started": timestamp(self.created), "ended": timestamp(time.time()), "exit": None,
        }

    def settle(self, line: Dict[str, Any]) -> Dict[str, Any]:
        """Put the result in place unless one stands there that a manifest vouches for."""
        manifests = self.results.manifests
        with manifests.settling(self.folder):
            standing = manifests.standing(self.folder, line)
            if not standing and self.put_in_place(exclusively=not self.stands()):
                return line
            standing = standing or manifests.standing(self.folder, line)  # where locks are not known, another one came first
            if standing:
                self.discard()
                return standing
            self.put_in_place()
            return line

    def stands(self) -> bool:
        """Return whether there is something in the place of the result."""
        try:
            os.lstat(self.final, dir_fd=self.folder)
            return True
        except FileNotFoundError:
            return False

    def put_in_place(self, exclusively: bool = False) -> bool:
        """Move the list and then the result to their paths. Without failed items remove the list of an earlier attempt.
        Return False if a result must not be replaced and there is one."""
        try:
            if self.failed:
                os.replace(self.temp + "-failed", self.failed_list, src_dir_fd=self.temps, dst_dir_fd=self.folder)
            else:
                os.remove(self.failed_list, dir_fd=self.folder)
        except FileNotFoundError:
            pass
        if exclusively:
            try:
                os.link(self.temp, self.final, src_dir_fd=self.temps, dst_dir_fd=self.folder, follow_symlinks=False)
                self.discard()
                return True
            except FileExistsError:
                return False
            except OSError:
                pass  # the file system has no links
        os.replace(self.temp, self.final, src_dir_fd=self.temps, dst_dir_fd=self.folder)
        return True

    def write_failed_list(self) -> str:
        """Write the list of failed items under its temporary name, durably, and return its hash, if there are any."""
        if not self.failed:
            return ""
        fd = os.open(self.temp + "-failed", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=self.temps)
        with os.fdopen(fd, "wb") as out:
            out.writelines(self.failed)
            out.flush()
            os.fsync(out.fileno())
        figures = Figures()
        for text in self.failed:
            figures.add(text)
        return figures.digest.hexdigest()

    def discard(self) -> None:
        """Remove the temporary files."""
        for name in (self.temp, self.temp + "-failed"):
            try:
                os.remove(name, dir_fd=self.temps)
            except OSError:
                pass  # if one is left, it is removed as stale later

    def __enter__(self) -> "Result":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.committed:
                self.discard()
            self.out.close()
        except OSError:
            pass
        finally:
            os.close(self.temps)
            os.close(self.folder)
