#!/usr/bin/env bash
# Installs what tests on real servers need: Debian packages (as root), the jars of
# the Kafka broker and the Kafka client of the classic workers. KAFKA_VERSION chooses
# another broker, such as 3.9.1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=${KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-master
jars=$cache/kafka-$version
confluent=2.16.1 # the newest that was tried; Debian's own is the oldest
venv=$cache/python-$confluent

has() { command -v "$1" >/dev/null 2>&1; }

missing=()
has java && has mvn || missing+=(openjdk-17-jre-headless maven)
has redis-server && has redis-cli || missing+=(redis-server redis-tools)
has smbd && has smbclient || missing+=(samba smbclient)
/usr/bin/python3 -c 'import confluent_kafka' 2>/dev/null || missing+=(python3-confluent-kafka)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
if [ ! -f "$jars/.complete" ]; then
	mkdir -p "$jars"
	mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$jars"
	rm -f "$jars"/*reload4j* # a second logger of older brokers
	touch "$jars/.complete"
fi
if [ ! -f "$venv/.complete" ]; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install -q "confluent-kafka==$confluent"
	touch "$venv/.complete"
fi
ln -sfn "$jars" "$cache/kafka"
ln -sfn "$venv" "$cache/python"
