"""XXH64, by the module xxhash if it is installed. Python alone hashes some megabytes a second."""
from __future__ import annotations

import struct

P1, P2, P3, P4, P5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MASK = 0xFFFFFFFFFFFFFFFF


def rotate(x: int, n: int) -> int:
    return (x << n | x >> (64 - n)) & MASK


def mix(acc: int, lane: int) -> int:
    return rotate((acc + lane * P2) & MASK, 31) * P1 & MASK


class PlainXXH64:
    """XXH64 with seed 0."""

    def __init__(self, data: bytes = b"") -> None:
        self.acc = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        self.rest, self.size = b"", 0
        self.update(data)

    def update(self, data: bytes) -> None:
        self.size += len(data)
        data = self.rest + data
        end = len(data) // 32 * 32
        a, b, c, d = self.acc
        for w, x, y, z in struct.iter_unpack("<QQQQ", data[:end]):
            a, b, c, d = mix(a, w), mix(b, x), mix(c, y), mix(d, z)
        self.acc, self.rest = [a, b, c, d], data[end:]

    def intdigest(self) -> int:
        if self.size >= 32:
            h = sum(rotate(x, n) for x, n in zip(self.acc, (1, 7, 12, 18))) & MASK
            for x in self.acc:
                h = ((h ^ mix(0, x)) * P1 + P4) & MASK
        else:
            h = P5
        h, rest = (h + self.size) & MASK, self.rest
        while len(rest) >= 8:
            h = (rotate(h ^ mix(0, struct.unpack("<Q", rest[:8])[0]), 27) * P1 + P4) & MASK
            rest = rest[8:]
        if len(rest) >= 4:
            h = (rotate(h ^ struct.unpack("<I", rest[:4])[0] * P1 & MASK, 23) * P2 + P3) & MASK
            rest = rest[4:]
        for byte in rest:
            h = rotate(h ^ byte * P5 & MASK, 11) * P1 & MASK
        h = (h ^ h >> 33) * P2 & MASK
        h = (h ^ h >> 29) * P3 & MASK
        return h ^ h >> 32

    def hexdigest(self) -> str:
        return "%016x" % self.intdigest()


try:
    from xxhash import xxh64 as XXH64
except ImportError:
    XXH64 = PlainXXH64
