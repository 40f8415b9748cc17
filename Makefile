# Everything a developer does here. `make` alone lists the targets; Go, Node's
# npm, Python 3.11 with venv and make are all that has to be installed by hand,
# and Chromium for e2e.

GO    ?= go
CACHE := $(CURDIR)/.cache
TOOLS := $(CACHE)/bin
BUF   := $(GO) tool -modfile=../tools/go.mod buf

# Tools that are Go programs too large to share the product's module graph:
# built from source at these versions, each in a file that names its version.
GOLANGCI  := $(TOOLS)/golangci-lint-v2.15.0
GOTESTSUM := $(TOOLS)/gotestsum-v1.13.0

# Where the clients for Python are installed (-official, -frameworks), and what writes their lock files.
VENV := $(CACHE)/clients
UV   := uv==0.13.9

# The race detector is the one thing here that needs a C compiler. Packages that
# only calculate, in tests that calculate a lot, go without: it costs them
# tenfold and has nothing to find. The exploration of the protocol goes its whole
# way without it, and a part of it with it.
RACE := $(if $(shell command -v gcc || command -v clang),-race)
PURE := weir/aggregator/rollup weir/internal/catalog weir/schemas

# What a test run prints: go test's own lines, then the counts.
GOTEST = $(GOTESTSUM) --format standard-quiet --hide-summary skipped \
	--post-run-command $(CURDIR)/.ci/count --

FUZZTIME ?= 10s
OUTAGE   ?= 60s
SERVERS  ?= fake real

# The packages whose tests run against the servers in WEIR_TEST_KAFKA and WEIR_TEST_REDIS too.
CONTRACT := ./internal/eventlog ./internal/control ./internal/live

# The tests of e2e that are about Weir; those of the real clients are a run of their own, since what a dozen
# frameworks take of the processor would disturb what the others measure.
E2E = $$($(GO) list ./... | grep -v '/clients$$')

# The Go modules of the repository, and their files, generated ones aside.
MODULES  := . e2e tools/catalog
GO_FILES = $$(git ls-files --cached --others --exclude-standard '*.go' | grep -v '\.pb\.go$$')
# What `make generate` compares the schemas with, for changes that break readers.
BASE ?= HEAD
# What the generated code was made from, and itself, by content.
SUMS = for file in buf.gen.yaml ../tools/go.mod weir/*/*.proto *.pb.go; do echo "$$(git hash-object $$file) $$file"; done

.DEFAULT_GOAL := help
.PHONY: help build run test unit e2e e2e-real clients-test matrix chaos contract bench bench-check fuzz lint fmt generate clean \
	clients clients-lock npm

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the four binaries in bin/ and the ClickHouse engine in its cache
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./gateway ./ingest ./aggregator ./stack
	@bin/stack fetch

run: build ## the whole of Weir on this machine, data in .weir/, until Ctrl-C
	@exec bin/stack

test: unit e2e ## every test; installs what it needs

unit: $(GOTESTSUM) ## the tests of the packages
	@$(GOTEST) -timeout 5m $(PURE)
	@$(GOTEST) -timeout 5m -run Explor ./internal/eventlog
	@$(GOTEST) $(RACE) -timeout 5m $(filter-out $(PURE),$(shell $(GO) list ./...))

e2e: build npm $(GOTESTSUM) ## real clients and faults against the stack, on free ports
	cd e2e && $(GOTEST) -count=1 -timeout 9m -skip '^TestCrash' $(E2E)
	@$(MAKE) --no-print-directory clients-test

clients-test: build clients $(GOTESTSUM) ## the real clients alone, as a table client × case
	@rm -f $(CACHE)/clients.txt
	@cd e2e && WEIR_CLIENTS_TABLE=$(CACHE)/clients.txt $(GOTEST) -count=1 -timeout 5m ./clients; \
	code=$$?; cat $(CACHE)/clients.txt; exit $$code

e2e-real: build npm $(GOTESTSUM) ## the same against Apache Kafka and redis-server, which need Java, Maven and redis-server
	@bin/stack fetch --kafka-server apache
	cd e2e && WEIR_E2E_SERVERS=real $(GOTEST) -count=1 -timeout 15m -skip '^TestCrash' $(E2E)

matrix: build ## what each format of a client does with each protocol of a provider, and what cannot be said in which
	@cd e2e && $(GO) test -count=1 -timeout 5m -run '^TestMatrix$$' # without a package: named, a test that passes prints nothing
	@bin/gateway protocols

chaos: build $(GOTESTSUM) ## the crash matrix, each part away for OUTAGE (60s), on the SERVERS (fake real)
	@bin/stack fetch --kafka-server apache
	@for servers in $(SERVERS); do \
		echo "the $$servers servers"; \
		(cd e2e && WEIR_E2E_SERVERS=$$servers WEIR_E2E_OUTAGE=$(OUTAGE) $(GOTEST) -count=1 -timeout 45m -run '^TestCrash' .) || exit 1; \
	done

contract: build $(GOTESTSUM) ## what Weir takes for granted of Kafka and Redis, against the real ones
	@bin/stack fetch --kafka-server apache
	@bin/stack servers $(GOTEST) -p 1 -count=1 -timeout 5m -skip '^TestExplor' $(CONTRACT)

bench: build ## every benchmark, see docs/benchmarks.md
	cd e2e && $(GO) run ./bench

bench-check: build ## the short one: exit 1 when a ratio of processor times is too high
	cd e2e && $(GO) run ./bench check

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@grep -rno --include='*_test.go' --exclude-dir='.?*' --exclude-dir=node_modules -E '^func Fuzz[A-Za-z0-9_]+' . \
	| sed -E 's|^(.*)/[^/]*:[0-9]+:func (.*)$$|\1 \2|' \
	| while read -r folder target; do \
		echo "$$folder $$target"; \
		(cd "$$folder" && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) . </dev/null) || exit 1; \
	done

lint: $(GOLANGCI) ## format, vet, static analysis, generated code up to date
	@unformatted=$$(gofmt -l $(GO_FILES)); test -z "$$unformatted" || { echo "not formatted, run make fmt: $$unformatted"; exit 1; }
	@for module in $(MODULES); do \
		echo "$$module: go vet, golangci-lint"; \
		(cd $$module && $(GO) vet ./... && $(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...) || exit 1; \
	done
	@cd schemas && $(SUMS) | cmp -s - generated.sums || { echo "the generated code is not that of the .proto files: run make generate"; exit 1; }

fmt: ## format the Go code
	gofmt -w $(GO_FILES)

# buf takes minutes to build, so lint only compares what this target wrote down.
# A schema that its old readers would misread is not generated at all.
generate: ## the Go code of the schemas, the catalog of models and prices, schemas/openapi.json
	cd schemas && $(BUF) lint
	cd schemas && $(BUF) breaking --against '../.git#ref=$(BASE),subdir=schemas'
	cd schemas && $(BUF) generate
	@cd schemas && $(SUMS) >generated.sums
	$(GO) generate ./internal/catalog
	$(GO) test -count=1 -run '^TestOpenAPIIsCommitted$$' ./gateway/httpapi -update

clean: ## remove what was built; data in .weir/ and the engine stay
	rm -rf bin .cache/bin $(VENV)-* e2e/clients/node/node_modules

# --- what the targets need -------------------------------------------------

clients: npm $(VENV)-official/official.lock $(VENV)-frameworks/frameworks.lock

npm: e2e/clients/node/node_modules/.package-lock.json

e2e/clients/node/node_modules/.package-lock.json: e2e/clients/node/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer (https://nodejs.org), which brings it, and run make again" >&2; exit 1; }
	cd e2e/clients/node && npm ci --no-audit --no-fund
	@touch $@

# The lock file has all that is needed, so nothing is resolved here; pip check sees that nothing is missing. The copy
# is made last: it says that all of it is there.
$(VENV)-official/official.lock: e2e/clients/python/official.lock
$(VENV)-frameworks/frameworks.lock: e2e/clients/python/frameworks.lock
$(VENV)-official/official.lock $(VENV)-frameworks/frameworks.lock:
	@python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer with venv is missing: install it (Debian: python3 python3-venv) and run make again" >&2; exit 1; }
	@rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r $<
	@$(@D)/bin/pip check --disable-pip-version-check
	@cp $< $@

# Every package in the newest version that the others allow.
clients-lock:
	@python3 -m venv $(CACHE)/uv
	@$(CACHE)/uv/bin/pip install --quiet --disable-pip-version-check $(UV)
	cd e2e/clients/python && for set in official frameworks; do \
		$(CACHE)/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command 'make clients-lock' $$set.in -o $$set.lock || exit 1; done

$(GOLANGCI):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(GOTESTSUM):
	$(call install,gotest.tools/gotestsum)

# The version is what follows the last "-" of the file's name.
define install
	@echo "building $(@F) (once)"
	@GOBIN=$(TOOLS) $(GO) install $(1)@$(lastword $(subst -v, v,$(@F)))
	@mv $(TOOLS)/$(notdir $(1)) $@
endef
