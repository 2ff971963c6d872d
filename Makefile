# tasks: `make demo` shows it at work, `make test` tests it.
PREFIX     ?= /usr/local
GO         ?= go
LDFLAGS    ?= -s -w
# The race detector needs a C compiler.
RACE       := $(if $(shell command -v $$($(GO) env CC) 2>/dev/null),-race,)
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# What reads what others wrote, and the state machine.
FUZZ = internal/protocol:FuzzParseRequest internal/cron:FuzzParse internal/events:FuzzRead internal/store:FuzzDecode \
	internal/taskfile:FuzzLoad internal/taskfile:FuzzReadEnv internal/taskfile:FuzzProcfile internal/queue:FuzzGroup \
	pkg/task:FuzzCheckName internal/lifecycle:FuzzStep internal/protocol:FuzzCheck pkg/client:FuzzReply internal/cli:FuzzRender \
	internal/escape:FuzzWriter internal/server:FuzzEncodeText

.PHONY: help build install demo test soak crashtest simulate many fuzz bench lint completions check clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

build: ## bin/tasks; without C, which would be loaded at each command
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o bin/tasks ./cmd/tasks

install: build ## into PREFIX (and DESTDIR), with completions
	install -Dm755 bin/tasks $(DESTDIR)$(PREFIX)/bin/tasks
	install -Dm644 completions/tasks.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tasks
	install -Dm644 completions/_tasks $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tasks
	install -Dm644 completions/tasks.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tasks.fish

demo: build ## a short real session in a temporary home
	@PATH="$(CURDIR)/bin:$$PATH" sh examples/demo.sh

test: ## all tests
	@$(if $(RACE),,echo "make test: no C compiler, so without the race detector";) \
	$(if $(RACE),,CGO_ENABLED=0) $(GO) test $(RACE) -shuffle=on -timeout 30m ./...

soak: ## all tests 20 times as `make test` runs them, and 3 times in each other setting: .ci/soak
	@.ci/soak

crashtest: ## kills the supervisor amid starts and stops, at random and at each step, for CRASHTEST (2m)
	CRASHTEST=$${CRASHTEST:-2m} $(GO) test -count=1 -v -timeout 0 -run 'TestCrashes|TestNamedSteps' ./internal/crashtest

simulate: ## lets simulated supervisors and engines live and die, each for SIM (1m); SIM_SEED=N plays one seed again
	SIM=$${SIM:-1m} $(GO) test -count=1 -v -timeout 0 -run TestSimulation ./pkg/supervisor
	SIM=$${SIM:-1m} $(GO) test -count=1 -v -timeout 0 -run 'TestSimulation$$' ./internal/process

many: ## starts, lists, takes back after a kill, and stops MANY (10000) tasks
	MANY=$${MANY:-10000} $(GO) test -count=1 -v -timeout 0 -run TestMany ./internal/crashtest

fuzz: ## what reads foreign bytes, and the state machine, each for FUZZTIME (1m), two at a time
	@printf '%s\n' $(FUZZ) | xargs -P2 -I{} sh -c 'at={}; set -x; \
	$(GO) test -run "^$$" -fuzz "^$${at#*:}$$" -fuzztime '$${FUZZTIME:-1m}' -parallel 1 "./$${at%:*}"'

bench: ## ratios to physical limits, as in docs/performance.md
	$(GO) run ./bench

lint: ## gofmt, vet, staticcheck
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt wants: $$bad"; exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(STATICCHECK) ./...

completions: build ## the scripts in completions/
	bin/tasks completion bash > completions/tasks.bash
	bin/tasks completion zsh > completions/_tasks
	bin/tasks completion fish > completions/tasks.fish
	bin/tasks completion powershell > completions/tasks.ps1

check: lint test completions ## what must hold before a change lands
	git diff --exit-code completions go.mod go.sum

clean: ## removes bin
	rm -rf bin
