# The commands of this project; `make help` lists them.

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v $(shell go env CC) >/dev/null 2>&1 && echo -race)

# Most tests of the whole program wait for other processes: more of them than there are
# processors go side by side.
PARALLEL := 4

# Without it gin brings a MessagePack codec that nobody uses, a fifth of the program.
LEAN := -tags nomsgpack

.PHONY: help run build test short check fuzz bench bench-peers clean simulate killpoints services services-down services-install compose-check page-install

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run a master with everything embedded
	go run .

build: ## build ./kafka-master
	CGO_ENABLED=0 go build $(LEAN) -trimpath -ldflags "-s -w" -o kafka-master .

test: ## run all tests, with the race detector where a C compiler is found, on real servers where installed
ifeq ($(RACE),)
ifeq ($(CI),true)
	$(error the race detector needs a C compiler, and CI must not go on without it)
endif
	@echo "no C compiler found: the tests run without the race detector"
endif
	go run ./infra/infratest/services $$(mktemp -ud) go test $(RACE) -count=1 -parallel $(PARALLEL) -timeout 20m ./...

# Tests that wait go side by side; without debug information the binaries link faster;
# packages whose tests passed and that did not change since are not tested again.
short: ## run the fast tests of what changed
	go test -short -parallel 8 -ldflags=-w ./...

simulate: ## play SIM_SEEDS (500) worlds of faults from SIM_FROM (1), or SIM_SEED alone, and crowds of workers
	SIM_SEEDS=$${SIM_SEEDS:-500} SIM_KILLS=$${SIM_KILLS:-300} go test -count=1 -timeout 60m -run '^Test(Simulation|KillPoints|Soak|TenThousand|HundredThousand|OneOfTenThousand)' ./actors

killpoints: ## kill real processes at every place that infra/failpoint marks
	go test -tags failpoint -count=1 -run '^TestKilledAtAPlace$$' ./e2e

check: ## look for what tests do not find: format, linters (.golangci.yml), go.mod
	sh .ci/check.sh

fuzz: ## run each fuzz target for FUZZTIME (60000x, 60,000 runs)
	sh .ci/fuzz.sh

services-install: ## install Kafka, Redis and Samba for tests (Debian packages, as root)
	bash .ci/services/install.sh

page-install: ## install Chromium (Debian, as root) and npm packages for the tests of the page
	bash .ci/page-install.sh

services: ## start real Kafka, Redis and Samba on loopback, for development
	@go build -o .ci/bin/services ./infra/infratest/services
	@pid=$$(cat .ci/run.d/pid 2>/dev/null); grep -qas run.d /proc/$${pid:-none}/cmdline || rm -rf .ci/run.d
	@[ -d .ci/run.d ] || setsid .ci/bin/services .ci/run.d </dev/null >.ci/bin/services.log 2>&1 & \
	until [ -f .ci/run.d/env ]; do kill -0 $$! || { cat .ci/bin/services.log; exit 1; }; sleep 0.1; done
	@echo 'for a master: . .ci/run.d/master.env; for go test: . .ci/run.d/env' && cat .ci/run.d/master.env .ci/run.d/env

services-down: ## stop them and forget their data
	@pid=$$(cat .ci/run.d/pid 2>/dev/null); if grep -qas run.d /proc/$${pid:-none}/cmdline; then \
	kill $$pid; while [ -d .ci/run.d ]; do sleep 0.1; done; fi; rm -rf .ci/run.d

compose-check: ## run docker-compose.yml for real, with an engine of its own (Debian, as root)
	bash .ci/compose-check.sh

bench: ## measure chunks/s, latency and memory; see bench/README.md
	go test -run '^$$' -bench . -benchmem ./actors/... ./bench/...
	go run $(LEAN) ./bench/pipeline

bench-peers: ## measure beside asynq and NATS JetStream (needs redis-server), about 8 minutes
	go run $(LEAN) ./bench/peers

clean: ## remove what the commands above left behind
	rm -rf kafka-master .ci/bin
