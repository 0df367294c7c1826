#!/usr/bin/env bash
# Makes images under the names that Dockerfile, docker-compose.yml and
# deploy/samba use, from what is installed on this machine: for places where no
# image can be pulled. Each is one layer.
#
#   stand-ins.sh DIR     DIR is scratch; needs an engine (DOCKER_HOST)
#
# They stand in for the real ones as far as our files lean on those: users, paths,
# variables, the tools that health checks call.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$1
jars=${KAFKA_JARS:?the folder with the jars of the broker}
modules=${MODULES:?the folder cache/download of a module cache that has all of ours}
build_cache=${BUILD_CACHE:?a build cache of Go}

# take copies programs and the libraries that they need.
take() {
	local root=$1 f lib
	shift
	for f in "$@"; do
		mkdir -p "$root$(dirname "$f")"
		cp -L "$f" "$root$f"
		for lib in $(ldd "$f" 2>/dev/null | grep -o '/[^ )]*'); do
			[ -e "$root$lib" ] || { mkdir -p "$root$(dirname "$lib")" && cp -L "$lib" "$root$lib"; }
		done
	done
}

# base makes a root with the usual folders and the small tools of busybox.
base() {
	rm -rf "$1"
	mkdir -p "$1"/{bin,etc,tmp,usr/bin,usr/local/bin,usr/sbin,var}
	chmod 1777 "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for tool in sh cat cp chmod chown cut date dirname echo env grep head hostname id ls ln mkdir mv printf rm sed sleep test tr true uname; do
		ln -sf busybox "$1/bin/$tool"
	done
	echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
	echo 'root:x:0:0::/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

# image ROOT NAME CHANGE...
image() {
	local root=$1 name=$2 changes=() c
	shift 2
	for c in "$@"; do changes+=(--change "$c"); done
	tar -C "$root" -c . | docker import "${changes[@]}" - "$name" >/dev/null
	rm -rf "$root"
	echo "stand-in $name"
}

go_toolchain() { # $1 the name
	local root=$scratch/go
	base "$root"
	mkdir -p "$root/usr/local/go" "$root/modules"
	(cd "$(go env GOROOT)" && cp -a bin pkg src lib go.env VERSION "$root/usr/local/go/" && rm -rf "$root"/usr/local/go/pkg/{obj,linux_amd64_race})
	cp -a "$modules/." "$root/modules/"
	cp -a "$build_cache" "$root/go-build"
	image "$root" "$1" 'ENV PATH=/usr/local/go/bin:/bin GOPROXY=file:///modules GOTOOLCHAIN=local GOPATH=/go GOCACHE=/go-build HOME=/root' 'WORKDIR /go'
}

distroless() {
	local root=$scratch/distroless
	rm -rf "$root"
	mkdir -p "$root"/{etc/ssl/certs,home/nonroot,tmp}
	chmod 1777 "$root/tmp"
	[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
	image "$root" "$1" 'USER 65532' 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'
}

kafka() {
	local root=$scratch/kafka java
	base "$root"
	java=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
	mkdir -p "$root$java/bin" "$root"/{opt/kafka/config,etc/kafka/docker,etc/kafka/secrets,var/lib/kafka/data,mnt/shared/config}
	take "$root" /bin/bash "$java/bin/java" $(find "$java/lib" -name '*.so' ! -name 'libawt*' ! -name 'libsplash*')
	cp -rLn "$java/lib" "$java/conf" "$root$java/" 2>/dev/null || true
	rm -f "$root$java/lib/src.zip" "$root$java/lib/ct.sym"
	ln -s "$java/bin/java" "$root/usr/bin/java"
	cp -r "$jars" "$root/opt/kafka/libs"
	cp "$here/kafka-run" "$root/etc/kafka/docker/run"
	for f in server.properties log4j2.yaml tools-log4j2.yaml; do : >"$root/etc/kafka/docker/$f"; done
	echo 'appuser:x:1000:1000::/home/appuser:/bin/sh' >>"$root/etc/passwd"
	chown -R 1000:1000 "$root/opt/kafka" "$root/mnt/shared/config" "$root/var/lib/kafka" "$root/etc/kafka"
	image "$root" "$1" 'USER appuser' 'VOLUME /etc/kafka/secrets' 'VOLUME /var/lib/kafka/data' 'VOLUME /mnt/shared/config' \
		'ENV PATH=/bin:/usr/bin' 'CMD ["/etc/kafka/docker/run"]'
}

redis() {
	local root=$scratch/redis
	base "$root"
	take "$root" "$(command -v redis-server)" "$(command -v redis-cli)"
	mkdir "$root/data"
	chown 999:1000 "$root/data"
	image "$root" "$1" 'VOLUME /data' 'WORKDIR /data' 'ENV PATH=/usr/local/bin:/bin:/usr/bin' 'CMD ["redis-server"]'
}

# debian has Samba already; its apt-get finds nothing to do.
debian() {
	local root=$scratch/debian
	base "$root"
	take "$root" "$(command -v smbd)" "$(command -v pdbedit)" "$(command -v smbclient)" \
		$(find "/usr/lib/$(uname -m)-linux-gnu/samba" "/usr/lib/$(uname -m)-linux-gnu" -maxdepth 2 -name '*.so*' -path '*samba*')
	mkdir -p "$root/usr/share" "$root/etc/samba" "$root/run/samba" "$root/var/log/samba" "$root/var/lib/apt/lists"
	cp -r /usr/share/samba "$root/usr/share/"
	printf '#!/bin/sh\nexit 0\n' >"$root/usr/bin/apt-get"
	chmod 755 "$root/usr/bin/apt-get"
	image "$root" "$1" 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin' 'CMD ["sh"]'
}

cd "$here/../.."
from() { sed -n "s/^FROM \([^ ]*\).*/\1/p" "$2" | sed -n "$1p"; }
service() { sed -n "s|^ *image: \($1:[^ ]*\)|\1|p" docker-compose.yml; }
go_toolchain "$(from 1 Dockerfile)"
distroless "$(from 2 Dockerfile)"
kafka "$(service apache/kafka)"
redis "$(service redis)"
debian "$(from 1 deploy/samba/Dockerfile)"
