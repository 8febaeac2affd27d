# Files: `make` lists the targets. Everything is built with the release profile, so running, testing and benchmarks share it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

scripts := infra/scripts
python  := .tools/venv/bin/python -B
iam     := PYTHONPATH=$(scripts):$(scripts)/iam .tools/venv-iam/bin/python -B
pages   := functions/resolve-url
layer   := .tools/venv-layer/bin/python -B layers/ffprobe
# In CI, Cargo.lock must be up to date; elsewhere an edited Cargo.toml may update it.
locked  := $(if $(CI),--locked)
# Architecture of the functions in Lambda: arm64 or x86_64.
ARCHITECTURE ?= arm64
# How the functions' new versions take over: a type of CodeDeploy such as Canary10Percent5Minutes. Without it, at once and without versions.
GRADUAL ?=
# The section of samconfig.toml with the stack's name and tags.
environment := $(if $(ENVIRONMENT),--config-env $(ENVIRONMENT))
# Most of the time, tests wait for one another's processes and timeouts: two of them on each core.
export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
machine := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

# SETUP=print only prints the system packages that the targets would install, and why.
ifeq ($(SETUP),print)
setup-dev := build run layer venv
setup-test := $(setup-dev) test lint browser
goals := $(or $(MAKECMDGOALS),help)
.PHONY: $(goals)
$(goals):
	@$(scripts)/install.sh $(or $(setup-$@),$(setup-test) prove)
else ifneq ($(SETUP),)
$(error SETUP is "$(SETUP)", expected print)
else

.PHONY: help
help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- run
.PHONY: dev
dev: need-run build ## Builds and starts the local cloud; ARGS="--port 8080" passes options to it.
	@exec $(scripts)/dev.sh $(ARGS)

.PHONY: build
build: need-build ffprobe resolve-url ## Builds the local cloud, the CLIs, the functions, ffprobe, ffmpeg and the web app into target/release.
	@echo "Building (the first build takes 15 to 20 minutes on two cores)"
	@cargo build $(locked) --release --workspace --bins
	@$(MAKE) --no-print-directory web || echo "The web app is not built, for the reason above. Everything else works without it."

web := infra/web
.PHONY: web
web: $(web)/dist/index.html ## Builds the web app into infra/web/dist; it connects to FILES_WEB_API and FILES_WEB_CONNECT.

$(web)/dist/index.html: $(web)/node_modules/.installed $(wildcard $(web)/*.html $(web)/*.config.ts) $(shell find $(web)/src -type f)
	@echo "Building the web app and the upload page"
	@$(scripts)/node.sh npm run --silent build

$(web)/node_modules/.installed: $(web)/package.json $(web)/package-lock.json
	@$(scripts)/node.sh npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# resolve-url for this machine's Python. Its JavaScript engine needs the layer's compiler and is left out with FILES_FFPROBE.
.PHONY: resolve-url
resolve-url: $(if $(FILES_FFPROBE),,need-layer)
	@$(scripts)/install.sh venv
	@$(if $(FILES_FFPROBE),:,.tools/venv-layer/bin/python -B $(pages)/quickjs/quickjs.py host target/release/qjs)
	@$(scripts)/resolve-url.sh

.PHONY: update-yt-dlp
update-yt-dlp: ## Pins the newest yt-dlp in functions/resolve-url/requirements.txt.
	@$(scripts)/install.sh venv
	@python3 -B $(pages)/update.py

# The layers' programs for this machine, unless FILES_FFPROBE and FILES_FFMPEG name others.
.PHONY: ffprobe
ffprobe: $(if $(FILES_FFPROBE),,need-layer)
	@$(if $(FILES_FFPROBE),:,$(layer)/host.py ffprobe target/release/ffprobe)
	@$(if $(FILES_FFPROBE)$(FILES_FFMPEG),:,$(layer)/host.py ffmpeg target/release/ffmpeg)

.PHONY: layer
layer: need-layer ## Builds and checks the layers with ffprobe and ffmpeg for x86_64 and arm64, into layers/*/dist.
	@$(scripts)/install.sh prove
	@.tools/venv-layer/bin/python -B -m unittest discover --quiet --start-directory layers/ffprobe
	@$(layer)/build.py

# ---------------------------------------------------------------- deploy
.PHONY: package
package: need-build need-layer ## Builds the functions' zips for Lambda into target/lambda, for ARCHITECTURE=arm64 (default) or x86_64.
	@.tools/venv-layer/bin/python -B $(scripts)/package.py $(ARCHITECTURE) $(if $(ONLY),--only $(ONLY)) $(locked)

.PHONY: deploy
deploy: check-gradual check-account package layer ## Packages and deploys to AWS with the SAM CLI; ENVIRONMENT=dev|prod, PARAMETERS="Name=value", GRADUAL=TYPE, ARGS=OPTIONS.
	@$(if $(GRADUAL),$(python) $(scripts)/gradual.py $(GRADUAL) $(call quoted,Architecture=$(ARCHITECTURE) $(PARAMETERS)))
	@sam deploy $(environment) $(if $(GRADUAL),--template-file template-gradual.json) \
		--parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS) $(ARGS)

# Before the build, which takes minutes.
.PHONY: check-gradual
check-gradual: $(if $(GRADUAL),python-tools)
	@$(if $(GRADUAL),$(python) $(scripts)/gradual.py $(GRADUAL) --check)

.PHONY: release
release: check-release package layer sbom ## Collects zips, layers, files-admin, SBOM, changes and checksums into target/release-VERSION; TAG=v1.2.3 must name the version.
	@$(MAKE) --no-print-directory package ONLY=files-admin
	@$(python) $(scripts)/release.py $(if $(TAG),--tag $(TAG)) $(ARCHITECTURE)

# Before the build, which takes minutes.
.PHONY: check-release
check-release: python-tools
	@$(python) $(scripts)/release.py --check $(if $(TAG),--tag $(TAG)) $(ARCHITECTURE)

quoted = '$(subst ','\'',$(1))'
.PHONY: check-account
check-account: python-tools ## Checks with the AWS CLI that the account accepts the deployment; the first step of deploy.
	@$(scripts)/check-sam.sh
	@$(python) $(scripts)/check_deployment.py $(call quoted,$(PARAMETERS)) $(call quoted,$(environment) $(ARGS))

# ---------------------------------------------------------------- check
.PHONY: test
test: need-test build check-template check-openapi ## Runs all tests, including end-to-end tests through the real binaries.
	@cargo test $(locked) --release --workspace --no-run
	@$(MAKE) test-pages
	@rm -rf target/requests
	@CARGO_TERM_QUIET=false cargo test $(locked) --release --workspace --no-fail-fast
	@$(MAKE) check-policies
	@$(MAKE) test-faults
	@$(MAKE) test-web

.PHONY: test-pages
test-pages: need-layer resolve-url ## Runs the tests of functions/resolve-url.
	@.tools/venv-layer/bin/python -B $(pages)/quickjs/quickjs.py host target/release/qjs
	@cd $(pages) && PYTHONPATH=.:tests FILES_QUICKJS=$(CURDIR)/target/release/qjs $(CURDIR)/.tools/venv-resolve/bin/python -B \
		-m unittest discover --quiet --start-directory tests

.PHONY: test-web
test-web: need-test build web ## Runs the web app's tests in Chromium against the local cloud; ARGS=NAME runs those of one file.
	@$(scripts)/install.sh browser
	@$(scripts)/node.sh npx playwright test $(ARGS)

.PHONY: screenshots
screenshots: need-test build web ## Makes screenshots of the web app's states, light and dark in three widths, into infra/web/screenshots.
	@$(scripts)/install.sh browser
	@$(scripts)/node.sh npx playwright test --config screenshots.config.ts

.PHONY: bench-web
bench-web: need-test build web ## Measures the web app in Chromium: first paint, scrolling and selecting with up to 5,000 files.
	@$(scripts)/install.sh browser
	@$(scripts)/node.sh npx playwright test --config measures.config.ts

clients := tests/clients
.PHONY: test-clients
test-clients: need-clients build ## Generates clients from openapi.yaml; they, agents and the documentation's programs run the main use cases. PROOFS=NAME runs one of them.
	@$(scripts)/node.sh $(CURDIR)/.tools/venv-clients/bin/python -B $(CURDIR)/$(clients)/run.py $(PROOFS)

$(clients)/node_modules/.installed: $(clients)/package.json $(clients)/package-lock.json
	@$(scripts)/node.sh npm ci --prefix ../../$(clients) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The emulator runs this machine's binaries; PROFILE=lambda compiles them as for Lambda.
.PHONY: test-deploy
test-deploy: need-test need-layer build python-tools ## Deploys to an emulator of AWS and runs the end-to-end tests of the main use cases there; GRADUAL=TYPE by aliases.
	@$(scripts)/python-tools.sh ministack
	@.tools/venv-layer/bin/python -B $(scripts)/package.py $(machine) --into target/lambda-test \
		$(if $(PROFILE),--profile $(PROFILE) $(locked),--built target/release)
	@$(python) $(scripts)/try_deployment.py target/lambda-test $(if $(GRADUAL),--gradual $(GRADUAL)) $(ARGS)

# On arm64 itself, `make test` runs the functions without emulation.
.PHONY: test-arm64
test-arm64: need-test need-layer build ## Compiles the functions for arm64 and tests the main use cases under emulation; PROFILE=lambda as for Lambda.
	@$(scripts)/install.sh prove
	@$(scripts)/rust-arm64.sh emulator
	@$(layer)/build.py arm64
	@.tools/venv-layer/bin/python -B $(scripts)/package.py arm64 --profile $(or $(PROFILE),arm64-test) --into target/arm64/zips $(locked)
	@.tools/venv-layer/bin/python -B $(scripts)/try_arm64.py target/arm64/zips $(ARGS)

.PHONY: test-release
test-release: ## Proofs that take long, for before a release: arm64 compiled as for Lambda, 10,000 operations with injected faults, 10,000 webhooks.
	@$(MAKE) test-arm64 PROFILE=lambda
	@SOAK_SEED=2027 SOAK_OPERATIONS=10000 SOAK_SECONDS=3600 SOAK_DELIVERIES=10000 cargo test $(locked) --release --workspace --test faults -- soak --nocapture

.PHONY: check-policies
check-policies: ## Compares the template's policies with the calls of the last `make test`, by two evaluators.
	@target/release/check-policies --parameter EventBus=media --reasons $(scripts)/iam/unused-permissions.yaml
	@$(scripts)/install.sh lint
	@$(scripts)/python-tools.sh iam
	@$(iam) -m unittest discover --quiet --start-directory $(scripts)/iam
	@$(iam) $(scripts)/iam/second_evaluator.py target/requests target/release/check-policies

.PHONY: test-faults
test-faults: need-test build ## Runs the end-to-end tests with injected faults; FAULTS=SEED injects others.
	@$(scripts)/test-faults.sh $(or $(FAULTS),7)

.PHONY: fuzz
fuzz: need-build ## Fuzzes the project's own parsers for about a minute; CASES=N sets the cases.
	@PROPTEST_CASES=$(or $(CASES),1000000) cargo test $(locked) --release --workspace --lib fuzz -- --skip pictures_are_sound
	@PROPTEST_CASES=$$(($(or $(CASES),1000000) / 20)) cargo test $(locked) --release --workspace --lib pictures_are_sound # slower

.PHONY: bench
bench: need-test build ## Runs the benchmarks: operations, cold starts, long lists, probes, imports, uploads.
	@$(MAKE) package ARCHITECTURE=$(machine)
	@$(MAKE) package ARCHITECTURE=$(machine) ONLY=bare-function
	@cargo bench $(locked) --workspace --bench '*' # a single package would be compiled with other features

.PHONY: bench-probe
bench-probe: need-test build ## Measures probes of large files against ffprobe alone: bytes, reads and time.
	@cargo bench $(locked) --workspace --bench speed

.PHONY: bench-fairness
bench-fairness: need-test build ## Measures what an import waits for while another owner floods the queue, and how much sweep handles in a round.
	@cargo bench $(locked) --workspace --bench fairness

.PHONY: bench-joins
bench-joins: need-test build ## Measures joins and imports of separate streams against a plain PUT and an import of one file; JOIN_BYTES=N sets the size.
	@cargo bench $(locked) --workspace --bench joins

companion := tests/benches/companion
.PHONY: bench-import
bench-import: need-test build $(companion)/node_modules/.installed ## Measures imports against Uppy Companion, one connection and a plain PUT.
	@$(scripts)/node.sh cargo bench $(locked) --manifest-path ../../Cargo.toml --workspace --bench import-speed

$(companion)/node_modules/.installed: $(companion)/package.json $(companion)/package-lock.json
	@echo "Installing Uppy Companion into $(companion)"
	@$(scripts)/node.sh npm ci --prefix ../../$(companion) --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: lint
lint: lint-format lint-clippy lint-docs lint-deny lint-template lint-checkov lint-openapi lint-web sbom ## Runs all checks that need no running service.

.PHONY: lint-format
lint-format: lint-modules ## Checks the formatting by rustfmt.
	@$(scripts)/check-rust.sh rustfmt
	@cargo fmt --all --check

.PHONY: lint-modules
lint-modules: ## Checks that the modules of a crate have no circular dependencies.
	@python3 $(scripts)/check_modules.py

.PHONY: lint-clippy
lint-clippy: need-build ## Checks that Clippy has no warnings.
	@$(scripts)/check-rust.sh clippy
	@cargo clippy $(locked) --workspace --all-targets --release -- -D warnings

.PHONY: lint-docs
lint-docs: need-build ## Checks links and anchors of the pages, and that rustdoc has no warnings.
	@$(scripts)/install.sh lint
	@python3 -B $(scripts)/check_docs.py
	@RUSTDOCFLAGS=-Dwarnings cargo doc $(locked) --no-deps --workspace --release

.PHONY: lint-deny
lint-deny: need-build ## Checks licences, sources and advisories of the dependencies, and finds unused ones.
	@$(scripts)/install.sh lint
	@$(scripts)/deny.sh

.PHONY: sbom
sbom: python-tools ## Writes and validates target/sbom.cdx.json, the content of a deployment as CycloneDX.
	@$(python) $(scripts)/sbom.py target/sbom.cdx.json

.PHONY: lint-template
lint-template: check-template ## Checks the SAM template: cfn-lint, transformation, circular dependencies, folders; tests infra/scripts.
	@.tools/venv/bin/cfn-lint --regions us-east-1 --template template.yaml infra/addons/*.yaml
	@$(python) -m unittest discover --quiet --start-directory $(scripts)
	@$(python) $(scripts)/roles.py --check
	@$(python) $(scripts)/cost.py --check

.PHONY: tables
tables: build ## Writes what refused and malicious requests get and cost into the documentation.
	@FILES_WRITE_TABLES=1 cargo test $(locked) --release --workspace --test end_to_end the_documentation_has -- --test-threads 1

.PHONY: roles
roles: python-tools ## Writes what each function's role may do into the security review page.
	@$(python) $(scripts)/roles.py

.PHONY: cost
cost: python-tools ## Writes the cost page; NUMBERS="--uploads 1e6 --stored-tb 40" prints the costs of such a month.
	@$(python) $(scripts)/cost.py $(NUMBERS)

.PHONY: counts
counts: need-clients build ## Counts the AWS calls of each operation on the local cloud, for the cost page.
	@.tools/venv-clients/bin/python -B $(clients)/counts.py

.PHONY: lint-checkov
lint-checkov: need-checkov ## Checks the SAM template by checkov's rules; .checkov.yaml has the skipped ones with reasons.
	@.tools/venv-checkov/bin/checkov --config-file .checkov.yaml

.PHONY: lint-openapi
lint-openapi: check-openapi ## Checks the OpenAPI document: schema, examples, and its routes against the template's.

.PHONY: lint-web
lint-web: $(web)/node_modules/.installed ## Checks the web app: types, ESLint, licences and advisories of its packages.
	@$(scripts)/node.sh npm run --silent lint
	@$(scripts)/node.sh npm run --silent licences
	@$(scripts)/npm-audit.sh

.PHONY: check-template
check-template: python-tools ## Checks the SAM template's transformation, references and folders.
	@$(python) $(scripts)/check_template.py

.PHONY: check-openapi
check-openapi: python-tools ## Checks the OpenAPI document and its examples.
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

.PHONY: need-clients
need-clients: $(clients)/node_modules/.installed
	@$(scripts)/install.sh clients
	@$(scripts)/python-tools.sh clients
	@$(scripts)/python-tools.sh aws

.PHONY: need-checkov
need-checkov:
	@$(scripts)/install.sh lint
	@$(scripts)/python-tools.sh checkov

.PHONY: tools
tools: need-test python-tools need-layer need-checkov need-clients ## Installs everything that the other targets need.
	@$(scripts)/install.sh browser
	@$(scripts)/python-tools.sh resolve
	@$(scripts)/python-tools.sh iam
	@$(scripts)/check-rust.sh rustfmt clippy
	@$(scripts)/cargo-tool.sh

.PHONY: clean
clean: ## Removes build results and tools; keeps the local cloud's data in .local.
	@cargo clean
	@rm -rf .tools .aws-sam $(web)/dist $(web)/node_modules $(web)/test-results $(web)/screenshots $(clients)/node_modules
endif
