#!/usr/bin/env bash
# Runs all tests, beside real servers where they are installed. Where one is
# missing it says so at the end; in CI that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
race=${1-}

run=$(mktemp -d)
trap 'bash .ci/services/services.sh stop "$run/services"; rm -rf "$run"' EXIT
NO_SAMBA=1 bash .ci/services/services.sh start "$run/services"
. "$run/services/env"

missing=
[ -n "${KAFKA_TEST_BROKER:-}" ] || missing="$missing real-Kafka"
[ -n "${KAFKA_TEST_JARS:-}" ] || missing="$missing Kafka-to-be-killed"
[ -n "${REDIS_TEST_URL:-}" ] && command -v redis-server >/dev/null || missing="$missing real-Redis"
[ -n "${CLASSIC_PYTHON:-}" ] || missing="$missing confluent-kafka"
command -v smbd >/dev/null && [ "$(id -u)" = 0 ] || missing="$missing real-Samba"
if [ -n "$missing" ] && [ "${CI:-}" = true ]; then
	echo "CI needs all servers, missing:$missing; cure: make services-install" >&2
	exit 1
fi
# Most tests of the whole program wait for other processes: more of them than there
# are processors go side by side.
go test $race -count=1 -parallel 4 -timeout 20m ./...
if [ -n "$missing" ]; then
	echo "not run, since the servers are not installed:$missing; cure: make services-install (as root)"
fi
