#!/usr/bin/env bash
# Runs docker-compose.yml for real: build, up, drop a file, watch it finish, kill a
# master, down, up again. As root on Debian; takes about three minutes.
#
#   compose-check.sh            all of it
#   KEEP=1 compose-check.sh     wait before everything is removed, to look around
#
# It brings an engine of its own (Debian's docker.io), in namespaces of its own:
# this machine's networks, ports, images and containers are not touched, and all
# of it is gone at the end. No image is pulled: those of .ci/compose/stand-ins.sh
# have the names that the files use. COMPOSE (default docker-compose) is the
# program to try; COMPOSE_V2, when set, is one that has to accept the file, too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ -z "${COMPOSE_CHECK_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "compose-check: has to be root" >&2; exit 1; }
	bash "$here/services/install.sh"
	missing=()
	for p in dockerd:docker.io docker-compose:docker-compose iptables:iptables busybox:busybox-static curl:curl; do
		command -v "${p%%:*}" >/dev/null || missing+=("${p#*:}")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		apt-get update -q
		# Nothing of it is to be started by the installation.
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
	fi
	run=$(mktemp -d)
	chmod 755 "$run"
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-master
	# Inside there is no network.
	(cd "$here/.." && GOMODCACHE=$run/modules GOFLAGS=-modcacherw GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" go mod download)
	# What is compiled here need not be compiled in the image again.
	(cd "$here/.." && GOCACHE=$cache/go-build CGO_ENABLED=0 go build -tags nomsgpack -trimpath -buildvcs=false -o "$run/kafka-master" .)
	clean_up() {
		for _ in $(seq 50); do # the last of them take a moment to end
			find /sys/fs/cgroup -depth -type d -path "*/km-compose-$(basename "$run")*" -exec rmdir {} + 2>/dev/null && break
			sleep 0.1
		done
		rm -rf "$run"
	}
	trap clean_up EXIT
	# When the first process of the namespaces ends, the kernel ends all others.
	COMPOSE_CHECK_INSIDE=$run unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
	exit
fi

run=$COMPOSE_CHECK_INSIDE
project=$run/kafkamaster
compose=${COMPOSE:-docker-compose}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-master
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run/config HOME=$run
PATH=/usr/bin:/usr/sbin:$PATH # Debian's client fits Debian's engine
began=$SECONDS

say() { printf '%4ds  %s\n' $((SECONDS - began)) "$*"; }
fail() { say "FAILED: $*"; (cd "$project" && $compose ps && $compose logs --tail=30) >&2 || true; exit 1; }

# await SECONDS WHAT COMMAND... waits until the command succeeds.
await() {
	local limit=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt "$limit" ] || fail "$what"
		sleep 0.2
	done
	say "$what"
}

start_engine() {
	local driver=vfs # works everywhere, and copies every layer whole
	! grep -qw overlay /proc/filesystems || driver=overlay2
	ip link set lo up
	mount -t tmpfs none /run # the engine keeps more there than it can be told
	mkdir -p "$run/config"
	dockerd -H "$DOCKER_HOST" --data-root "$run/data" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
		--storage-driver "$driver" --cgroup-parent "km-compose-$(basename "$run")" >"$run/dockerd.log" 2>&1 &
	await 60 "the engine answers" docker version
}

stop() {
	local code=$?
	[ -z "${KEEP:-}" ] || { echo "DOCKER_HOST=$DOCKER_HOST, in the namespaces of process $$; Enter ends it"; read -r _ || true; }
	(cd "$project" && $compose --profile smb down -v --remove-orphans -t 5) >"$run/down.log" 2>&1 || true
	kill "$(cat "$run/dockerd.pid")" 2>/dev/null && wait || true
	[ $code = 0 ] && say "all is well" || { tail -20 "$run/dockerd.log" >&2; }
	exit $code
}

# quietly runs compose and shows what it said only when it fails.
quietly() { $compose "$@" >"$run/compose.log" 2>&1 || { tail -30 "$run/compose.log" >&2; fail "$compose $*"; }; }

api() { curl -fsS -m 5 "http://localhost:$1$2"; }
leads() { api "$1" /readyz | grep -q '^ready: leader'; }
ready() { api "$1" /readyz | grep -q '^ready'; }
free_workers() { [ "$(api "$1" /api/getWorkersStatus | grep -o '"1"' | wc -l)" = 4 ]; }
term() { api "$1" /readyz | sed -n 's/.*term \([0-9]*\).*/\1/p'; }
leader() { local p; for p in 3001 3002; do leads $p 2>/dev/null && echo $p && return; done; return 1; }
items() { cat "$project/results/$1"/*.jsonl 2>/dev/null | wc -l; }
has() { [ "$(items "$1")" = "$2" ]; }
begun() { [ "$(items "$1")" -gt 0 ]; }

# drop puts a file with $2 items into the input folder.
drop() {
	seq "$2" | sed 's/^/10.0.0./' >"$project/input_ip_data/.$1"
	mv "$project/input_ip_data/.$1" "$project/input_ip_data/$1"
}

# finished waits for a file: every item has its result, and every worker is free.
finished() {
	await 120 "$1: all $2 items have a result" has "$1" "$2"
	await 30 "the API says that four workers are free" free_workers "$(leader)"
}

prepare() {
	mkdir -p "$project"
	(cd "$here/.." && git ls-files -co --exclude-standard -z | xargs -0 tar -c --ignore-failed-read) | tar -x -C "$project"
	cd "$project"
	chown -R 1000:1000 input_ip_data results
	cp .env.example .env
	$compose config -q
	say "$($compose version --short 2>/dev/null || $compose version | head -1) accepts the file"
	if [ -n "${COMPOSE_V2:-}" ]; then
		$COMPOSE_V2 --profile smb config -q
		say "$COMPOSE_V2 accepts the file"
	fi
}

trap stop EXIT
start_engine
prepare
KAFKA_JARS=$(ls -d "$cache"/kafka-* | tail -1) MODULES=$run/modules/cache/download BUILD_CACHE=$cache/go-build \
	bash .ci/compose/stand-ins.sh "$run/scratch"
say "the stand-ins are there"
quietly build
say "built: $(docker run --rm kafka-master version)"
docker run -d --name alone -p 127.0.0.1:3009:3001 -e API_LISTEN=0.0.0.0 --read-only --cap-drop ALL \
	-v alone:/srv/data -v "$project/input_ip_data:/srv/input_ip_data:ro" kafka-master >/dev/null
await 30 "the image alone, everything embedded, is ready" ready 3009
await 30 "its four workers are free" free_workers 3009
docker rm -f -v alone >/dev/null
docker volume rm alone >/dev/null
quietly up -d
say "up"
await 60 "master-1 is ready" ready 3001
await 60 "master-2 is ready" ready 3002
await 60 "four workers are free" free_workers "$(leader)"
finished sample.txt 10000
quietly exec -T "master-$(($(leader) - 3000))" kafka-master download sample.txt --what joblog -o -
grep -q sample_chunk "$run/compose.log" || fail "the job log cannot be downloaded"
say "the job log can be downloaded"
drop first.txt 50000
finished first.txt 50000

old=$(leader)
before=$(term "$old")
new=$((old == 3001 ? 3002 : 3001))
drop second.txt 1000000
await 30 "second.txt is in work" begun second.txt
quietly kill -s KILL "master-$((old - 3000))"
say "master-$((old - 3000)) is killed, with $(items second.txt) of 1000000 items done"
await 20 "master-$((new - 3000)) leads" leads "$new"
finished second.txt 1000000
quietly up -d
await 30 "the killed master is back" ready "$old"

quietly down
say "down"
touch "$run/mark"
quietly up -d
await 60 "up again, a master leads" leader
[ "$(term "$(leader)")" -gt "$before" ] || fail "the term is not higher than before: the state is lost"
await 60 "four workers are free" free_workers "$(leader)"
drop third.txt 1000
finished third.txt 1000
[ -z "$(find results/first.txt results/second.txt -newer "$run/mark" -name '*.jsonl')" ] || fail "finished files were done again"
say "what was done stayed done"

# Without the folders of this file, so not all of it can be well.
(cd "$run" && KAFKA_BROKER_ADDRESS=localhost:9092 ./kafka-master doctor) >"$run/doctor.log" 2>&1 || true
grep -q '^ok *kafka' "$run/doctor.log" || { cat "$run/doctor.log" >&2; fail "clients outside of the containers do not reach Kafka"; }
say "clients outside of the containers reach Kafka"

printf 'SMB_HOST=samba\nSMB_USER=reader\nSMB_PASSWORD=%s\n' "'it is \$ecret #1'" >>.env
compose="$compose --profile smb"
quietly build samba
quietly up -d
await 60 "with the profile smb a master leads" leader
drop fourth.txt 1000
finished fourth.txt 1000
quietly exec -T "master-$(($(leader) - 3000))" kafka-master doctor
grep -q '^ok *input *//samba/share/input_ip_data' "$run/compose.log" || fail "the doctor does not see the share"
say "the doctor finds everything well, the share too"

bad=$($compose ps -q | xargs docker inspect \
	-f '{{.Name}} user={{.Config.User}} ro={{.HostConfig.ReadonlyRootfs}} priv={{.HostConfig.Privileged}} drop={{.HostConfig.CapDrop}}' |
	grep -v 'user=[1-9][0-9]*:[0-9]* ro=true priv=false drop=\[ALL\]' || true)
[ -z "$bad" ] || fail "not hardened: $bad"
say "every container: no root, nothing written, no capabilities"
all_healthy() { [ "$(docker ps --format '{{.Status}}' | grep -c '(healthy)')" = 5 ]; }
await 60 "every health check passes" all_healthy
