"""The settings of a worker. They have the same names as those of the master."""
from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
TOPICS = {
    "KAFKA_TOPIC_NAME_MASTER": "master-signal", "KAFKA_TOPIC_NAME_WORKER": "worker-signal",
    "KAFKA_TOPIC_NAME_WORKER_FREE": "worker-connection",
}


class WrongSettings(Exception):
    """All mistakes, one per line."""


@dataclass
class Settings:
    """The settings of one worker."""

    worker_id: str
    brokers: List[str]
    results_dir: str = "data/results"
    partition: Optional[int] = None
    chunk_topic: str = "master-signal"
    signal_topic: str = "worker-signal"
    connection_topic: str = "worker-connection"
    security: Dict[str, str] = field(default_factory=dict)  # security options of the client library
    parallel: int = 1
    drain: float = 5.0  # seconds that running chunks get to finish at a stop


def load(env: Mapping[str, str]) -> Settings:
    """Read the environment. Raise WrongSettings with all mistakes. An empty variable counts as not set."""
    get = Reader(env)
    topics = get.topics()
    s = Settings(
        worker_id=get.worker_id(), brokers=get.brokers(), partition=get.number("WORKER_PARTITION", 0, 99_999),
        results_dir=get.text("RESULTS_DIR") or os.path.join(get.text("DATA_DIR") or "data", "results"),
        chunk_topic=topics[0], signal_topic=topics[1], connection_topic=topics[2], security=get.security(),
    )
    if get.mistakes:
        raise WrongSettings("\n".join(get.mistakes))
    return s


class Reader:
    """Reads settings and collects mistakes."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.mistakes: List[str] = []

    def wrong(self, name: str, problem: str) -> None:
        self.mistakes.append("%s: %s" % (name, problem))

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(name, "").strip() or default

    def number(self, name: str, low: int, high: int) -> Optional[int]:
        text = self.text(name)
        if not text:
            return None
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            self.wrong(name, "%r is not a whole number from %d to %d" % (text, low, high))
            return None
        return int(text)

    def worker_id(self) -> str:
        value = self.text("WORKER_ID")
        if not value:
            self.wrong("WORKER_ID", "is not set; choose a name that no other worker has, and keep it across restarts")
        elif len(value.encode("utf-8", "replace")) > 128 or not value.isprintable():
            self.wrong("WORKER_ID", "%.40r is not 1 to 128 bytes of printable text" % value)
        return value

    def brokers(self) -> List[str]:
        port = self.number("KAFKA_BROKER_PORT", 1, 65535) or 9092
        out = []
        for part in self.text("KAFKA_BROKER_ADDRESS", "127.0.0.1").split(","):
            match = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", part.strip())
            if match and 1 <= int(match.group(2) or port) <= 65535:
                out.append("%s:%s" % (match.group(1), match.group(2) or port))
            elif part.strip():
                self.wrong("KAFKA_BROKER_ADDRESS", "%r is neither host nor host:port" % part.strip())
        if not out and not self.mistakes:
            self.wrong("KAFKA_BROKER_ADDRESS", "names no broker")
        return out

    def topics(self) -> List[str]:
        names = [self.text(name, default) for name, default in TOPICS.items()]
        for variable, topic in zip(TOPICS, names):
            if not re.fullmatch("[A-Za-z0-9._-]{1,249}", topic) or topic in (".", ".."):
                self.wrong(variable, "%.40r is not a valid topic name" % topic)
        if len(set(names)) < len(names):
            self.wrong(", ".join(TOPICS), "must differ")
        return names

    def security(self) -> Dict[str, str]:
        tls, mechanism = self.flag("KAFKA_TLS"), self.text("KAFKA_SASL_MECHANISM").upper()
        out = {"security.protocol": ("SASL_" if mechanism else "") + ("SSL" if tls else "PLAINTEXT")}
        if mechanism:
            if mechanism not in MECHANISMS:
                self.wrong("KAFKA_SASL_MECHANISM", "%r is not one of %s" % (mechanism, ", ".join(MECHANISMS)))
            if not self.text("KAFKA_SASL_USERNAME"):
                self.wrong("KAFKA_SASL_USERNAME", "is missing: KAFKA_SASL_MECHANISM needs it")
            out.update({"sasl.mechanisms": mechanism, "sasl.username": self.text("KAFKA_SASL_USERNAME"),
                        "sasl.password": self.secret("KAFKA_SASL_PASSWORD")})
        files = {"KAFKA_TLS_CA_FILE": "ssl.ca.location", "KAFKA_TLS_CERT_FILE": "ssl.certificate.location",
                 "KAFKA_TLS_KEY_FILE": "ssl.key.location"}
        for variable, option in files.items():
            path = self.text(variable)
            if path and not os.access(path, os.R_OK):
                self.wrong(variable, "%r cannot be read" % path)
            elif path and tls:
                out[option] = path
        if bool(self.text("KAFKA_TLS_CERT_FILE")) != bool(self.text("KAFKA_TLS_KEY_FILE")):
            self.wrong("KAFKA_TLS_CERT_FILE, KAFKA_TLS_KEY_FILE", "are needed together")
        return out

    def flag(self, name: str) -> bool:
        text = self.text(name, "false").lower()
        if text not in ("true", "false", "1", "0"):
            self.wrong(name, "%r is neither true nor false" % text)
        return text in ("true", "1")

    def secret(self, name: str) -> str:
        """Return a secret, or the content of the file that NAME_FILE names. No mistake quotes it."""
        path = self.text(name + "_FILE")
        if not path:
            return self.env.get(name, "")
        try:
            with open(path, encoding="utf-8") as f:
                return f.read().rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            self.wrong(name + "_FILE", "%r cannot be read" % path)
            return ""
