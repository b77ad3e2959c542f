# The two commands of the README are `go run ./cmd/postern demo` and `make test`.
GO    ?= go
TOOLS := $(GO) tool -modfile=.ci/tools.mod
# Caddy's storage plug-ins that nothing here needs; see Caddy's own release builds.
TAGS  := nobadger,nomysql,nopgx

.PHONY: test deps lint unit e2e fuzz mutate bench build clean

test: deps lint unit e2e

deps: ## installs what the tests need (Debian packages; as root), or says what to install
	.ci/deps

lint: ## vet, formatting, staticcheck, tidy module files
	$(GO) vet -tags $(TAGS) ./...
	@files=$$($(TOOLS) gofumpt -l .) || exit 1; if [ -n "$$files" ]; then echo "not gofumpt-ed:"; echo "$$files"; exit 1; fi
	$(TOOLS) staticcheck -tags $(TAGS) ./...
	$(GO) mod tidy -diff

# Long computations of one goroutine, which the race detector has nothing to say about.
ALONE := ^Test(Every|EngineAgrees|Property|Compare|Flip|Mutation|Twin)

unit: ## everything that needs nothing but Go
	$(GO) test -tags $(TAGS) -timeout 20m $$($(GO) list ./... | grep -v /caddymodule/e2e)
	$(GO) test -tags $(TAGS) -race -timeout 20m -skip '$(ALONE)' ./rules ./caddymodule/capture ./caddymodule/directory ./caddymodule/gateway ./caddymodule/signin

e2e: ## a real MediaWiki and a real browser
	$(GO) test -tags $(TAGS) -timeout 30m -count=1 ./caddymodule/e2e/...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

mutate: ## the mutation campaign over the shipped profiles; its result is testdata/mutation/RESULTS.md
	POSTERN_MUTATE=1 $(GO) test -tags $(TAGS) -count=1 -run '^TestMutation$$' -timeout 30m ./caddymodule/gateway

bench: ## all benchmarks, beside their peers
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem ./...

build: ## the binary
	$(GO) build -tags $(TAGS) -trimpath -o postern ./cmd/postern

clean:
	rm -rf postern .artifacts
