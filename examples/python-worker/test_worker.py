"""Tests that need no Kafka: python3 -m unittest"""
import fcntl
import json
import os
import sys
import tempfile
import threading
import unittest
from unittest import mock

from desk import MAX_GAPS, MAX_RANGES, QUEUE_AHEAD, RECALLED, TERM_MEMORY, Chunk, Desk, Recall, cut, decode, partition_of, progress_message
from manifest import decode as decode_line, encode, work
from results import Failed, Results, Retry, Unfit, base, result_folder, result_name, sync_folder
from settings import WrongSettings, load
from xxh64 import PlainXXH64


class Protocol(unittest.TestCase):
    def test_partition(self):
        self.assertEqual([partition_of("w-1", 15), partition_of("embedded-1", 15), partition_of("scanner-7", 32)], [14, 6, 29])

    def test_decode(self):
        value = b'{"id":"w","batchId":"a_chunk_1_a2","term":3,"attempt":2,"file":"a.txt","data":["x","\\u00e9"],"more":1}'
        self.assertEqual(decode(value, "w"), Chunk("a_chunk_1_a2", ["x", "\u00e9"], "a.txt", 2, 3))
        self.assertIsNone(decode(value, "v"))
        self.assertIsNone(decode(value, 'quo"te'))
        self.assertEqual(decode(b'{"id":"w","batchId":"b"}', "w"), Chunk("b", []))

    def test_decode_incarnation(self):
        value = b'{"id":"w","batchId":"b","incarnation":"7-a"}'
        self.assertEqual(decode(value, "w", "7-a"), Chunk("b", []))
        self.assertIsNone(decode(value, "w", "8-b"))
        self.assertEqual(decode(b'{"id":"w","batchId":"b"}', "w", "8-b"), Chunk("b", []))

    def test_decode_recall(self):
        value = b'{"id":"w","deployment":"D","incarnation":"7-a","recall":["a","b"]}'
        self.assertEqual(decode(value, "w", "7-a"), Recall(["a", "b"], "D"))
        self.assertIsNone(decode(value, "w", "8-b"))
        self.assertIsNone(decode(value, "v", "7-a"))

    def test_bad_chunks(self):
        for value in (b"w", b'["w"]', b'{"id":"w"}', b'{"id":"w","batchId":""}', b'{"id":"w","batchId":"b","data":[1]}',
                      b'{"id":"w","batchId":"b","data":"x"}', b'{"id":"w","batchId":"b","term":"x"}', b"\xffw"):
            with self.subTest(value), self.assertRaises(ValueError):
                decode(value, "w")

    def test_progress_message(self):
        chunk = Chunk("b", ["x", "y"], attempt=2)
        self.assertEqual(progress_message(chunk, 1), {"batchId": "b", "processing": 1, "total": 2, "attempt": 2})
        self.assertEqual(progress_message(chunk, 0, "ok")["processing"], 2)
        self.assertEqual(progress_message(chunk, 1, "failed", "why")["error"], "why")
        self.assertLessEqual(len(cut("\u00e9" * 5000).encode()), 4096)


    def test_failed_items(self):
        chunk = Chunk("b", ["x"] * 5000)
        self.assertNotIn("failed", progress_message(chunk, 1, "ok"))
        body = progress_message(chunk, 1, "ok", failed=[0, 3, 4, 5, 9])
        self.assertEqual((body["failed"], body["failed_items"]), (5, [[0, 0], [3, 5], [9, 9]]))
        body = progress_message(chunk, 1, "ok", failed=range(0, 2 * MAX_RANGES + 2, 2))
        self.assertEqual((body["failed"], "failed_items" in body), (MAX_RANGES + 1, False))

    def test_lines(self):
        chunk = decode(b'{"id":"w","batchId":"b","data":["x","y"],"first_line":7}', "w")
        self.assertEqual([chunk.line_of(0), chunk.line_of(1)], [7, 8])
        self.assertIsNone(decode(b'{"id":"w","batchId":"b","data":["x"],"first_line":7,"lines":2}', "w").line_of(0))
        self.assertIsNone(Chunk("b", ["x"]).line_of(0))

    def test_lines_between_blank_ones(self):
        def lines(**fields):
            value = {"id": "w", "batchId": "b", "data": ["x", "y", "z"], "first_line": 7, "lines": 9, **fields}
            chunk = decode(json.dumps(value).encode(), "w")
            return [chunk.line_of(i) for i in range(len(chunk.items))]

        self.assertEqual(lines(gaps=[[0, 1], [2, 3], [3, 2]]), [8, 9, 13])
        self.assertEqual(lines(gaps=[[1, 6]]), [7, 14, 15])
        self.assertEqual(lines(gaps=[[3, 6]]), [7, 8, 9])
        self.assertEqual(lines(gaps=[[0, 1], [2, 3]], positions=[[0, 0], [2, 3]]), [8, 13, 14])
        many = [[i, 1] for i in range(MAX_GAPS + 1)]
        self.assertEqual(lines(gaps=many[:-1], lines=2 * MAX_GAPS, positions=[[0, 1], [999, 999]]), [8, 10, 2006])
        for gaps in (None, [], {}, 7, "x", [7], [[1]], [[1, 6, 1]], [[1, "6"]], [[1, 6.0]], [[True, 6]], [[1, 5]], [[1, 7]], [[4, 6]], [[-1, 6]],
                     [[1, 0], [2, 6]], [[1, -1], [2, 7]], [[2, 3], [1, 3]], [[1, 3], [1, 3]], [[1, 2**70]]):
            self.assertEqual(lines(gaps=gaps), [None] * 3, gaps)
        self.assertEqual(lines(gaps=many, lines=2 * MAX_GAPS + 2, positions=[[0, 2]]), [None] * 3)
        self.assertEqual(lines(gaps=[[1, 5]], positions=[[0, 1], [4, 4]]), [None] * 3, "the chunk has four items")


class TestDesk(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.desk = Desk(1, clock=lambda: self.now)

    def test_a_chunk_is_run_once(self):
        d, chunk = self.desk, Chunk("b", ["x", "y", "z"])
        self.assertEqual(d.decide(chunk), (None, False))
        self.assertEqual(d.contents()["queued"], ["b"])
        attempt = d.start(self.now)
        self.assertEqual(d.decide(Chunk("b", ["x", "y", "z"])), (None, False), "nothing was reported yet")
        attempt.done = 1
        self.assertEqual(d.progress(self.now, 0.2), [], "a chunk begins with an interval of silence")
        sent = d.progress(self.now + 0.2, 0.2)
        self.assertEqual(sent[0]["processing"], 1)
        self.assertEqual(d.decide(Chunk("b", ["x", "y", "z"])), (sent[0], False))
        attempt.done = 3
        self.assertEqual(d.progress(self.now + 0.4, 0.2)[0]["processing"], 2, "never all items before the end")
        final = progress_message(chunk, 3, "ok")
        self.assertTrue(d.finish(attempt, final))
        self.assertEqual(d.contents()["running"], ["b"], "until the final message is acknowledged")
        d.acknowledged("b")
        self.assertEqual(d.contents(), {"running": [], "queued": [], "next": 0})
        self.assertEqual(d.decide(Chunk("b", ["x", "y", "z"])), (final, True))

    def test_recall(self):
        d = self.desk
        for batch_id in ("a", "b", "c"):
            d.decide(Chunk(batch_id, [batch_id], deployment="D"))
        d.start(self.now)
        self.assertEqual(d.recall(Recall(["a", "c", "x", 7], "E")), [], "of another deployment")
        returned = d.recall(Recall(["a", "c", "x", 7], "D"))
        self.assertEqual([(m["batchId"], m["result"], m["error"]) for m in returned], [("c", "retry", RECALLED)])
        self.assertEqual(d.contents()["running"], ["a", "c"], "until the final message is acknowledged")
        d.acknowledged("c")
        self.assertEqual((d.contents()["running"], d.contents()["queued"]), (["a"], ["b"]))
        self.assertEqual(d.decide(Chunk("c", ["c"], deployment="D")), (returned[0], True), "a second copy does not run")

    def test_other_items_under_a_known_id_run(self):
        d = self.desk
        d.decide(Chunk("b", ["x"]))
        old = d.start(self.now)
        d.decide(Chunk("b", ["other"]))
        self.assertFalse(d.finish(old, progress_message(old.chunk, 1, "ok")), "nothing is reported about the first chunk")
        self.assertEqual(d.start(self.now).chunk.items, ["other"])

    def test_terms(self):
        d = self.desk
        d.decide(Chunk("a", ["x"], term=5))
        d.decide(Chunk("b", ["x"], term=4))
        self.assertEqual(d.contents()["queued"], ["a"])
        self.now += TERM_MEMORY
        d.decide(Chunk("b", ["x"], term=4))
        self.assertEqual(d.contents()["queued"], ["a", "b"], "the state may have been created again")

    def test_another_deployment(self):
        d = self.desk
        d.decide(Chunk("a", ["x"], term=5, deployment="one"))
        attempt = d.start(self.now)
        d.finish(attempt, progress_message(attempt.chunk, 1, "ok"))
        self.assertEqual(d.decide(Chunk("a", ["x"], term=1, deployment="two")), (None, False), "another deployment has its own account and its own terms")
        self.assertEqual(d.contents()["queued"], ["a"])

    def test_a_result_that_is_missing(self):
        d = self.desk
        d.decide(Chunk("a", ["x"]))
        attempt = d.start(self.now)
        d.finish(attempt, progress_message(attempt.chunk, 1, "ok"))
        self.assertEqual(d.decide(Chunk("a", ["x"]))[1], True)
        d.forget("a")
        self.assertEqual(d.decide(Chunk("a", ["x"])), (None, False))
        self.assertEqual(d.contents()["queued"], ["a"])

    def test_failed_items_are_remembered_within_bounds(self):
        d = self.desk
        for n, kept in ((16, True), (17, False)):
            d.decide(Chunk("b%d" % n, ["x"] * 100))
            attempt = d.start(self.now)
            final = progress_message(attempt.chunk, 100, "ok", failed=range(0, 2 * n, 2))
            d.finish(attempt, final)
            self.assertIn("failed_items", attempt.latest)
            answer = d.decide(Chunk("b%d" % n, ["x"] * 100))[0]
            self.assertEqual((answer["failed"], "failed_items" in answer), (n, kept))

    def test_refuse(self):
        d = self.desk
        d.decide(Chunk("a", ["x"]))
        d.decide(Chunk("b", ["x"]))
        d.start(self.now)
        self.assertEqual([final["batchId"] for final in d.refuse("no room")], ["b"])
        self.assertEqual(d.contents()["note"], "no room")
        answer, final = d.decide(Chunk("c", ["x"]))
        self.assertEqual((answer["result"], answer["error"], final), ("retry", "no room", True))
        d.reopen()
        self.assertEqual(d.decide(Chunk("d", ["x"])), (None, False))
        self.assertNotIn("note", d.contents())

    def test_full_queue(self):
        for n in range(QUEUE_AHEAD + 2):
            self.assertEqual(self.desk.decide(Chunk(str(n), ["x"])), (None, False))
        answer, final = self.desk.decide(Chunk("more", ["x"]))
        self.assertEqual((answer["result"], final), ("retry", True))

    def test_drain(self):
        d = self.desk
        for name in "abc":
            d.decide(Chunk(name, ["x"]))
        d.start(self.now)
        self.assertEqual(d.drain(), 2)
        d.decide(Chunk("d", ["x"]))
        self.assertEqual(d.contents()["running"] + d.contents()["queued"], ["a"])


class TestWorker(unittest.TestCase):
    def setUp(self):
        with mock.patch.dict(sys.modules, {"confluent_kafka": mock.MagicMock()}):
            from native import Worker
        self.worker = Worker(load({"WORKER_ID": "w"}), lambda item: item)

    def test_the_disk_is_accessed_without_the_lock(self):
        """A file server that does not answer must not stop the heartbeats."""
        worker, value, free = self.worker, b'{"id":"w","batchId":"b","data":["x"]}', []

        def acquire():
            free.append(worker.changed.acquire(blocking=False))
            if free[-1]:
                worker.changed.release()

        def has(*_):
            thread = threading.Thread(target=acquire)
            thread.start()
            thread.join()
            return False

        worker.results.has = has
        worker.accept(0, value)
        attempt = worker.desk.start(0.0)
        worker.desk.finish(attempt, progress_message(attempt.chunk, 1, "ok"))
        worker.accept(1, value)
        self.assertEqual(free, [True])
        self.assertEqual(worker.desk.contents()["queued"], ["b"], "the result is missing, so the chunk runs again")


    def test_items_fail_alone(self):
        def handle(item):
            if item == "bad":
                raise Failed("no such \u00e9 \ud800 host")
            if item == "worse":
                raise Failed("status 3", exit=3)
            return item

        with tempfile.TemporaryDirectory() as folder:
            self.worker.results, self.worker.handle = Results(folder), handle
            for items, failed, listed in (
                (["a", "bad", "worse", "b"], [[1, 2]], ['{"line":8,"item":"bad","exit":null,"error":"no such \u00e9 ? host"}', '{"line":9,"item":"worse","exit":3,"error":"status 3"}']),
                (["a", "b"], None, None),
            ):
                self.worker.accept(0, json.dumps({"id": "w", "batchId": "b_chunk_0", "file": "b.txt", "first_line": 7, "data": items}).encode())
                final = self.worker.run_attempt(self.worker.desk.start(0.0))
                self.assertEqual((final["result"], final["processing"], final.get("failed_items")), ("ok", len(items), failed))
                with open(folder + "/b.txt/b_chunk_0.jsonl", encoding="utf-8") as f:
                    self.assertEqual(f.read(), '"a"\n"b"\n')
                path = folder + "/b.txt/b_chunk_0.failed.jsonl"
                self.assertEqual(os.path.exists(path), listed is not None, "a list of an earlier attempt is removed")
                if listed:
                    with open(path, encoding="utf-8") as f:
                        self.assertEqual(f.read().splitlines(), listed)
            self.assertEqual(os.listdir(folder + "/b.txt/.tmp"), [])

    def test_reasons_are_bounded(self):
        with tempfile.TemporaryDirectory() as folder, Results(folder).create("a.txt", "a_chunk_0", 1) as out:
            for i in range(20000):
                out.fail(None, "x", "long " * 1000)
            self.assertLess(sum(map(len, out.failed)), 8 << 20)


class TestResults(unittest.TestCase):
    def test_names(self):
        for batch_id, name in {
            "ips_chunk_4": "ips_chunk_4", "ips_chunk_4_a2": "ips_chunk_4", "ips_chunk_4_g2_a3": "ips_chunk_4_g2",
            "ips_chunk_4_s2": "ips_chunk_4_s2", "ips_chunk_4_s11_r1_g2_a3": "ips_chunk_4_s11_r1_g2", "ips_chunk_4_r1_a2": "ips_chunk_4_r1",
            "ips_chunk_4_s1_a2": "ips_chunk_4_s1_a2", "ips_chunk_4_r1_s2_a2": "ips_chunk_4_r1_s2_a2", "ips_chunk_4_r0_a2": "ips_chunk_4_r0_a2",
            "ips_chunk_4_a1": "ips_chunk_4_a1", "ips_chunk_04_a2": "ips_chunk_04_a2", "x_a2": "x_a2",
        }.items():
            self.assertEqual(result_name(batch_id), name)
        self.assertEqual([base("ips.txt"), base("ips.TXT"), base("My list.txt")], ["ips", "ips-1ef82791", "My_list-b59d1226"])

    def test_folders(self):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "result_folders.json"), encoding="utf-8") as f:
            vectors = json.load(f)
        for v in vectors:
            self.assertEqual(result_folder(v["file"]), v["folder"], v["file"])
        self.assertEqual(result_folder("\ud800.txt"), result_folder("\ufffd.txt"))
        self.assertEqual([result_folder("A.txt", 2), result_folder("", 3)], ["A.txt%+1@2", "_@3"])

    def test_links_are_not_followed(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as outside:
            os.symlink(outside, folder + "/a.txt")
            os.mkdir(folder + "/b.txt")
            os.symlink(outside, folder + "/b.txt/.tmp")
            for file in ("a.txt", "b.txt"):
                with self.assertRaises(Retry):
                    Results(folder).create(file, "a_chunk_0", 1)
            self.assertEqual(os.listdir(outside), [])

    def test_folders_that_cannot_be_synced(self):
        read, write = os.pipe()  # the kernel returns EINVAL for it
        try:
            sync_folder(read)
        finally:
            os.close(read)
            os.close(write)
        with self.assertRaises(OSError):
            sync_folder(write)

    def test_a_folder_of_a_worker_that_was_killed_is_made_durable(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(folder + "/a.txt")  # and the entry not synced
            synced, results = [], Results(folder)
            with mock.patch("results.sync_folder", lambda fd: synced.append(os.fstat(fd).st_ino)):
                for chunk in ("a_chunk_0", "a_chunk_1"):
                    with results.create("a.txt", chunk, 1) as out:
                        out.commit()
            self.assertEqual(synced.count(os.stat(folder).st_ino), 1)

    def test_complete_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            results = Results(folder)
            with self.assertRaises(TypeError), results.create("a.txt", "a_chunk_0", 1) as out:
                out.write({"item": "x"})
                out.write(object())
            self.assertEqual(os.listdir(folder + "/a.txt"), [".tmp"])
            for attempt in ("", "_a2"):
                with results.create("a.txt", "a_chunk_0" + attempt, 1) as out:
                    out.write({"item": "\u00e9"})
                    out.write(None)
                    out.commit()
            self.assertEqual(os.listdir(folder + "/a.txt/.tmp"), [])
            with open(folder + "/a.txt/a_chunk_0.jsonl", encoding="utf-8") as f:
                self.assertEqual(f.read(), '{"item":"\u00e9"}\n')

    def test_an_error_of_the_disk_makes_the_worker_unfit(self):
        with tempfile.NamedTemporaryFile() as f, self.assertRaises(Unfit):
            Results(f.name).create("a.txt", "a_chunk_0", 1)

    def test_an_error_of_one_name_does_not(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/a.txt", "w"):
                pass
            with self.assertRaises(Retry) as raised:
                Results(folder).create("a.txt", "a_chunk_0", 1)
            self.assertNotIsInstance(raised.exception, Unfit)
            self.assertEqual(os.listdir(folder), ["a.txt"], "the check leaves nothing behind")


class TestManifests(unittest.TestCase):
    def test_others_are_waited_for_a_limited_time(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch("manifest.LOCK_WAIT", 0.01):
            self.commit(Results(folder), "1")
            with open(folder + "/a.txt/.manifest/lock") as other:
                fcntl.flock(other, fcntl.LOCK_EX)
                with self.assertRaises(Retry) as raised:
                    self.commit(Results(folder), "2", attempt=2)
                self.assertNotIsInstance(raised.exception, Unfit)
                self.assertIn("stands still", str(raised.exception))
            self.commit(Results(folder), "2", attempt=2)

    def test_lines_of_items(self):
        with tempfile.TemporaryDirectory() as folder:
            line = {"batchId": "a_chunk_0", "index": 0, "worker": "py"}
            with Results(folder).create("a.txt", "a_chunk_0", 1) as out:
                for value in (1, 2, None, 3):
                    out.write(value)
                    out.end_item()
                self.assertEqual(out.commit(line)["item_lines"], [[2, 1], [1, 0], [1, 1]])
            with Results(folder).create("a.txt", "a_chunk_1", 1) as out:
                for i in range(2002):
                    out.write(i if i % 2 else None)
                    out.end_item()
                self.assertNotIn("item_lines", out.commit({**line, "batchId": "a_chunk_1", "index": 1}))

    def commit(self, results, text, failed=(), attempt=1, **changes):
        """Write a result of two items and return the line about the result that stands."""
        line = {"batchId": "a_chunk_0", "index": 0, "half": 0, "retry": 0, "attempt": attempt, "deployment": "D", "generation": 1,
                "offset": 0, "length": 4, "first_line": 1, "items": 2, "input_hash": "44bc2cf5ad770999", "failed": len(failed),
                "worker": "py}1", **changes}
        with results.create("a.txt", "a_chunk_0", attempt) as out:
            out.write(text)
            for i in failed:
                out.fail(i + 1, "x", "refused")
            return out.commit(line)

    def read(self, folder, name="a_chunk_0.jsonl"):
        try:
            with open(folder + "/a.txt/" + name, encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def test_hashes(self):
        for text, want in {b"": "ef46db3751d8e999", b"a": "d24ec4f1a98c6e5b", b"Nobody inspects the spammish repetition": "fbcea83c8a378bf1"}.items():
            self.assertEqual(PlainXXH64(text).hexdigest(), want)
        whole, parts = PlainXXH64(bytes(range(256)) * 5), PlainXXH64()
        for i in range(0, 1280, 7):
            parts.update((bytes(range(256)) * 5)[i:i + 7])
        self.assertEqual(parts.hexdigest(), whole.hexdigest())

    def test_lines_of_a_retry(self):
        value = {"id": "w", "batchId": "a_chunk_0_r1", "data": ["b", "d", "e"], "first_line": 11, "positions": [[1, 1], [3, 4]]}
        chunk = decode(json.dumps(value).encode(), "w")
        self.assertEqual([chunk.line_of(i) for i in range(3)], [12, 14, 15])
        value["positions"] = [[1, 2]]
        with self.assertRaises(ValueError):
            decode(json.dumps(value).encode(), "w")

    def test_names(self):
        self.assertEqual([work("a_chunk_4"), work("a_chunk_4_s5_r2_g3_a7"), work("a_chunk_1_chunk_2_a3"), work("x")],
                         [(4, 0, 0), (4, 5, 2), (2, 0, 0), None])

    def test_lines_that_were_cut_off_or_damaged_vouch_for_nothing(self):
        text = encode({"batchId": "a", "worker": "}"})
        self.assertEqual(decode_line(text), {"batchId": "a", "worker": "}", "sum": decode_line(text)["sum"]})
        for n in range(len(text) - 1):
            self.assertIsNone(decode_line(text[:n]))
            self.assertIsNone(decode_line(text[:n] + b"~" + text[n + 1:]))

    def test_a_line_follows_one_that_was_cut_off(self):
        with tempfile.TemporaryDirectory() as folder:
            self.commit(Results(folder), "1")
            with open(folder + "/a.txt/.manifest/py}1.jsonl", "ab") as f:
                f.write(b'{"batchId":"a_ch')
            self.commit(Results(folder), "2", input_hash="0")
            self.assertEqual(self.read(folder), '"2"\n')
            lines = [decode_line(x.encode()) for x in self.read(folder, ".manifest/py}1.jsonl").splitlines()]
            self.assertEqual([x and x["input_hash"] for x in lines], ["44bc2cf5ad770999", None, "0"])

    def test_a_result_that_stands_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            first = self.commit(Results(folder), "first", failed=[1])
            self.assertEqual((first["lines"], first["bytes"], first["failed"]), (1, 8, 1))
            self.assertEqual(self.commit(Results(folder), "second", attempt=2)["hash"], first["hash"])
            self.assertEqual((self.read(folder), self.read(folder, "a_chunk_0.failed.jsonl").count("\n")), ('"first"\n', 1))
            self.assertEqual(os.listdir(folder + "/a.txt/.tmp"), [])

    def test_anything_else_is_replaced(self):
        for change in ("result", "list", "line", "deployment", "positions"):
            with self.subTest(change), tempfile.TemporaryDirectory() as folder:
                other = {"deployment": {"deployment": "E"}, "positions": {"positions": [[3, 4]]}}
                self.commit(Results(folder), "first", failed=[1], **other.get(change, {}))
                if change == "result":
                    with open(folder + "/a.txt/a_chunk_0.jsonl", "a"):
                        os.truncate(folder + "/a.txt/a_chunk_0.jsonl", 3)
                elif change == "list":
                    os.remove(folder + "/a.txt/a_chunk_0.failed.jsonl")
                elif change == "line":
                    os.remove(folder + "/a.txt/.manifest/py}1.jsonl")
                self.assertEqual(self.commit(Results(folder), "second")["failed"], 0)
                self.assertEqual((self.read(folder), self.read(folder, "a_chunk_0.failed.jsonl")), ('"second"\n', ""))

    def test_attempts_at_once_leave_one_result(self):
        with tempfile.TemporaryDirectory() as folder:
            out = []
            threads = [threading.Thread(target=lambda n=n: out.append(self.commit(Results(folder), "x" * n, range(n % 2), worker="w%d" % n)))
                       for n in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(len({x["hash"] for x in out}), 1)
            self.assertEqual((len(out), len(self.read(folder))), (8, out[0]["bytes"]))
            self.assertEqual(self.read(folder, "a_chunk_0.failed.jsonl").count("\n"), out[0]["failed"])


class TestSettings(unittest.TestCase):
    def test_defaults(self):
        s = load({"WORKER_ID": "w", "KAFKA_BROKER_ADDRESS": ""})
        self.assertEqual((s.brokers, s.partition, s.chunk_topic), (["127.0.0.1:9092"], None, "master-signal"))
        self.assertEqual(s.security, {"security.protocol": "PLAINTEXT"})

    def test_all_set(self):
        s = load({"WORKER_ID": "w", "KAFKA_BROKER_ADDRESS": "a, b:7,[::1]", "KAFKA_BROKER_PORT": "99", "WORKER_PARTITION": "0",
                  "KAFKA_TLS": "true", "KAFKA_SASL_MECHANISM": "plain", "KAFKA_SASL_USERNAME": "u",
                  "KAFKA_SASL_PASSWORD": " p ", "DATA_DIR": "/d"})
        self.assertEqual((s.brokers, s.partition, s.results_dir), (["a:99", "b:7", "[::1]:99"], 0, "/d/results"))
        self.assertEqual(s.security, {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "u",
                                      "sasl.password": " p "})

    def test_all_mistakes_at_once(self):
        with self.assertRaises(WrongSettings) as raised:
            load({"KAFKA_BROKER_ADDRESS": "kafka://a", "WORKER_PARTITION": "-1", "KAFKA_TLS": "maybe",
                  "KAFKA_TOPIC_NAME_WORKER": "a b", "KAFKA_SASL_MECHANISM": "MD5", "KAFKA_TLS_CA_FILE": "/nowhere"})
        text = str(raised.exception)
        for name in ("WORKER_ID", "KAFKA_BROKER_ADDRESS", "WORKER_PARTITION", "KAFKA_TLS:", "KAFKA_TOPIC_NAME_WORKER",
                     "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_TLS_CA_FILE"):
            self.assertEqual(text.count(name + ("" if name.endswith(":") else ":")), 1, text)

    def test_secrets_are_not_quoted(self):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("from a file\n")
            f.flush()
            s = load({"WORKER_ID": "w", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD_FILE": f.name})
        self.assertEqual(s.security["sasl.password"], "from a file")


if __name__ == "__main__":
    unittest.main()
