"""A classic worker as they are in the field, for tests: a member of one consumer
group that works inside its poll loop.

usage: worker.py BROKER ID SECONDS_PER_ITEM FAILING_SHARE TOPIC_SUFFIX
"""
import json
import random
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


def say(topic, message):
    producer.produce(topic + suffix, key=worker_id, value=json.dumps(message))
    producer.poll(0)


def announce(_, partitions):
    say("connections", {"status": "new", "id": worker_id, "partitions": [p.partition for p in partitions]})
    producer.flush()


def run(chunk):
    if random.random() < failing:
        raise RuntimeError("this chunk ends without a word")
    for n in range(len(chunk["data"])):
        time.sleep(work)
        say("signals", {"id": worker_id, "batchId": chunk["batchId"], "processing": n + 1, "total": len(chunk["data"])})
    say("connections", {"status": "done", "id": worker_id})
    producer.flush()


consumer.subscribe(["chunks" + suffix], on_assign=announce)
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    try:
        chunk = json.loads(message.value())
        if chunk["id"] == worker_id and chunk["data"]:
            run(chunk)
        consumer.commit(message, asynchronous=False)
    except Exception as error:  # as in the field: the loop goes on
        print(worker_id, error, flush=True)
