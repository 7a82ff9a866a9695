# Everything happens in .venv, which is made on first use; nothing else on the machine is
# touched, and nothing but Python 3.11 or newer need be there.

PYTHON ?=
VENV := .venv
UV_VERSION := 0.13.9
UV := $(VENV)/bin/uv

export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON := $(VENV)/bin/python
export UV_PYTHON_DOWNLOADS := never
# So that the certificates of a company's own network count.
export UV_SYSTEM_CERTS := 1
# A home folder that cannot be written to is no place for a cache.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/cache
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Handed to recipes as they are, so that any folder's name will do.
export MUSIC SPEECH OUT FOLDER REPOSITORY TAG TO A B
ARCH := arm64

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test cloud-test bench bench-compare bench-scale bench-music image lambda-layout lint format \
	apply-test tf-check tf-docs tf-format lock clean

help: ## what can be made (this)
	@echo "make TARGET [VARIABLE=...]"
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

demo: $(VENV)/.runtime ## hear two stations and read their reports [MUSIC=folder] [OUT=folder]
	@$(VENV)/bin/songid demo $${MUSIC:+--music "$$MUSIC"} $${OUT:+--out "$$OUT"}

test: $(VENV)/.dev ## run the tests [ARGS=...]
	$(VENV)/bin/python -m pytest -n auto $(ARGS)

cloud-test: $(VENV)/.dev ## only the tests of the whole in a cloud, a part of `make test` [ARGS=...]
	$(VENV)/bin/python -m pytest -n auto tests/end_to_end/test_bucket.py tests/end_to_end/test_cloud.py \
		tests/end_to_end/test_cloud_faults.py tests/end_to_end/test_lambda_runtime.py $(ARGS)

apply-test: $(VENV)/.dev ## only the tests that apply Terraform's examples to moto and use them [EXAMPLE=name] [ARGS=...]
	EXAMPLE="$(EXAMPLE)" $(VENV)/bin/python -m pytest -n auto tests/end_to_end/test_terraform_applied.py \
		$(ARGS)

bench: $(VENV)/.dev ## measure against the targets [MUSIC=folder] [SPEECH=folder] [ARGS=...]
	@PYTHONPATH=tests $(VENV)/bin/python -m benchmarks.bench $${MUSIC:+--music "$$MUSIC"} \
		$${SPEECH:+--speech "$$SPEECH"} $${OUT:+--out "$$OUT"} $(ARGS)

bench-compare: $(VENV)/.dev ## what changed between two runs of bench [A=before.json B=after.json]
	@PYTHONPATH=tests $(VENV)/bin/python -m benchmarks.compare $${OUT:+--out "$$OUT"} \
		$${A:+"$$A"} $${B:+"$$B"} $(ARGS)

bench-scale: $(VENV)/.dev ## measure a large catalogue of music like yours [N=20000] [MUSIC=folder] [SPEECH=folder] [ARGS=...]
	@PYTHONPATH=tests $(VENV)/bin/python -m benchmarks.scale --recordings "$(or $(N),20000)" \
		$${MUSIC:+--music "$$MUSIC"} $${SPEECH:+--speech "$$SPEECH"} $${OUT:+--out "$$OUT"} $(ARGS)

bench-music: ## fetch freely licensed music and speech from Debian's archive (FOLDER=folder)
	@tests/benchmarks/debian_music.sh $${FOLDER:+"$$FOLDER"}

lint: $(VENV)/.dev ## check style, types and the direction of imports
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## bring the code into form
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# Some systems, as WSL, have a variable NAME of their own; only one given to make is meant.
image: $(VENV)/.aws ## build the function's images [NAME=deployment] [ARCH=arm64|x86_64] [ARGS=...]
	@$(VENV)/bin/python lambda_build/image.py --build-arg UV_VERSION=$(UV_VERSION) \
		$(if $(findstring command,$(origin NAME)),--name "$$NAME") \
		$(if $(findstring command,$(origin ARCH)),--architecture "$(ARCH)") \
		$${DIR:+--dir "$$DIR"} $${MODULE:+--module "$$MODULE"} \
		$${REPOSITORY:+--repository "$$REPOSITORY"} $${TAG:+--tag "$$TAG"} $(ARGS)

lambda-layout: $(UV) ## lay out what is in those images, without Docker [ARCH=arm64|x86_64] [TO=folder]
	@$(VENV)/bin/python lambda_build/layout.py --architecture "$(ARCH)" \
		--to "$${TO:-dist/lambda-$(ARCH)}" --plugins lambda_build/plugins.txt $(ARGS)

tf-check: $(VENV)/.dev ## check the Terraform code: form, validity, tests, checkov, docs [ARGS=...]
	@$(VENV)/bin/python terraform/tests/check.py $(ARGS)

tf-docs: $(VENV)/.dev ## write the tables of terraform/README.md
	@$(VENV)/bin/python terraform/tests/docs.py

tf-format: ## bring the Terraform code into form
	terraform fmt -recursive terraform

lock: $(UV) ## pin the dependencies anew (uv.lock)
	$(UV) lock $(ARGS)

clean: ## remove what was made here: the environment, caches, the demo
	rm -rf $(VENV) dist demo-out .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find songid plugins reports_templates tests lambda_build terraform -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment --------------------------------------------------------------------

# Dependencies come as uv.lock pins them, and stay if a target needs fewer (--inexact).
$(VENV)/.runtime: $(UV) pyproject.toml uv.lock
	@echo "Installing what songid needs into $(VENV) ..."
	@$(UV) sync --quiet --frozen --inexact --no-dev
	@touch $@

$(VENV)/.aws: $(UV) pyproject.toml uv.lock
	@echo "Installing what songid needs for AWS into $(VENV) ..."
	@$(UV) sync --quiet --frozen --inexact --no-dev --extra aws
	@touch $@ $(VENV)/.runtime

$(VENV)/.dev: $(UV) pyproject.toml uv.lock
	@echo "Installing what songid and its tests need into $(VENV) ..."
	@$(UV) sync --quiet --frozen --inexact
	@touch $@ $(VENV)/.runtime

# Debian keeps ensurepip in a package of its own; where that is missing, but pip is not,
# pip can be told to work in an environment that has none.
$(UV):
	@python=; \
	for each in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python=$$each; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "songid needs Python 3.11 or newer, and none was found as python3. If it is elsewhere:" >&2; \
		echo "  make PYTHON=/path/to/python3 ..." >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$python --version) ..."; \
	if $$python -c 'import ensurepip, venv' 2>/dev/null; then \
		$$python -m venv --clear $(VENV) && \
		$(VENV)/bin/python -m pip install --quiet uv==$(UV_VERSION); \
	elif $$python -c 'import pip, venv' 2>/dev/null; then \
		$$python -m venv --clear --without-pip $(VENV) && \
		$$python -m pip --python $(VENV)/bin/python install --quiet uv==$(UV_VERSION); \
	else \
		echo "$$python can make no environment: it has no ensurepip and no pip. On Debian or Ubuntu:" >&2; \
		echo "  apt install python3-venv" >&2; exit 1; \
	fi
