"""A native worker of Kafka Master: class Worker.

One thread reads chunks, others run them, and one more sends the messages. The comments name the steps of the protocol,
see "Writing a native worker" in docs/protocol.md.
"""
from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from typing import Callable, List, Optional, Set, Tuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from desk import Attempt, Chunk, Desk, Recall, decode, partition_of, progress_message, ranges
from manifest import work
from outbox import Message, Outbox
from results import Failed, Results, Retry, Unfit
from settings import Settings

HEARTBEAT = 3.0  # seconds between heartbeats; the master suspects a worker after 6 s of silence
PROGRESS = 0.2  # minimum seconds between two progress messages of a chunk
FLUSH = 3.0  # seconds to deliver the last messages of a stopped worker
MIN_RECHECK, MAX_RECHECK = 1.0, 60.0  # seconds before an unfit worker checks again whether it can work
PARTITION_CHECK = 60.0  # seconds between two checks whether the partition still exists
PARTITION_RECHECK = 2.0  # the same after an error
POLL = 0.2  # seconds that a poll waits, which is also the longest delay of a signal

log = logging.getLogger("worker")
Handle = Callable[[str], object]


class Refused(Exception):
    """Kafka refuses this worker, for example because of its password."""


REFUSALS = {
    KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
OUT_OF_RANGE = {KafkaError.OFFSET_OUT_OF_RANGE, getattr(KafkaError, "_AUTO_OFFSET_RESET", KafkaError.OFFSET_OUT_OF_RANGE)}


def figures(line: dict) -> dict:
    """Return what a final message tells of a result that stands."""
    body = {"output_lines": line["lines"], "failed": line["failed"]}
    if line.get("failed_items"):
        body["failed_items"] = line["failed_items"]
    return body


class Worker:
    """One worker. run() returns after stop() was called, or raises Refused.

    handle is called with one item. Its return value becomes one line of JSON in the chunk's result, or no line if it is
    None. Failed fails this item only. Any other exception fails the chunk; Retry gives it back to run later. handle may run
    in several threads at once, and more than once for an item.
    """

    def __init__(self, settings: Settings, handle: Handle) -> None:
        self.settings, self.handle = settings, handle
        self.results = Results(settings.results_dir)
        self.incarnation = "%d-%s" % (time.time() * 1000, secrets.token_hex(4))
        self.partition = 0
        self.stopping = threading.Event()
        self.cancelled = threading.Event()  # set when running chunks must be given back
        self.refused: Optional[Exception] = None
        self.logged: Set[str] = set()  # causes of errors that were logged since the last success

        common = {
            "bootstrap.servers": ",".join(settings.brokers), "client.id": "kafka-master-python-worker",
            "error_cb": self.on_error, "log_level": 2, **settings.security,
        }
        # One request at a time and no limit on retries keep the order of the messages.
        producer = Producer({**common, "acks": "all", "max.in.flight.requests.per.connection": 1,
                             "message.timeout.ms": 0, "linger.ms": 0})
        # The library requires the name of a group. The worker never joins it.
        self.consumer = Consumer({**common, "group.id": "kafka-master-native", "enable.auto.commit": False,
                                  "enable.auto.offset.store": False, "auto.offset.reset": "error"})

        self.changed = threading.Condition()  # guards the following attributes
        self.desk = Desk(settings.parallel)
        self.outbox = Outbox(producer, settings.worker_id, self.incarnation, self.on_error, self.logged.clear)
        self.next_heartbeat = float("inf")
        self.ended = False
        self.pause = 0.0  # last pause of an unfit worker, 0 after a chunk was done

    def stop(self) -> None:
        """Make run() drain and return. It may be called in a signal handler."""
        self.stopping.set()

    def run(self) -> None:
        """Process chunks until stop() is called."""
        offset = self.locate()
        if offset is None:
            return
        try:
            self.results.check()
        except OSError as e:
            self.suspend("results in %s cannot be written: %s" % (self.settings.results_dir, e))
        self.announce(offset)
        threads = [threading.Thread(target=self.send, daemon=True)]
        threads += [threading.Thread(target=self.work, daemon=True) for _ in range(self.settings.parallel)]
        for t in threads:
            t.start()
        try:
            self.read(offset)
            self.drain()
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()
            self.consumer.close()

    # Reading: steps 2, 3, 4, 6 and 9.

    def locate(self) -> Optional[int]:
        """Wait until the partition exists. Return its end offset, or None when the worker is stopped."""
        topic = self.settings.chunk_topic
        while not self.stopping.is_set():
            try:
                found = self.consumer.list_topics(topic, timeout=2).topics[topic]
                if found.error and found.error.code() in REFUSALS:
                    raise Refused(found.error.str())
                count = len(found.partitions)
                wanted = self.settings.partition
                self.partition = wanted if wanted is not None else partition_of(self.settings.worker_id, count or 1)
                if self.partition < count:
                    return self.bounds()[1]
                self.log_once("topic %s has %d partitions, waiting for number %d" % (topic, count, self.partition))
            except KafkaException as e:
                self.on_error(e.args[0])
            self.consumer.poll(0)  # reports connection errors
            self.raise_refusal()
            self.stopping.wait(1)
        return None

    def bounds(self) -> Tuple[int, int]:
        """Return the first and the end offset of the partition."""
        place = TopicPartition(self.settings.chunk_topic, self.partition)
        return self.consumer.get_watermark_offsets(place, timeout=10, cached=False)

    def announce(self, offset: int) -> None:
        """Announce the worker with its partition and the offset that it reads from."""
        with self.changed:
            self.desk.next = offset
            self.send_status("new")
            self.next_heartbeat = time.monotonic() + (0 if self.desk.refusal else HEARTBEAT)
        log.info("worker %s started: partition %d, offset %d, incarnation %s", self.settings.worker_id, self.partition,
                 offset, self.incarnation)

    def seek(self, offset: int) -> None:
        self.consumer.assign([TopicPartition(self.settings.chunk_topic, self.partition, offset)])

    def read(self, offset: int) -> None:
        """Read chunks until the worker is stopped."""
        self.seek(offset)
        checked, trouble = time.monotonic(), False
        while not self.stopping.is_set():
            self.raise_refusal()
            if time.monotonic() - checked >= (PARTITION_RECHECK if trouble else PARTITION_CHECK):
                checked, trouble = time.monotonic(), False
                self.relocate()
            message = self.consumer.poll(POLL)
            if message is None:
                continue
            trouble = trouble or bool(message.error())
            if not message.error():
                self.accept(message.offset(), message.value())
            elif message.error().code() in OUT_OF_RANGE:
                self.clamp()
            else:
                self.on_error(message.error())

    def relocate(self) -> None:
        """Move to another partition if the topic was created again without this one."""
        topic = self.settings.chunk_topic
        try:
            found = self.consumer.list_topics(topic, timeout=2).topics[topic]
            count = 0 if found.error else len(found.partitions)
            if self.partition < count or count == 0 or self.settings.partition is not None:
                return
            self.partition = partition_of(self.settings.worker_id, count)
            offset = self.bounds()[1]
        except KafkaException as e:
            self.on_error(e.args[0])
            return
        log.warning("topic %s was created again with %d partitions, continuing with number %d", topic, count, self.partition)
        self.announce(offset)
        self.seek(offset)

    def accept(self, offset: int, value: Optional[bytes]) -> None:
        """Handle one record."""
        try:
            chunk = decode(value or b"", self.settings.worker_id, self.incarnation)
        except (ValueError, RecursionError) as e:
            log.warning("invalid chunk message at offset %d dropped: %s", offset, e)
            chunk = None
        if isinstance(chunk, Recall):
            self.give_back(chunk, offset)
            return
        with self.changed:
            self.desk.next = offset + 1
            answer, final = self.desk.decide(chunk) if chunk else (None, False)
        # The lock is not held here, since a file server that does not answer must not stop the heartbeats.
        missing = final and answer["result"] == "ok" and not self.results.has(chunk.file, chunk.batch_id, chunk.generation)
        with self.changed:
            if missing:
                self.desk.forget(chunk.batch_id)
                answer, final = self.desk.decide(chunk)
            if answer:
                self.send_signal(answer, final)
            self.changed.notify_all()

    def give_back(self, recall: Recall, offset: int) -> None:
        """Give back the chunks of a recall that have not begun, for an idle worker."""
        with self.changed:
            for final in self.desk.recall(recall):
                self.send_signal(final, final=True)
            self.desk.next = offset + 1

    def clamp(self) -> None:
        """Continue at the nearest offset that exists. The next heartbeat shows the master what was missed."""
        try:
            low, high = self.bounds()
        except KafkaException as e:
            self.on_error(e.args[0])
            low = high = self.desk.next
        with self.changed:
            missed, self.desk.next = self.desk.next, min(max(self.desk.next, low), high)
            self.next_heartbeat = 0
            self.changed.notify_all()
        if missed == self.desk.next:
            self.stopping.wait(1)
        else:
            log.warning("offset %d is out of range, continuing at %d", missed, self.desk.next)
        self.seek(self.desk.next)

    # Running: steps 7 and 8.

    def work(self) -> None:
        """Run chunks one after the other."""
        while True:
            with self.changed:
                attempt = self.desk.start(time.monotonic())
                while attempt is None:
                    if self.ended:
                        return
                    self.changed.wait()
                    attempt = self.desk.start(time.monotonic())
            final = self.run_attempt(attempt)
            with self.changed:
                self.pause = 0.0 if final["result"] == "ok" else self.pause
                if self.desk.finish(attempt, final):
                    self.send_signal(final, final=True)
                self.changed.notify_all()

    def run_attempt(self, attempt: Attempt) -> dict:
        """Run one chunk and return the final message about it."""
        chunk, failed = attempt.chunk, []
        try:
            with self.results.create(chunk.file, chunk.batch_id, chunk.attempt, chunk.generation) as out:
                for i, item in enumerate(chunk.items):
                    if self.cancelled.is_set():
                        raise Retry("the worker stopped")
                    try:
                        out.write(self.handle(item))
                    except Failed as e:
                        failed.append(i)
                        out.fail(chunk.line_of(i), item, str(e), e.exit)
                    out.end_item()
                    attempt.done += 1
                standing = out.commit(self.record(chunk, failed))
            final = progress_message(chunk, attempt.done, "ok", failed=failed)
            return {**final, **figures(standing)} if standing else final
        except Retry as e:
            if isinstance(e, Unfit):
                self.suspend(str(e), e.size)
            log.warning("chunk %s given back: %s", chunk.batch_id, e)
            return progress_message(chunk, attempt.done, "retry", str(e))
        except BaseException as e:  # the worker must survive whatever the function raises
            log.warning("chunk %s failed", chunk.batch_id, exc_info=True)
            return progress_message(chunk, attempt.done, "failed", "%s: %s" % (type(e).__name__, e))

    def record(self, chunk: Chunk, failed: List[int]) -> Optional[dict]:
        """Return the line of a manifest about a chunk, without what is known of its result. There is none for a chunk
        without a hash or a name: nothing could tell its result from that of another one."""
        parts = work(chunk.batch_id)
        if not parts or not chunk.hash:
            return None
        line = {
            "batchId": chunk.batch_id, "index": parts[0], "half": parts[1], "retry": parts[2],
            "attempt": chunk.attempt, "deployment": chunk.deployment, "generation": chunk.generation, "offset": chunk.offset,
            "length": chunk.length, "first_line": chunk.first_line, "items": len(chunk.items), "input_hash": chunk.hash,
            "failed": len(failed), "worker": self.settings.worker_id,
        }
        pairs = ranges(failed)
        if pairs:
            line["failed_items"] = pairs
        if chunk.positions:
            line["positions"] = chunk.positions
        return line

    def suspend(self, why: str, size: int = 0) -> None:
        """Accept no chunks until results of size bytes can be written again."""
        with self.changed:
            if self.desk.refusal:
                return
            for final in self.desk.refuse(why):
                self.send_signal(final, final=True)
            self.next_heartbeat = 0  # reports the reason to the master at once
            self.changed.notify_all()
        log.warning("this worker cannot work and accepts no chunks until it can: %s", why)
        threading.Thread(target=self.await_recovery, args=(size,), daemon=True).start()

    def await_recovery(self, size: int) -> None:
        """Check after each pause whether results can be written again."""
        while True:
            with self.changed:
                self.pause = min(max(2 * self.pause, MIN_RECHECK), MAX_RECHECK)
                pause = self.pause
            if self.stopping.wait(pause):
                return
            try:
                self.results.check(size)
            except OSError:
                continue
            with self.changed:
                self.desk.reopen()
                self.next_heartbeat = 0
                self.changed.notify_all()
            log.info("this worker can work again")
            return

    # Sending: steps 4, 5, 7 and 8. The lock is held in all of these methods but send.

    def send_status(self, status: str) -> None:
        """Queue a message about the worker itself."""
        body = {"status": status, "partitions": [self.partition], "capacity": self.settings.parallel, "version": "python"}
        if status in ("new", "heartbeat"):
            body["recall"] = True
        if status in ("heartbeat", "draining"):
            body.update(self.desk.contents())
        self.outbox.put(self.settings.connection_topic, status, Message(body))
        self.changed.notify_all()

    def send_signal(self, body: dict, final: bool) -> None:
        """Queue a message about a chunk."""
        self.outbox.put(self.settings.signal_topic, body["batchId"], Message(body, final))
        self.changed.notify_all()

    def queue_due(self, now: float) -> float:
        """Queue the messages that are due now. Return the time until the next one may be due."""
        if now >= self.next_heartbeat:
            self.send_status("heartbeat")
            self.next_heartbeat = now + HEARTBEAT
        for body in self.desk.progress(now, PROGRESS):
            self.send_signal(body, final=False)
        return min(self.next_heartbeat - now, PROGRESS if self.desk.running() else HEARTBEAT)

    def send(self) -> None:
        """Send all messages. Those that are queued while Kafka has not answered go into the next batch."""
        while True:
            with self.changed:
                pause = self.queue_due(time.monotonic())
                if not self.outbox.waiting:
                    if self.ended:
                        return
                    self.changed.wait(pause)
                    continue
                batch = self.outbox.take()
            failed = self.outbox.deliver(batch, lambda: self.ended)
            with self.changed:
                for key, message in batch.items():
                    if message.final and key not in failed:
                        self.desk.acknowledged(key[1])
                self.outbox.done(failed)
                self.changed.notify_all()
            if failed:
                time.sleep(1)

    # Stopping: step 10.

    def drain(self) -> None:
        """Stop in order: running chunks may finish, queued ones are dropped, then the worker says bye."""
        with self.changed:
            log.info("worker is stopping: %d running chunks, %d queued chunks dropped", self.desk.running(), self.desk.drain())
            self.send_status("draining")
            self.next_heartbeat = 0  # lists no queued chunks, so the master hands them out again at once
            self.changed.notify_all()
        if not self.wait(lambda: self.desk.running() == 0, self.settings.drain):
            log.warning("giving back the running chunks after %g s", self.settings.drain)
            self.cancelled.set()
            self.wait(lambda: self.desk.running() == 0, FLUSH)
        delivered = self.wait(self.outbox.empty, FLUSH)
        with self.changed:
            self.next_heartbeat = float("inf")  # no heartbeat may follow the bye
            self.send_status("bye")
        if self.wait(self.outbox.empty, FLUSH) and delivered:
            log.info("worker stopped")
        else:
            log.warning("worker stopped before its last messages were delivered")

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(holds, seconds)

    # Errors.

    def on_error(self, error: KafkaError) -> None:
        if error.code() in REFUSALS:
            self.refused = Refused(error.str())
        else:
            self.log_once("Kafka: %s; retrying" % error.str())

    def log_once(self, text: str) -> None:
        """Log a text unless it was logged since the last success. Numbers do not count as a difference."""
        cause = re.sub("[0-9]+", "#", text)
        if cause not in self.logged:
            self.logged.add(cause)
            log.warning(text)

    def raise_refusal(self) -> None:
        if self.refused:
            raise self.refused
