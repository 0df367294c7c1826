"""A native worker of Kafka Master: class Worker.

One thread reads chunks, others work on them, one more sends what is to be said.
The protocol is docs/protocol.md, "Writing a native worker"; its steps are named
below.
"""
from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from typing import Callable, Dict, Optional, Set, Tuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from desk import Chunk, Desk, Job, decode, partition_of, report
from results import Results, Retry, Unfit
from settings import Settings

HEARTBEAT = 3.0  # seconds; the master suspects a worker that was silent for 6
PROGRESS = 0.2  # seconds between two progress messages of a chunk
FLUSH = 3.0  # seconds for the last messages of a worker that ends
TRIES = (1.0, 60.0)  # seconds between two tries of a worker that cannot work: at first, at most
LOOK = (2.0, 60.0)  # seconds between two looks whether the partition is still there: in trouble, else
POLL = 0.2  # seconds, and so the longest that a signal waits

log = logging.getLogger("worker")
Handle = Callable[[str], object]


class Refused(Exception):
    """Kafka refuses this worker, for example its password."""


REFUSALS = {
    KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
OFF_THE_LOG = {KafkaError.OFFSET_OUT_OF_RANGE, getattr(KafkaError, "_AUTO_OFFSET_RESET", KafkaError.OFFSET_OUT_OF_RANGE)}


class Message:
    """Something to be said. final is set for the last word about a chunk."""

    def __init__(self, topic: str, body: dict, final: bool = False) -> None:
        self.topic, self.body, self.final = topic, body, final


class Worker:
    """One worker. run() lasts until stop() is called, or Kafka refuses it.

    handle gets one item. What it returns becomes a line of JSON in the chunk's
    result, None becomes nothing. An exception fails the chunk; Retry gives it
    back to run later. It may run in several threads at once, and more than once
    for an item.
    """

    def __init__(self, settings: Settings, handle: Handle) -> None:
        self.settings, self.handle = settings, handle
        self.results = Results(settings.results_dir)
        self.incarnation = "%d-%s" % (time.time() * 1000, secrets.token_hex(4))
        self.partition = 0
        self.stopping = threading.Event()
        self.cancelled = threading.Event()  # the drain took too long
        self.changed = threading.Condition()  # guards all that follows
        self.desk = Desk(settings.parallel)
        self.outbox: Dict[Tuple[str, str], Message] = {}  # a newer message takes the older one's place
        self.flying = 0  # messages that Kafka has not acknowledged
        self.next_beat = float("inf")
        self.ended = False
        self.pause = 0.0  # before the next try of a worker that cannot work; 0 once a chunk was done
        self.refused: Optional[Exception] = None
        self.troubles: Set[str] = set()  # that were logged, each once until all is well

        common = {
            "bootstrap.servers": ",".join(settings.brokers), "client.id": "kafka-master-python-worker",
            "error_cb": self.on_error, "log_level": 2, **settings.security,
        }
        # One request at a time, repeated for ever: the order holds.
        self.producer = Producer({**common, "acks": "all", "max.in.flight.requests.per.connection": 1,
                                  "message.timeout.ms": 0, "linger.ms": 0})
        # The library wants a group's name; it is never joined.
        self.consumer = Consumer({**common, "group.id": "kafka-master-native", "enable.auto.commit": False,
                                  "enable.auto.offset.store": False, "auto.offset.reset": "error"})

    def stop(self) -> None:
        """Ask run() to drain and return; safe in a signal handler."""
        self.stopping.set()

    def run(self) -> None:
        """Work until stop() is called."""
        offset = self.locate()
        if offset is None:
            return
        try:
            self.results.check()
        except OSError as e:
            self.rest("results in %s cannot be written: %s" % (self.settings.results_dir, e))
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
        """Find the partition and its end, however long it takes; None when stopped."""
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
                self.complain("topic %s has %d partitions, waiting for number %d" % (topic, count, self.partition))
            except KafkaException as e:
                self.on_error(e.args[0])
            self.consumer.poll(0)  # errors of connections come by it
            self.check()
            self.stopping.wait(1)
        return None

    def bounds(self) -> Tuple[int, int]:
        place = TopicPartition(self.settings.chunk_topic, self.partition)
        return self.consumer.get_watermark_offsets(place, timeout=10, cached=False)

    def announce(self, offset: int) -> None:
        with self.changed:
            self.desk.next = offset
            self.say("new")
            self.next_beat = time.monotonic() + (0 if self.desk.note else HEARTBEAT)
        log.info("worker %s started: partition %d, offset %d, incarnation %s", self.settings.worker_id, self.partition,
                 offset, self.incarnation)

    def seek(self, offset: int) -> None:
        self.consumer.assign([TopicPartition(self.settings.chunk_topic, self.partition, offset)])

    def read(self, offset: int) -> None:
        self.seek(offset)
        looked, trouble = time.monotonic(), False
        while not self.stopping.is_set():
            self.check()
            if time.monotonic() - looked >= LOOK[0 if trouble else 1]:
                looked, trouble = time.monotonic(), False
                self.relocate()
            message = self.consumer.poll(POLL)
            if message is None:
                continue
            trouble = trouble or bool(message.error())
            if not message.error():
                self.accept(message.offset(), message.value())
            elif message.error().code() in OFF_THE_LOG:
                self.clamp()
            else:
                self.on_error(message.error())

    def relocate(self) -> None:
        """Go on at another partition when the topic was made again without this one."""
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
        log.warning("topic %s was made again with %d partitions, going on at number %d", topic, count, self.partition)
        self.announce(offset)
        self.seek(offset)

    def accept(self, offset: int, value: Optional[bytes]) -> None:
        try:
            chunk = decode(value or b"", self.settings.worker_id, self.incarnation)
        except (ValueError, RecursionError) as e:
            log.warning("bad chunk message dropped at offset %d: %s", offset, e)
            chunk = None
        with self.changed:
            self.desk.next = offset + 1
            answer, final = self.desk.take(chunk) if chunk else (None, False)
        # Without the lock: a file server that does not answer must not stop the heartbeats.
        gone = final and answer["result"] == "ok" and not self.results.has(chunk.file, chunk.batch_id)
        with self.changed:
            if gone:
                self.desk.forget(chunk.batch_id)
                answer, final = self.desk.take(chunk)
            if answer:
                self.tell(answer, final)
            self.changed.notify_all()

    def clamp(self) -> None:
        """Go on at the nearest offset there is; a heartbeat shows what was missed."""
        try:
            low, high = self.bounds()
        except KafkaException as e:
            self.on_error(e.args[0])
            low = high = self.desk.next
        with self.changed:
            missed, self.desk.next = self.desk.next, min(max(self.desk.next, low), high)
            self.next_beat = 0
            self.changed.notify_all()
        if missed == self.desk.next:
            self.stopping.wait(1)
        else:
            log.warning("offset %d is out of range, going on at %d", missed, self.desk.next)
        self.seek(self.desk.next)

    # Working: steps 7 and 8.

    def work(self) -> None:
        """Run chunks one after the other."""
        while True:
            with self.changed:
                job = self.desk.start(time.monotonic())
                while job is None:
                    if self.ended:
                        return
                    self.changed.wait()
                    job = self.desk.start(time.monotonic())
            last = self.attempt(job)
            with self.changed:
                self.pause = 0.0 if last["result"] == "ok" else self.pause
                if self.desk.finish(job, last):
                    self.tell(last, final=True)
                self.changed.notify_all()

    def attempt(self, job: Job) -> dict:
        """Run one chunk and return the last word about it."""
        chunk = job.chunk
        try:
            with self.results.create(chunk.file, chunk.batch_id, chunk.attempt) as out:
                for item in chunk.items:
                    if self.cancelled.is_set():
                        raise Retry("the worker stopped")
                    out.write(self.handle(item))
                    job.done += 1
                out.commit()
            return report(chunk, job.done, "ok")
        except Retry as e:
            if isinstance(e, Unfit):
                self.rest(str(e), e.size)
            log.warning("chunk %s given back: %s", chunk.batch_id, e)
            return report(chunk, job.done, "retry", str(e))
        except BaseException as e:  # whatever the function does, the worker goes on
            log.warning("chunk %s failed", chunk.batch_id, exc_info=True)
            return report(chunk, job.done, "failed", "%s: %s" % (type(e).__name__, e))

    def rest(self, why: str, size: int = 0) -> None:
        """Take no chunks until results can be written again."""
        with self.changed:
            if self.desk.note:
                return
            for last in self.desk.rest(why):
                self.tell(last, final=True)
            self.next_beat = 0  # the master hears it at once
            self.changed.notify_all()
        log.warning("this worker cannot work, it takes no chunks until it can: %s", why)
        threading.Thread(target=self.recover, args=(size,), daemon=True).start()

    def recover(self, size: int) -> None:
        while True:
            with self.changed:
                self.pause = min(max(2 * self.pause, TRIES[0]), TRIES[1])
                pause = self.pause
            if self.stopping.wait(pause):
                return
            try:
                self.results.check(size)
            except OSError:
                continue
            with self.changed:
                self.desk.rest("")
                self.next_beat = 0
                self.changed.notify_all()
            log.info("this worker can work again")
            return

    # Sending: steps 4, 5, 7 and 8. All but send and deliver are called with the lock held.

    def say(self, status: str) -> None:
        """Say something about the worker itself."""
        body = {"status": status, "partitions": [self.partition], "capacity": self.settings.parallel, "version": "python"}
        if status in ("heartbeat", "draining"):
            body.update(self.desk.view())
        self.put(status, Message(self.settings.connection_topic, body))

    def tell(self, body: dict, final: bool) -> None:
        """Say something about a chunk."""
        self.put(body["batchId"], Message(self.settings.signal_topic, body, final))

    def put(self, key: str, message: Message) -> None:
        old = self.outbox.get((message.topic, key))
        if old is None or message.final or not old.final:
            self.outbox[(message.topic, key)] = message
        self.changed.notify_all()

    def collect(self, now: float) -> float:
        """Put what is due by now, and return how long nothing else is."""
        if now >= self.next_beat:
            self.say("heartbeat")
            self.next_beat = now + HEARTBEAT
        for body in self.desk.progress(now, PROGRESS):
            self.tell(body, final=False)
        return min(self.next_beat - now, PROGRESS if self.desk.busy() else HEARTBEAT)

    def send(self) -> None:
        """Send all messages; what comes while Kafka has not answered goes next."""
        while True:
            with self.changed:
                pause = self.collect(time.monotonic())
                if not self.outbox:
                    if self.ended:
                        return
                    self.changed.wait(pause)
                    continue
                batch, self.outbox = self.outbox, {}
                self.flying = len(batch)
            failed = self.deliver(batch)
            with self.changed:
                for key, message in batch.items():
                    if message.final and key not in failed:
                        self.desk.acknowledged(key[1])
                self.outbox = {**failed, **self.outbox}
                self.flying = 0
                self.changed.notify_all()
            if failed:
                time.sleep(1)

    def deliver(self, batch: Dict[Tuple[str, str], Message]) -> Dict[Tuple[str, str], Message]:
        """Send messages and wait for Kafka; returns those that it did not take."""
        failed = {}

        def delivered(key: Tuple[str, str], error: Optional[KafkaError]) -> None:
            if error is None:
                self.troubles.clear()
                return
            self.on_error(error)
            if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:  # would never pass, and must not hold up the others
                failed[key] = batch[key]

        for key, message in batch.items():
            body = {"id": self.settings.worker_id, "protocol": 2, "incarnation": self.incarnation, **message.body}
            self.producer.produce(message.topic, json.dumps(body).encode(), self.settings.worker_id.encode(),
                                  on_delivery=lambda error, _, key=key: delivered(key, error))
        while self.producer.flush(1) > 0 and not self.ended:
            pass
        return failed

    # Stopping: step 10.

    def drain(self) -> None:
        """End in order: chunks in work may end, the queue goes back, then bye."""
        with self.changed:
            log.info("worker stops: %d chunks in work, %d given back", self.desk.busy(), self.desk.drain())
            self.say("draining")
            self.next_beat = 0  # at once: without the queue the master hands it out again
            self.changed.notify_all()
        if not self.wait(lambda: self.desk.busy() == 0, self.settings.drain):
            log.warning("chunks in work are given back after %g s", self.settings.drain)
            self.cancelled.set()
            self.wait(lambda: self.desk.busy() == 0, FLUSH)
        delivered = self.wait(self.flushed, FLUSH)
        with self.changed:
            self.next_beat = float("inf")  # none may come after the bye
            self.say("bye")
        if self.wait(self.flushed, FLUSH) and delivered:
            log.info("worker stopped")
        else:
            log.warning("worker stopped, its last messages were not delivered")

    def flushed(self) -> bool:
        return not self.outbox and not self.flying

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(holds, seconds)

    # Trouble.

    def on_error(self, error: KafkaError) -> None:
        if error.code() in REFUSALS:
            self.refused = Refused(error.str())
        else:
            self.complain("Kafka: %s; it is tried again" % error.str())

    def complain(self, text: str) -> None:
        cause = re.sub("[0-9]+", "#", text)
        if cause not in self.troubles:
            self.troubles.add(cause)
            log.warning(text)

    def check(self) -> None:
        if self.refused:
            raise self.refused
