"""The chunks that a worker holds and remembers. The desk decides what to do with each chunk and does no I/O."""
from __future__ import annotations

import json
import re
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple, Union

QUEUE_AHEAD = 64  # chunks queued in addition to the capacity: the largest PREFETCH of a master
REMEMBERED = 4096  # finished chunks; a second copy of a chunk arrives soon or never
TERM_MEMORY = 30.0  # seconds for which the chunks of a former leader are dropped
MAX_ID = 255  # bytes of a batch id
MAX_ERROR = 4096  # bytes of an error text
RECALLED = "recalled"  # error of a chunk that was given back because a recall listed it
MAX_RANGES = 1000  # pairs of failed items in a final message
MAX_GAPS = 1000  # pairs of blank lines in a chunk message
REMEMBERED_RANGES = 16  # pairs of failed items in a message that is remembered
MAX_NOTE = 120  # characters of the note of a heartbeat, which may have 512 bytes


@dataclass
class Chunk:
    """One unit of work: consecutive items of one file."""

    batch_id: str
    items: List[str]
    file: str = ""
    attempt: int = 0
    term: int = 0
    deployment: str = ""
    offset: int = 0  # beginning of the chunk's byte range in the file
    hash: str = ""  # hash of the bytes in this range
    generation: int = 1  # version of the file
    first_line: int = 0  # line of the first item, from 1
    length: int = 0  # of that range, in bytes
    positions: Optional[List[List[int]]] = None  # of the items of a retry in their chunk, None for all
    lines: int = 0  # number of lines in this range if it has blank lines, else 0
    # Where these are: for each run of them the item that follows, and the number of blank lines up to there.
    # None if that is not known.
    gaps: Optional[List[Tuple[int, int]]] = None

    def line_of(self, i: int) -> Optional[int]:
        """Return the line of item i in its file, or None if it cannot be told."""
        if not self.first_line or self.lines and not self.gaps:
            return None
        for first, last in self.positions or ():
            if i <= last - first:
                i += first
                break
            i -= last - first + 1
        before = bisect_right(self.gaps or [], (i, self.lines))
        return self.first_line + i + (self.gaps[before - 1][1] if before else 0)


@dataclass
class Recall:
    """A request to give back chunks that are queued and have not begun."""

    batch_ids: List[str]
    deployment: str = ""


@dataclass
class Attempt:
    """One chunk that the worker holds, under the id of its attempt: queued, running, or finished and not acknowledged."""

    chunk: Chunk
    sum: int  # hash of the deployment and the items
    started: Optional[float] = None
    done: int = 0
    sent: int = 0  # number of done items in the last progress message
    sent_at: float = 0.0
    latest: Optional[dict] = None  # newest progress message
    final: bool = False  # latest is the final message
    superseded: bool = False  # another chunk has its id, so nothing more is reported about it


def partition_of(worker_id: str, partitions: int) -> int:
    """Return the partition of a worker: the 64-bit FNV-1a hash of its id, modulo the number of partitions."""
    h = 0xCBF29CE484222325
    for b in worker_id.encode():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h % partitions


def decode(value: bytes, worker_id: str, incarnation: str = "") -> Union[Chunk, Recall, None]:
    """Decode a chunk message or a recall. Return None if it is for another worker or another process with the same id."""
    needle = worker_id.encode()
    # Most messages are for other workers and must cost almost nothing.
    if re.fullmatch(rb"[A-Za-z0-9._ -]+", needle) and needle not in value:
        return None
    m = json.loads(value)
    if not isinstance(m, dict):
        raise ValueError("the message is not an object")
    if m.get("id") != worker_id or m.get("incarnation", incarnation) != incarnation:
        return None
    if "batchId" not in m and isinstance(m.get("recall"), list):
        return Recall(m["recall"], m.get("deployment") or "")
    batch_id, items = m.get("batchId"), m.get("data") or []
    if not isinstance(batch_id, str) or not 1 <= len(batch_id.encode("utf-8", "replace")) <= MAX_ID:
        raise ValueError("batchId is not a string of 1 to %d bytes" % MAX_ID)
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        raise ValueError("data is not a list of strings")
    file, deployment = m.get("file") or "", m.get("deployment") or ""
    offset, digest = m.get("offset") or 0, m.get("hash") or ""
    attempt, term, generation = m.get("attempt") or 0, m.get("term") or 0, m.get("generation") or 1
    first_line, length, lines = m.get("first_line") or 0, m.get("length") or 0, m.get("lines") or 0
    numbers = (attempt, term, offset, generation, first_line, length, lines)
    if not all(isinstance(x, str) for x in (file, deployment, digest)) or not all(isinstance(x, int) for x in numbers):
        raise ValueError("file, deployment, hash, attempt, term, generation, offset, first_line, length or lines has the wrong type")
    positions = m.get("positions") or None
    if positions and sum(last - first + 1 for first, last in positions) != len(items):
        raise ValueError("positions are not those of the items")
    gaps = gaps_of(m.get("gaps"), lines, positions, len(items))
    return Chunk(batch_id, items, file, attempt, term, deployment, offset, digest, generation, first_line, length, positions, lines, gaps)


def gaps_of(pairs: Any, lines: int, positions: Optional[List[List[int]]], count: int) -> Optional[List[Tuple[int, int]]]:
    """Return where the blank lines of a chunk are, or None if that is not told or does not fit the chunk."""
    if not isinstance(pairs, list) or not 1 <= len(pairs) <= MAX_GAPS:
        return None
    out: List[Tuple[int, int]] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(type(x) is int for x in pair):
            return None
        item, blank = pair
        if item <= (out[-1][0] if out else -1) or blank < 1:
            return None
        out.append((item, blank + (out[-1][1] if out else 0)))
    items = lines - out[-1][1]  # of the chunk, of which a retry has only some
    fits = items > positions[-1][1] if positions else items == count
    return out if fits and out[-1][0] <= items else None


def ranges(items: List[int]) -> Optional[List[List[int]]]:
    """Return ascending numbers as pairs of the first and the last one, or None if these are too many for a message."""
    out: List[List[int]] = []
    for i in items:
        if out and out[-1][1] == i - 1:
            out[-1][1] = i
        else:
            out.append([i, i])
    return out if len(out) <= MAX_RANGES else None


def progress_message(chunk: Chunk, done: int, result: str = "", error: str = "", failed: Sequence[int] = ()) -> dict:
    """Return a progress message. With a result it is the final message about the chunk, of which some items failed."""
    total = len(chunk.items)
    body = {"batchId": chunk.batch_id, "processing": total if result == "ok" else done, "total": total}
    if chunk.attempt:
        body["attempt"] = chunk.attempt
    if chunk.deployment:
        body["deployment"] = chunk.deployment
    if chunk.hash:
        body["offset"], body["hash"] = chunk.offset, chunk.hash
    if result:
        body["result"] = result
    if error:
        body["error"] = cut(error)
    if failed:
        body["failed"] = len(failed)
        pairs = ranges(list(failed))
        if pairs:
            body["failed_items"] = pairs
    return body


def cut(text: str) -> str:
    """Return the text cut to MAX_ERROR bytes."""
    return text.strip().encode("utf-8", "replace")[:MAX_ERROR].decode("utf-8", "ignore")


@dataclass
class Desk:
    """The chunks of a worker. The caller must hold a lock: the class is not safe for threads."""

    capacity: int
    clock: Callable[[], float] = time.monotonic
    next: int = 0  # offset of the next record to read
    draining: bool = False
    held: Dict[str, Attempt] = field(default_factory=dict)
    queue: Deque[Attempt] = field(default_factory=deque)
    memory: "OrderedDict[str, Tuple[int, dict]]" = field(default_factory=OrderedDict)
    deployment: str = ""  # deployment of the last chunk, the only one that term belongs to
    term: int = 0  # highest term seen
    term_seen: float = 0.0
    refusal: str = ""  # reason for giving back every new chunk, empty while chunks are accepted

    def decide(self, chunk: Chunk) -> Tuple[Optional[dict], bool]:
        """Hold a chunk that was read. Return a message to send, if any, and whether it is final."""
        if chunk.term and not self.accepts_term(chunk):
            return None, False
        checksum = hash((chunk.deployment, *chunk.items))
        known = self.memory.get(chunk.batch_id)
        if known and known[0] == checksum:
            return known[1], True
        attempt = self.held.get(chunk.batch_id)
        if attempt and attempt.sum == checksum:
            return attempt.latest, attempt.final
        if attempt:
            self.supersede(attempt)
        if self.draining:
            return None, False  # the heartbeats and the bye tell the master that it is not held
        attempt = Attempt(chunk, checksum)
        self.held[chunk.batch_id] = attempt
        if not self.refusal and len(self.queue) + self.running() < QUEUE_AHEAD + 2 * self.capacity:
            self.queue.append(attempt)
            return None, False
        final = progress_message(chunk, 0, "retry", self.refusal or "the worker's queue is full")
        self.conclude(attempt, final)
        return final, True

    def accepts_term(self, chunk: Chunk) -> bool:
        """Return whether a chunk of this term may run. A lower term is dropped for TERM_MEMORY seconds only, since
        it may belong to a state that was created again."""
        now = self.clock()
        if chunk.deployment == self.deployment and chunk.term < self.term and now - self.term_seen < TERM_MEMORY:
            return False
        self.deployment, self.term, self.term_seen = chunk.deployment, chunk.term, now
        return True

    def forget(self, batch_id: str) -> None:
        """Drop everything known about a batch id, so that the chunk runs when it arrives."""
        self.memory.pop(batch_id, None)
        if batch_id in self.held:
            self.supersede(self.held[batch_id])

    def refuse(self, reason: str) -> List[dict]:
        """Give back the queued chunks and, from now on, every new chunk. Return the final messages."""
        self.refusal, returned = reason[:MAX_NOTE], []
        while self.queue:
            attempt = self.queue.popleft()
            returned.append(progress_message(attempt.chunk, 0, "retry", reason))
            self.conclude(attempt, returned[-1])
        return returned

    def recall(self, recall: Recall) -> List[dict]:
        """Give back those queued chunks that a recall lists. Return the final messages."""
        returned = []
        for attempt in list(self.queue):
            if attempt.chunk.batch_id in recall.batch_ids and attempt.chunk.deployment == recall.deployment:
                self.queue.remove(attempt)
                returned.append(progress_message(attempt.chunk, 0, "retry", RECALLED))
                self.conclude(attempt, returned[-1])
        return returned

    def reopen(self) -> None:
        """Accept chunks again after refuse."""
        self.refusal = ""

    def supersede(self, attempt: Attempt) -> None:
        """Forget an attempt whose id now belongs to another chunk."""
        attempt.superseded = True
        del self.held[attempt.chunk.batch_id]
        if attempt in self.queue:
            self.queue.remove(attempt)

    def start(self, now: float) -> Optional[Attempt]:
        """Return the next chunk to run."""
        if not self.queue:
            return None
        attempt = self.queue.popleft()
        attempt.started = attempt.sent_at = now
        return attempt

    def finish(self, attempt: Attempt, final: dict) -> bool:
        """End a running chunk. Return whether to send the final message."""
        self.conclude(attempt, final)
        return not attempt.superseded

    def conclude(self, attempt: Attempt, final: dict) -> None:
        """Record the final message about a chunk. The chunk is held until Kafka has acknowledged this message."""
        attempt.latest, attempt.final = final, True
        attempt.chunk.items = []
        if attempt.superseded:
            return
        if len(final.get("failed_items", ())) > REMEMBERED_RANGES:
            final = {k: v for k, v in final.items() if k != "failed_items"}  # a second copy is rare, and may say less
        self.memory[attempt.chunk.batch_id] = (attempt.sum, final)
        while len(self.memory) > REMEMBERED:
            self.memory.popitem(last=False)

    def acknowledged(self, batch_id: str) -> None:
        """Release a chunk after Kafka has acknowledged its final message."""
        attempt = self.held.get(batch_id)
        if attempt and attempt.final:
            del self.held[batch_id]

    def progress(self, now: float, interval: float) -> List[dict]:
        """Return the progress messages that are due. They never count all items, since the chunk may still fail."""
        out = []
        for attempt in self.held.values():
            done = min(attempt.done, len(attempt.chunk.items) - 1)
            if attempt.final or attempt.started is None or done <= attempt.sent or now - attempt.sent_at < interval:
                continue
            attempt.sent, attempt.sent_at, attempt.latest = done, now, progress_message(attempt.chunk, done)
            out.append(attempt.latest)
        return out

    def running(self) -> int:
        """Return the number of running chunks."""
        return sum(1 for attempt in self.held.values() if attempt.started is not None and not attempt.final)

    def drain(self) -> int:
        """Drop the queued chunks and accept no more. Return the number of dropped chunks."""
        self.draining = True
        for attempt in self.queue:
            del self.held[attempt.chunk.batch_id]
        n = len(self.queue)
        self.queue.clear()
        return n

    def contents(self) -> dict:
        """Return the fields of a heartbeat. A chunk counts as running until its final message is acknowledged."""
        running = [i for i, attempt in self.held.items() if attempt.started is not None or attempt.final]
        queued = [i for i, attempt in self.held.items() if attempt.started is None and not attempt.final]
        contents = {"running": running, "queued": queued, "next": self.next}
        return {**contents, "note": self.refusal} if self.refusal else contents
