"""A classic worker as they are in the field, for tests: a member of one consumer
group that works inside its poll loop. On SIGTERM it leaves the group at once,
whatever it is doing.

usage: worker.py BROKER ID SECONDS_PER_ITEM FAILING_SHARE TOPIC_SUFFIX

It prints a line of JSON for each event: assign, start, last (the last item is
done, which is said next), end (all was said), fail.
"""
import json
import random
import signal
import sys
import time

from confluent_kafka import Consumer, Producer

broker, worker_id, work, failing, suffix = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
producer = Producer({"bootstrap.servers": broker})
consumer = Consumer({
    "bootstrap.servers": broker,
    "group.id": "classic" + suffix,
    "auto.offset.reset": "latest",
    "enable.auto.commit": False,
    "session.timeout.ms": 60000,
    "max.poll.interval.ms": 600000,
})


def note(event, batch_id="", **more):
    print(json.dumps({"event": event, "id": worker_id, "batchId": batch_id, "at": time.time(), **more}), flush=True)


def say(topic, message):
    producer.produce(topic + suffix, key=worker_id, value=json.dumps(message))
    producer.poll(0)


def announce(_, partitions):
    partitions = [p.partition for p in partitions]
    say("connections", {"status": "new", "id": worker_id, "partitions": partitions})
    producer.flush()
    note("assign", partitions=partitions)


def run(chunk):
    if random.random() < failing:
        raise RuntimeError("this chunk ends without a word")
    for n in range(len(chunk["data"])):
        time.sleep(work)
        if n + 1 == len(chunk["data"]):
            note("last", chunk["batchId"])
        say("signals", {"id": worker_id, "batchId": chunk["batchId"], "processing": n + 1, "total": len(chunk["data"])})
    say("connections", {"status": "done", "id": worker_id})
    producer.flush()


def work_on(message):
    chunk = json.loads(message.value())
    if chunk["id"] == worker_id and chunk["data"]:
        note("start", chunk["batchId"])
        try:
            run(chunk)
        except Exception:
            note("fail", chunk["batchId"])
            raise
        note("end", chunk["batchId"])
    consumer.commit(message, asynchronous=False)


def leave(*_):
    sys.exit(0)


signal.signal(signal.SIGTERM, leave)
consumer.subscribe(["chunks" + suffix], on_assign=announce)
try:
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        try:
            work_on(message)
        except Exception as error:  # as in the field: the loop goes on
            print(worker_id, error, flush=True)
finally:
    consumer.close()
