# Files: `make` lists what there is. Everything is built with the release profile, so that running and testing share it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

scripts := infra/scripts
python  := .tools/venv/bin/python -B
iam     := PYTHONPATH=$(scripts):$(scripts)/iam .tools/venv-iam/bin/python -B
pages   := functions/resolve-url
layer   := .tools/venv-layer/bin/python -B layers/ffprobe
# CI takes Cargo.lock as it is; elsewhere an edited Cargo.toml may update it.
locked  := $(if $(CI),--locked)
# Of the functions in Lambda: arm64 or x86_64.
ARCHITECTURE ?= arm64
machine := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

.PHONY: help
help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- run
.PHONY: dev
dev: need-run build ## Builds and runs the local cloud; options in ARGS="--port 8080".
	@exec target/release/files-local $(ARGS)

.PHONY: build
build: need-build ffprobe resolve-url ## Builds target/release/files-local, files-admin, files, ffprobe, the functions, and the web page.
	@echo "Building (the first time takes some minutes)"
	@cargo build $(locked) --release --workspace --bins
	@$(MAKE) --no-print-directory web || echo "The web page is not built, for the reason above. Everything else works without it."

web := infra/web
.PHONY: web
web: $(web)/dist/index.html ## Builds the web page into infra/web/dist; where it connects to: FILES_WEB_API, FILES_WEB_CONNECT.

$(web)/dist/index.html: $(web)/node_modules/.installed $(web)/index.html $(web)/vite.config.ts $(shell find $(web)/src -type f)
	@echo "Building the web page"
	@$(scripts)/node.sh npx vite build --logLevel warn

$(web)/node_modules/.installed: $(web)/package.json $(web)/package-lock.json
	@$(scripts)/node.sh npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# What looks into pages, by this machine's Python. Its engine for JavaScript needs the layer's compiler: who names an ffprobe goes without.
.PHONY: resolve-url
resolve-url: $(if $(FILES_FFPROBE),,need-layer)
	@$(scripts)/install.sh venv
	@$(if $(FILES_FFPROBE),:,.tools/venv-layer/bin/python -B $(pages)/quickjs/quickjs.py host target/release/qjs)
	@$(scripts)/resolve-url.sh

.PHONY: update-yt-dlp
update-yt-dlp: ## Pins the newest yt-dlp in functions/resolve-url/requirements.txt.
	@$(scripts)/install.sh venv
	@python3 -B $(pages)/update.py

# The layer's, for this machine. Who names an ffprobe needs no other.
.PHONY: ffprobe
ffprobe: $(if $(FILES_FFPROBE),,need-layer)
	@$(if $(FILES_FFPROBE),:,$(layer)/host.py target/release/ffprobe)

.PHONY: layer
layer: need-layer ## Builds the ffprobe layers for x86_64 and arm64 into layers/ffprobe/dist, and checks them.
	@$(scripts)/install.sh prove
	@.tools/venv-layer/bin/python -B -m unittest discover --quiet --start-directory layers/ffprobe
	@$(layer)/build.py

# ---------------------------------------------------------------- deploy
.PHONY: package
package: need-build need-layer ## Builds the functions' zips for Lambda into target/lambda, for ARCHITECTURE=arm64 (default) or x86_64.
	@.tools/venv-layer/bin/python -B $(scripts)/package.py $(ARCHITECTURE) $(if $(ONLY),--only $(ONLY)) $(locked)

.PHONY: deploy
deploy: check-account package layer ## Packages, and deploys to AWS with the SAM CLI; parameters in PARAMETERS="Name=value", options in ARGS.
	@sam deploy --parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS) $(ARGS)

quoted = '$(subst ','\'',$(1))'
.PHONY: check-account
check-account: python-tools ## Asks the account, by the AWS CLI, whether it will take the deployment: the first step of make deploy.
	@$(scripts)/check-sam.sh
	@$(python) $(scripts)/check_deployment.py $(call quoted,$(PARAMETERS)) $(call quoted,$(ARGS))

# ---------------------------------------------------------------- check
.PHONY: test
test: need-test build check-template check-openapi ## Runs all tests, end to end through the real binaries too.
	@cargo test $(locked) --release --workspace --no-run
	@$(MAKE) test-pages
	@rm -rf target/requests
	@CARGO_TERM_QUIET=false cargo test $(locked) --release --workspace
	@$(MAKE) check-policies
	@$(MAKE) test-hostile
	@$(MAKE) test-web

.PHONY: test-pages
test-pages: need-layer resolve-url ## Runs the tests of functions/resolve-url.
	@.tools/venv-layer/bin/python -B $(pages)/quickjs/quickjs.py host target/release/qjs
	@cd $(pages) && PYTHONPATH=.:tests FILES_QUICKJS=$(CURDIR)/target/release/qjs $(CURDIR)/.tools/venv-resolve/bin/python -B 		-m unittest discover --quiet --start-directory tests

.PHONY: test-web
test-web: need-test build web ## Runs the web page's tests in Chromium, against the local cloud.
	@$(scripts)/install.sh browser
	@$(scripts)/node.sh npx playwright test $(ARGS)

# The emulator runs this machine's own binaries. With PROFILE=lambda they are compiled as for Lambda first.
.PHONY: test-deploy
test-deploy: need-test need-layer build python-tools ## Deploys to an emulator of AWS and runs the end-to-end tests of the main job there.
	@$(scripts)/python-tools.sh ministack
	@.tools/venv-layer/bin/python -B $(scripts)/package.py $(machine) --into target/lambda-test \
		$(if $(PROFILE),--profile $(PROFILE) $(locked),--built target/release)
	@$(python) $(scripts)/try_deployment.py target/lambda-test $(ARGS)

# On arm64 itself `make test` runs the functions without emulation.
.PHONY: test-arm64
test-arm64: need-test need-layer build ## Compiles all functions for arm64 and runs the main job's tests through them, emulated; as for Lambda by PROFILE=lambda.
	@$(scripts)/install.sh prove
	@$(scripts)/rust-arm64.sh emulator
	@$(layer)/build.py arm64
	@.tools/venv-layer/bin/python -B $(scripts)/package.py arm64 --profile $(or $(PROFILE),arm64-test) --into target/arm64/zips $(locked)
	@.tools/venv-layer/bin/python -B $(scripts)/try_arm64.py target/arm64/zips $(ARGS)

.PHONY: check-policies
check-policies: ## Holds the template's policies against what the functions called in the last `make test`, by two evaluators.
	@target/release/check-policies
	@$(scripts)/install.sh lint
	@$(scripts)/python-tools.sh iam
	@$(iam) -m unittest discover --quiet --start-directory $(scripts)/iam
	@$(iam) $(scripts)/iam/second_evaluator.py target/requests target/release/check-policies

.PHONY: test-hostile
test-hostile: need-test build ## Runs the end-to-end tests on a bad day; another one by FAULTS=SEED.
	@$(scripts)/test-hostile.sh $(or $(FAULTS),7)

.PHONY: fuzz
fuzz: need-build ## Fuzzes our own parsers of hostile bytes for about a minute; longer by CASES=N.
	@PROPTEST_CASES=$(or $(CASES),1000000) cargo test $(locked) --release --workspace --lib fuzz

.PHONY: bench
bench: need-test build ## Runs the benchmarks: what each operation takes, cold starts, long lists, probes, 2 GiB in, 1 GiB against curl.
	@$(MAKE) package ARCHITECTURE=$(machine)
	@$(MAKE) package ARCHITECTURE=$(machine) ONLY=bare-function
	@cargo bench $(locked) --workspace --bench '*' # one package alone would be compiled with other features, all anew

.PHONY: bench-probe
bench-probe: need-test build ## Measures probes of large files beside ffprobe alone: bytes, reads and time.
	@cargo bench $(locked) --workspace --bench speed

companion := tests/benches/companion
.PHONY: bench-import
bench-import: need-test build $(companion)/node_modules/.installed ## Measures imports beside Uppy Companion, one connection and a plain PUT.
	@$(scripts)/node.sh cargo bench $(locked) --manifest-path ../../Cargo.toml --workspace --bench import-speed

$(companion)/node_modules/.installed: $(companion)/package.json $(companion)/package-lock.json
	@echo "Installing Uppy Companion into $(companion)"
	@$(scripts)/node.sh npm ci --prefix ../../$(companion) --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: lint
lint: lint-format lint-clippy lint-docs lint-deny lint-template lint-checkov lint-openapi lint-web sbom ## Runs all checks that need no running service.

.PHONY: lint-format
lint-format: lint-modules ## Formatting as rustfmt does it.
	@$(scripts)/check-rust.sh rustfmt
	@cargo fmt --all --check

.PHONY: lint-modules
lint-modules: ## Modules of a crate use each other in one direction.
	@python3 $(scripts)/check_modules.py

.PHONY: lint-clippy
lint-clippy: need-build ## Clippy without warnings.
	@$(scripts)/check-rust.sh clippy
	@cargo clippy $(locked) --workspace --all-targets --release -- -D warnings

.PHONY: lint-docs
lint-docs: need-build ## Rustdoc without warnings.
	@RUSTDOCFLAGS=-Dwarnings cargo doc $(locked) --no-deps --workspace --release

.PHONY: lint-deny
lint-deny: need-build ## Licences, bans, sources and advisories of the dependencies.
	@$(scripts)/install.sh lint
	@$(scripts)/deny.sh

.PHONY: sbom
sbom: python-tools ## Writes target/sbom.cdx.json: what a deployment is made of, as CycloneDX, checked against its schema.
	@$(python) $(scripts)/sbom.py target/sbom.cdx.json

.PHONY: lint-template
lint-template: check-template ## The SAM template: cfn-lint, transformation, circular dependencies, folders.
	@.tools/venv/bin/cfn-lint --regions us-east-1 --template template.yaml
	@$(python) -m unittest discover --quiet --start-directory $(scripts)

.PHONY: lint-checkov
lint-checkov: need-checkov ## The SAM template, by checkov's rules for CloudFormation; skipped ones and why in .checkov.yaml.
	@.tools/venv-checkov/bin/checkov --config-file .checkov.yaml

.PHONY: lint-openapi
lint-openapi: check-openapi ## The OpenAPI document: form, examples, and its routes against the template's.

.PHONY: lint-web
lint-web: $(web)/node_modules/.installed ## The web page: types, ESLint, licences and advisories of its packages.
	@$(scripts)/node.sh npm run --silent lint
	@$(scripts)/node.sh npm run --silent licences
	@$(scripts)/npm-audit.sh

.PHONY: check-template
check-template: python-tools
	@$(python) $(scripts)/check_template.py

.PHONY: check-openapi
check-openapi: python-tools
	@$(python) -m openapi_spec_validator --subschema-errors all infra/api/openapi.yaml
	@$(python) $(scripts)/check_examples.py

# ---------------------------------------------------------------- tools
.PHONY: need-build
need-build:
	@$(scripts)/check-rust.sh
	@$(scripts)/install.sh build

.PHONY: need-layer
need-layer:
	@$(scripts)/install.sh layer
	@$(scripts)/python-tools.sh layer

.PHONY: need-test
need-test: need-run
	@$(scripts)/install.sh test

.PHONY: need-run
need-run: need-build
	@$(scripts)/install.sh run

.PHONY: python-tools
python-tools:
	@$(scripts)/install.sh lint
	@$(scripts)/python-tools.sh

.PHONY: need-checkov
need-checkov:
	@$(scripts)/install.sh lint
	@$(scripts)/python-tools.sh checkov

.PHONY: tools
tools: need-test python-tools need-layer need-checkov ## Installs all that the other targets need, cargo-deny too.
	@$(scripts)/install.sh browser
	@$(scripts)/python-tools.sh resolve
	@$(scripts)/python-tools.sh iam
	@$(scripts)/check-rust.sh rustfmt clippy
	@$(scripts)/cargo-deny.sh

.PHONY: clean
clean: ## Removes what was built and the tools; the local cloud's data in .local stays.
	@cargo clean
	@rm -rf .tools .aws-sam $(web)/dist $(web)/node_modules $(web)/test-results
