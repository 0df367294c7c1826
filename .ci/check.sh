#!/bin/sh
# Everything that tests do not find. Changes nothing but .ci/bin.
set -eu
cd "$(dirname "$0")/.."

bad=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$bad" ]; then
	echo "not formatted, run gofmt -w on:" >&2
	echo "$bad" >&2
	exit 1
fi
go vet ./...
go -C .ci/tools build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
.ci/bin/staticcheck ./...
go mod tidy -diff
go mod verify
