# thingpass. `make help` lists the targets.

GO      ?= go
BIN     ?= bin
GOFILES := $(shell git ls-files -co --exclude-standard '*.go' 2>/dev/null)
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help build demo test test-go test-strict test-plugin test-firmware test-rv32 firmware-size race soak fuzz bench lint format clean setup-demo setup-test setup-rv32 setup-bench go thing rig plugin lambda

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-demo build ## dev stack, broker and a camera: watch photos arrive (Ctrl-C stops)
	@$(BIN)/thingpass-dev demo --dir demo $(DEMO)

test: setup-test build test-firmware test-rv32 firmware-size test-go test-strict test-plugin ## everything but the long runs

build: go thing ## bin/thingpass, bin/thingpass-dev, bin/thingpass-thing

go:
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/ ./broker/cmd/...

LAMBDA_ARCH ?= arm64

lambda: ## bin/thingpass-lambda.zip, for AWS Lambda's runtime provided.al2023
	@mkdir -p $(BIN)/lambda
	GOOS=linux GOARCH=$(LAMBDA_ARCH) $(GO) build -trimpath -tags lambda.norpc -ldflags '-s -w' -o $(BIN)/lambda/bootstrap ./broker/cmd/thingpass-lambda
	@.ci/setup lambda
	@zip -q -j -X $(BIN)/thingpass-lambda.zip $(BIN)/lambda/bootstrap

thing: setup-demo
	@$(MAKE) --no-print-directory -C firmware thing

rig: setup-test
	@$(MAKE) --no-print-directory -C firmware rig

plugin: setup-test ## bin/thingpass-mosquitto.so, which has Mosquitto enforce the policies to the letter
	@mkdir -p $(BIN)
	CGO_ENABLED=1 $(GO) build -tags mosquitto -trimpath -buildmode=c-shared -o $(BIN)/thingpass-mosquitto.so ./policies/plugin

test-go: build rig plugin ## the Go tests, integration and faults included
	$(GO) test -timeout 15m ./...

test-strict: build rig ## the integration tests again, at a server that refuses what AWS IoT Core refuses
	TEST_MQTT_SERVER=strict $(GO) test -count=1 -timeout 10m ./broker/integration

test-plugin: build rig plugin ## the integration tests again, at Mosquitto with the plugin
	TEST_MQTT_SERVER=plugin $(GO) test -count=1 -timeout 10m ./broker/integration

soak: build rig ## a camera's day, 2,880 photos in some minutes: cuts, crashes, a spool
	SOAK_PHOTOS=2880 $(GO) test -count=1 -timeout 30m -v -run '^TestADayOfPhotos$$' ./broker/integration

test-firmware: setup-test ## the C tests: gcc and clang, sanitizers, symbols of the core, the Arduino library
	@$(MAKE) --no-print-directory -C firmware test check-symbols arduino

test-rv32: setup-test setup-rv32 ## the C tests on rv32imc (ESP32-C3's), in QEMU; budgets of instructions and stack
	@$(MAKE) --no-print-directory -C firmware test-rv32

firmware-size: setup-test setup-rv32 ## flash and RAM of the firmware on rv32imc, by what a program uses, with budgets
	@$(MAKE) --no-print-directory -C firmware size-rv32

# The integration tests start programs, which have no race detector.
race: setup-test ## the Go tests of single packages under the race detector
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m $$($(GO) list ./... | grep -v -e /integration -e /bench -e /cmd/thingpass-)

fuzz: setup-test ## each fuzz target for FUZZ_SECONDS (20)
	@.ci/fuzz $(or $(FUZZ_SECONDS),20)

bench: setup-bench go ## what a grant costs beside other responders; BENCH=-quick, see broker/BENCHMARKS.md
	$(GO) test -run '^$$' -bench . -benchmem ./broker ./broker/presign
	$(GO) run ./broker/bench -thingpass $(BIN)/thingpass $(BENCH)

lint: setup-test ## gofmt, vet, staticcheck, govulncheck, clang-format
	@.ci/lint

format: ## gofmt and clang-format, in place
	gofmt -w $(GOFILES)
	@$(MAKE) --no-print-directory -C firmware format

clean: ## remove what was built, but not demo/
	rm -rf $(BIN) build

setup-demo:
	@.ci/setup demo

setup-test:
	@.ci/setup test

setup-rv32:
	@.ci/setup rv32

setup-bench:
	@.ci/setup bench
