#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME each: a number of runs, as a duration
# may end in "context deadline exceeded" without a failing input (golang/go#75804, Go 1.26).
set -eu
cd "$(dirname "$0")/.."
time=${FUZZTIME:-60000x}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
	for target in $(grep -h '^func Fuzz' "$dir"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
		echo "fuzz $dir $target for $time"
		go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1000x
	done
done
