"""What a worker holds and remembers. Decides what becomes of a chunk; does no I/O."""
from __future__ import annotations

import json
import re
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Callable, Deque, Dict, List, Optional, Tuple

QUEUE_AHEAD = 64  # chunks beyond the capacity: the master's largest PREFETCH
REMEMBERED = 4096  # finished chunks; a second copy of one comes soon or never
TERM_TRUST = 30.0  # seconds for which a former leader's chunks are refused
MAX_ID = 255  # bytes of a batch id
MAX_ERROR = 4096  # bytes of an error's text
MAX_NOTE = 120  # characters of a heartbeat's note, which has 512 bytes


@dataclass
class Chunk:
    """One piece of work: consecutive items of one file."""

    batch_id: str
    items: List[str]
    file: str = ""
    attempt: int = 0
    term: int = 0
    deployment: str = ""
    offset: int = 0  # of its range in the file
    hash: str = ""  # of the bytes of its range


@dataclass
class Job:
    """One chunk on the desk: in the queue, in work, or ended and not acknowledged."""

    chunk: Chunk
    mark: int  # of its items
    started: Optional[float] = None
    done: int = 0
    told: int = 0
    told_at: float = 0.0
    last: Optional[dict] = None  # the newest progress message
    final: bool = False
    outdated: bool = False  # another chunk came under its id: nothing more is said about it


def partition_of(worker_id: str, partitions: int) -> int:
    """The partition that a worker's id falls on: FNV-1a, 64 bit."""
    h = 0xCBF29CE484222325
    for b in worker_id.encode():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h % partitions


def decode(value: bytes, worker_id: str, incarnation: str = "") -> Optional[Chunk]:
    """Read a chunk message; None when it is for another worker, or another process under its id."""
    needle = worker_id.encode()
    # Most messages are for others and must cost next to nothing.
    if re.fullmatch(rb"[A-Za-z0-9._ -]+", needle) and needle not in value:
        return None
    m = json.loads(value)
    if not isinstance(m, dict):
        raise ValueError("it is no object")
    if m.get("id") != worker_id or m.get("incarnation", incarnation) != incarnation:
        return None
    batch_id, items = m.get("batchId"), m.get("data") or []
    if not isinstance(batch_id, str) or not 1 <= len(batch_id.encode("utf-8", "replace")) <= MAX_ID:
        raise ValueError("batchId is no text of 1 to %d bytes" % MAX_ID)
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        raise ValueError("data is no list of texts")
    file, deployment = m.get("file") or "", m.get("deployment") or ""
    offset, digest = m.get("offset") or 0, m.get("hash") or ""
    attempt, term = m.get("attempt") or 0, m.get("term") or 0
    if not all(isinstance(x, str) for x in (file, deployment, digest)) or not all(isinstance(x, int) for x in (attempt, term, offset)):
        raise ValueError("file, deployment, hash, attempt, term or offset is of a wrong type")
    return Chunk(batch_id, items, file, attempt, term, deployment, offset, digest)


def report(chunk: Chunk, done: int, result: str = "", error: str = "") -> dict:
    """A progress message, the last word when it has a result."""
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
    return body


def cut(text: str) -> str:
    """Text of at most MAX_ERROR bytes."""
    return text.strip().encode("utf-8", "replace")[:MAX_ERROR].decode("utf-8", "ignore")


@dataclass
class Desk:
    """The chunks that a worker has. It is not safe for threads by itself."""

    capacity: int
    clock: Callable[[], float] = time.monotonic
    next: int = 0  # next offset to read
    draining: bool = False
    held: Dict[str, Job] = field(default_factory=dict)
    queue: Deque[Job] = field(default_factory=deque)
    memory: "OrderedDict[str, Tuple[int, dict]]" = field(default_factory=OrderedDict)
    deployment: str = ""  # of the last chunk: terms are compared within one
    term: int = 0
    term_seen: float = 0.0
    note: str = ""  # why chunks are given back unseen

    def take(self, chunk: Chunk) -> Tuple[Optional[dict], bool]:
        """Take a chunk in; returns what to say at once, and whether that is final."""
        if chunk.term and not self.trust(chunk):
            return None, False
        mark = hash((chunk.deployment, *chunk.items))
        known = self.memory.get(chunk.batch_id)
        if known and known[0] == mark:
            return known[1], True
        job = self.held.get(chunk.batch_id)
        if job and job.mark == mark:
            return job.last, job.final
        if job:
            self.outdate(job)
        if self.draining:
            return None, False  # not held: the master sees that by the heartbeats and the bye
        job = Job(chunk, mark)
        self.held[chunk.batch_id] = job
        if not self.note and len(self.queue) + self.busy() < QUEUE_AHEAD + 2 * self.capacity:
            self.queue.append(job)
            return None, False
        last = report(chunk, 0, "retry", self.note or "the worker's queue is full")
        self.close(job, last)
        return last, True

    def forget(self, batch_id: str) -> None:
        """Drop what is known about a batch id, so that it runs when it comes."""
        self.memory.pop(batch_id, None)
        if batch_id in self.held:
            self.outdate(self.held[batch_id])

    def trust(self, chunk: Chunk) -> bool:
        """Whether a chunk of its term may run: no former leader's, unless its state began anew."""
        now = self.clock()
        if chunk.deployment == self.deployment and chunk.term < self.term and now - self.term_seen < TERM_TRUST:
            return False
        self.deployment, self.term, self.term_seen = chunk.deployment, chunk.term, now
        return True

    def rest(self, note: str) -> List[dict]:
        """Take nothing more for a reason, until it is empty; returns the last words about the queue."""
        self.note, back = note[:MAX_NOTE], []
        while note and self.queue:
            job = self.queue.popleft()
            back.append(report(job.chunk, 0, "retry", note))
            self.close(job, back[-1])
        return back

    def outdate(self, job: Job) -> None:
        job.outdated = True
        del self.held[job.chunk.batch_id]
        if job in self.queue:
            self.queue.remove(job)

    def start(self, now: float) -> Optional[Job]:
        """The next chunk to work on."""
        if not self.queue:
            return None
        job = self.queue.popleft()
        job.started = job.told_at = now
        return job

    def finish(self, job: Job, last: dict) -> bool:
        """End a chunk; false when its last word interests nobody."""
        self.close(job, last)
        return not job.outdated

    def close(self, job: Job, last: dict) -> None:
        job.last, job.final = last, True
        job.chunk.items = []
        if job.outdated:
            return
        self.memory[job.chunk.batch_id] = (job.mark, last)
        while len(self.memory) > REMEMBERED:
            self.memory.popitem(last=False)

    def acknowledged(self, batch_id: str) -> None:
        """Let go of a chunk whose last word Kafka has."""
        job = self.held.get(batch_id)
        if job and job.final:
            del self.held[batch_id]

    def progress(self, now: float, interval: float) -> List[dict]:
        """Progress messages that are due, never one that counts all items: the chunk may still fail."""
        out = []
        for job in self.held.values():
            done = min(job.done, len(job.chunk.items) - 1)
            if job.final or job.started is None or done <= job.told or now - job.told_at < interval:
                continue
            job.told, job.told_at, job.last = done, now, report(job.chunk, done)
            out.append(job.last)
        return out

    def busy(self) -> int:
        """Number of chunks in work."""
        return sum(1 for job in self.held.values() if job.started is not None and not job.final)

    def drain(self) -> int:
        """Let go of the queue and take nothing more; returns how many were queued."""
        self.draining = True
        for job in self.queue:
            del self.held[job.chunk.batch_id]
        n = len(self.queue)
        self.queue.clear()
        return n

    def view(self) -> dict:
        """What a heartbeat says. Ended chunks count as running until Kafka has their last word."""
        running = [i for i, job in self.held.items() if job.started is not None or job.final]
        queued = [i for i, job in self.held.items() if job.started is None and not job.final]
        view = {"running": running, "queued": queued, "next": self.next}
        return {**view, "note": self.note} if self.note else view
