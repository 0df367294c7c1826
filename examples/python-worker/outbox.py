"""The messages of a worker that wait for Kafka."""
from __future__ import annotations

import json
from typing import Callable, Dict, Tuple

from confluent_kafka import KafkaError, Producer

Key = Tuple[str, str]  # topic, and the batch id or the status


class Message:
    """A message to send. final is set for the final message about a chunk."""

    def __init__(self, body: dict, final: bool = False) -> None:
        self.body, self.final = body, final


class Outbox:
    """The waiting messages, at most one per topic and key: a newer message replaces an older one.

    The caller must hold a lock, except for deliver."""

    def __init__(self, producer: Producer, worker_id: str, incarnation: str, on_error: Callable[[KafkaError], None],
                 on_success: Callable[[], None]) -> None:
        self.producer = producer
        self.worker_id, self.incarnation = worker_id, incarnation
        self.on_error, self.on_success = on_error, on_success
        self.waiting: Dict[Key, Message] = {}
        self.in_flight: Dict[Key, Message] = {}

    def put(self, topic: str, key: str, message: Message) -> None:
        """Queue a message. A progress message never replaces a final one."""
        old = self.waiting.get((topic, key))
        if old is None or message.final or not old.final:
            self.waiting[(topic, key)] = message

    def take(self) -> Dict[Key, Message]:
        """Return all waiting messages. They are in flight until done is called."""
        self.in_flight, self.waiting = self.waiting, {}
        return self.in_flight

    def done(self, failed: Dict[Key, Message]) -> None:
        """End a delivery. Failed messages wait again unless there is a newer one."""
        self.waiting, self.in_flight = {**failed, **self.waiting}, {}

    def empty(self) -> bool:
        """Return whether Kafka has acknowledged all messages."""
        return not self.waiting and not self.in_flight

    def deliver(self, batch: Dict[Key, Message], ended: Callable[[], bool]) -> Dict[Key, Message]:
        """Send messages and wait until Kafka has answered or ended() is true. Return those that Kafka did not take."""
        failed = {}

        def delivered(key: Key, error: KafkaError) -> None:
            if error is None:
                self.on_success()
                return
            self.on_error(error)
            # Kafka would never take a message that is too large, and it must not block the others.
            if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                failed[key] = batch[key]

        for key, message in batch.items():
            body = {"id": self.worker_id, "protocol": 2, "incarnation": self.incarnation, **message.body}
            self.producer.produce(key[0], json.dumps(body).encode(), self.worker_id.encode(),
                                  on_delivery=lambda error, _, key=key: delivered(key, error))
        while self.producer.flush(1) > 0 and not ended():
            pass
        return failed
