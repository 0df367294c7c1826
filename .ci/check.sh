#!/bin/sh
# Everything that tests do not find. Changes nothing but .ci/bin.
set -eu
cd "$(dirname "$0")/.."
GOBIN=$PWD/.ci/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
.ci/bin/golangci-lint run
go mod tidy -diff
go mod verify
