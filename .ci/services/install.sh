#!/usr/bin/env bash
# Real Kafka, Redis and Samba on loopback for tests and development, without
# containers.
#
#   services.sh install        get what is missing: packages (as root) and the broker's jars
#   services.sh start [DIR]    start what is installed; Samba only as root
#   services.sh stop [DIR]     stop it again
#
# DIR keeps data and logs, .ci/run.d by default. DIR/env holds the variables that
# point tests at the servers, DIR/master.env those that point a master at them; both
# are to be sourced. Tests start a Samba of their own, so NO_SAMBA=1 leaves it out. A variable that is set already
# (KAFKA_TEST_BROKER, REDIS_TEST_URL) points at a server of your own: none is
# started then. KAFKA_VERSION chooses another broker, such as 3.9.1, and
# KAFKA_REBALANCE_DELAY_MS its group.initial.rebalance.delay.ms. CLASSIC_PYTHON
# lists the interpreters of the classic workers in tests, with colons between.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${2:-$here/../run.d}
version=${KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")}
jars=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-master/kafka-$version
confluent=2.16.1 # the newest that was tried; Debian's own is the oldest
venv=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-master/python-$confluent
jvm=(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

has() { command -v "$1" >/dev/null 2>&1; }

open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port prints a port that nobody listens on, and its successor neither.
free_port() {
	local p
	for _ in $(seq 50); do
		p=$((20000 + RANDOM % 12000))
		open "$p" || open $((p + 1)) || { echo "$p"; return; }
	done
	echo "no free port found" >&2
	return 1
}

# alive tells whether the process whose id is in a file runs that program still.
alive() {
	local p
	p=$(cat "$1" 2>/dev/null) && [ -n "$p" ] && grep -qa "$2" "/proc/$p/cmdline" 2>/dev/null
}

# answers sends a Metadata request: a broker that is up lists at least itself.
answers() {
	local n
	n=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf '\0\0\0\016\0\003\0\001\0\0\0\001\377\377\0\0\0\0' >&3 &&
		timeout 5 head -c 12 <&3 | od -An -tu1 -j11) 2>/dev/null) && [ "${n:-0}" -ge 1 ]
}

install() {
	local missing=()
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
}

start_kafka() {
	local port home=$dir/kafka
	port=$(free_port)
	mkdir -p "$home"
	cat >"$home/server.properties" <<-P
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$((port + 1))
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
		advertised.listeners=PLAINTEXT://127.0.0.1:$port
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$home/data
		auto.create.topics.enable=false
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=1
		group.initial.rebalance.delay.ms=${KAFKA_REBALANCE_DELAY_MS:-0}
		log.cleaner.dedupe.buffer.size=4194304
		broker.session.timeout.ms=3000
		broker.heartbeat.interval.ms=500
	P
	if [ ! -f "$home/data/meta.properties" ]; then
		java "${jvm[@]}" -cp "$jars/*" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c1-22)" \
			-c "$home/server.properties" >"$home/format.log" 2>&1 || { cat "$home/format.log" >&2; return 1; }
	fi
	setsid java "${jvm[@]}" -cp "$jars/*" kafka.Kafka "$home/server.properties" </dev/null >>"$home/server.log" 2>&1 &
	echo $! >"$home/pid"
	for _ in $(seq 400); do
		answers "$port" && { echo "export KAFKA_TEST_BROKER=127.0.0.1:$port" >>"$dir/env"; echo "Kafka $version on 127.0.0.1:$port"; return; }
		alive "$home/pid" kafka.Kafka || break
		sleep 0.1
	done
	tail -20 "$home/server.log" >&2
	echo "Kafka did not start" >&2
	return 1
}

start_redis() {
	local port home=$dir/redis
	port=$(free_port)
	mkdir -p "$home"
	redis-server --bind 127.0.0.1 --port "$port" --dir "$home" --pidfile "$home/pid" --logfile "$home/redis.log" \
		--daemonize yes --appendonly yes --appendfsync everysec --save '' >/dev/null
	for _ in $(seq 100); do
		[ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ] &&
			{ echo "export REDIS_TEST_URL=redis://127.0.0.1:$port" >>"$dir/env"; echo "Redis on 127.0.0.1:$port"; return; }
		sleep 0.05
	done
	echo "Redis did not start" >&2
	return 1
}

# start_samba NAME SIGNING starts a server with an encrypted share on DIR/share. That
# signing is mandatory can be said of a whole server only, so there are two.
start_samba() {
	local home=$dir/$1 port
	port=$(free_port)
	mkdir -p "$home"/{private,lock,state,cache,pid,log,ncalrpc} "$dir/share/input_ip_data"
	chown -R daemon "$dir/share"
	cat >"$home/smb.conf" <<-C
		[global]
		server role = standalone server
		passdb backend = tdbsam:$home/private/passdb.tdb
		smb ports = $port
		interfaces = lo
		bind interfaces only = yes
		disable netbios = yes
		server min protocol = SMB2_10
		server signing = $2
		load printers = no
		printing = bsd
		printcap name = /dev/null
		disable spoolss = yes
		private dir = $home/private
		lock directory = $home/lock
		state directory = $home/state
		cache directory = $home/cache
		pid directory = $home/pid
		ncalrpc dir = $home/ncalrpc
		log file = $home/log/smbd.log
		[share]
		path = $dir/share
		read only = no
		valid users = daemon
		$([ "$2" = mandatory ] || echo "server smb encrypt = required")
	C
	printf 'smbpw\nsmbpw\n' | smbpasswd -c "$home/smb.conf" -L -s -a daemon >"$home/log/smbpasswd.log" 2>&1 ||
		{ cat "$home/log/smbpasswd.log" >&2; return 1; }
	setsid smbd --foreground --no-process-group --configfile="$home/smb.conf" </dev/null >>"$home/log/start.log" 2>&1 &
	echo $! >"$home/smbd.pid"
	for _ in $(seq 200); do
		open "$port" && { echo "Samba, signing $2, on 127.0.0.1:$port: share, user daemon, password smbpw, folder $dir/share"; smb_port=$port; return; }
		sleep 0.05
	done
	tail -5 "$home/log/smbd.log" >&2
	echo "Samba did not start" >&2
	return 1
}

# start_shares starts both, and points a master at the encrypted one.
start_shares() {
	start_samba samba-signing mandatory
	start_samba samba auto
	cat >>"$dir/master.env" <<-E
		export SMB_HOST=127.0.0.1 SMB_PORT=$smb_port SMB_USER=daemon SMB_PASSWORD=smbpw CLIENT_DATA_PATH=share
	E
}

start() {
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	chmod 755 "$dir"
	: >"$dir/env"
	: >"$dir/master.env"
	if [ -n "${KAFKA_TEST_BROKER:-}" ]; then
		echo "Kafka: yours, $KAFKA_TEST_BROKER"
	elif has java && [ -f "$jars/.complete" ]; then
		start_kafka
	fi
	if has java && [ -f "$jars/.complete" ]; then # for tests that kill a broker of their own
		echo "export KAFKA_TEST_JARS=$jars" >>"$dir/env"
	fi
	if [ -n "${REDIS_TEST_URL:-}" ]; then
		echo "Redis: yours"
	elif has redis-server; then
		start_redis
	fi
	find_pythons
	sed -n 's/KAFKA_TEST_BROKER/KAFKA_BROKER_ADDRESS/p; s/REDIS_TEST_URL/REDIS_URL/p' "$dir/env" >>"$dir/master.env"
	if has smbd && [ "$(id -u)" = 0 ] && [ -z "${NO_SAMBA:-}" ]; then
		start_shares
	fi
}

# find_pythons lists the interpreters that have the classic workers' library.
find_pythons() {
	[ -z "${CLASSIC_PYTHON:-}" ] || return 0
	local found=()
	! /usr/bin/python3 -c 'import confluent_kafka' 2>/dev/null || found+=(/usr/bin/python3)
	[ ! -f "$venv/.complete" ] || found+=("$venv/bin/python")
	[ ${#found[@]} -eq 0 ] || (IFS=:; echo "export CLASSIC_PYTHON=${found[*]}" >>"$dir/env")
}

stop_one() {
	alive "$1" "$2" || { rm -f "$1"; return 0; }
	kill "$(cat "$1")"
	for _ in $(seq 200); do
		alive "$1" "$2" || { rm -f "$1"; return 0; }
		sleep 0.05
	done
	kill -9 "$(cat "$1")"
	rm -f "$1"
}

stop() {
	[ -d "$dir" ] || return 0
	stop_one "$dir/kafka/pid" kafka.Kafka
	stop_one "$dir/redis/pid" redis-server
	stop_one "$dir/samba/smbd.pid" smbd
	stop_one "$dir/samba-signing/smbd.pid" smbd
	rm -rf "$dir"
}

case ${1:-} in
install | start | stop) "$1" ;;
*)
	sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
	exit 64
	;;
esac
