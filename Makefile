# `make demo` and `make test` are all a fresh machine needs: they make .venv and install everything into it first.

PYTHON ?= $(shell for python in python3.11 python3.13 python3.12 python3; do \
    $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$python; break; }; done)

BIN := .venv/bin
DEMO_CLIP := sample_media/clip.mp4
DEMO_STYLE := sample_media/styles/swirls.jpg
DEMO_RESULT := out/clip_swirls.mp4
ARGS ?=

.PHONY: demo test test-slow fuzz lint check bench-optimizer bench-quality bench-speed bench-webcam bench-learned plots sample-media options docs package clean

# stylizes the beginning of the sample clip, and prints the path of the result
demo: .venv/.installed
	@$(BIN)/videostyle doctor >/dev/null || { $(BIN)/videostyle doctor | grep MISSING; \
	    echo "error: the lines above name what videostyle needs and this machine lacks"; exit 1; }
	@mkdir -p $(dir $(DEMO_RESULT))
	$(BIN)/videostyle run $(DEMO_CLIP) $(DEMO_STYLE) -o $(DEMO_RESULT) --size 192 --preset draft --frames 16 --overwrite
	@echo "The stylized clip is $(abspath $(DEMO_RESULT))"

# the fast tests; some minutes
test: .venv/.installed-dev
	$(BIN)/pytest

# the slow tests; minutes for each
test-slow: .venv/.installed-dev
	$(BIN)/pytest -m slow

# style, types, and the import rules
lint: .venv/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports .importlinter

# runs damaged files; ARGS=--help lists the options
fuzz: .venv/.installed-dev
	$(BIN)/python -m tests.fuzz.fuzz $(ARGS)

# what .ci/run runs
check: lint test

# The benchmarks; docs/benchmarks.md has their figures. Each takes options: make bench-speed ARGS=--help

# L-BFGS with carried pairs, with an empty history, and Adam, from the same starts
bench-optimizer: .venv/.installed-dev
	$(BIN)/python -m benchmarks.optimizer $(ARGS)

# consistency and distances, beside other methods
bench-quality: .venv/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[rivals]'
	$(BIN)/python -m benchmarks.quality $(ARGS)

# time and memory; DEVICE=cuda for a GPU
bench-speed: .venv/.installed-dev
	$(BIN)/python -m benchmarks.speed $(if $(DEVICE),--device $(DEVICE)) $(ARGS)

# style models: loss against minutes of training, and compared with optimizing
bench-learned: .venv/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[rivals,plots]'
	$(BIN)/python -m benchmarks.learned $(ARGS)

# the plots of the documentation, from what bench-speed has kept
plots: .venv/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[plots]'
	$(BIN)/python -m benchmarks.plots $(ARGS)

# frame rate, latency and warp error of the webcam preview, with a recorded camera
bench-webcam: .venv/.installed-dev
	$(BIN)/python -m benchmarks.webcam $(ARGS)

# makes the sample clip and the sample style images again
sample-media: .venv/.installed-dev
	$(BIN)/python -m sample_media.make

# docs/options.md, from the options' own texts; a test compares the two
options: .venv/.installed
	$(BIN)/python tools/options_page.py

# the documentation as a website in site/; a broken link or a missing page is an error.
# Material for MkDocs gets fixes until May 2027; `zensical build` makes the same site from the same file.
docs: .venv/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# wheel and sdist in dist/, and the wheel tried in a fresh environment
package: .venv/.installed-dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python tools/package_smoke.py dist/*.whl

# removes everything that make made, .venv included
clean:
	rm -rf .venv out site build dist videostyle.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps: newer than pyproject.toml once an installation is complete.
.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 was found; install one, or name it:" \
	    "make demo PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "error: $(PYTHON) is not a Python 3.11, 3.12 or 3.13"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "error: $(PYTHON) could not make .venv;" \
	    "on Debian and Ubuntu its venv module is a package of its own: apt-get install python3-venv"; exit 1; }

.venv/.installed: .venv/bin/pip pyproject.toml
	@echo "installing videostyle into .venv; this takes a few minutes the first time"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e . || { echo "error: pip failed, see above;" \
	    "it needs the network, about 6 GB of disk space, and a Python version that PyTorch supports"; exit 1; }
	@touch $@

.venv/.installed-dev: .venv/bin/pip pyproject.toml
	@echo "installing videostyle and its test tools into .venv; this takes a few minutes the first time"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' || { echo "error: pip failed, see above;" \
	    "it needs the network, about 6 GB of disk space, and a Python version that PyTorch supports"; exit 1; }
	@touch .venv/.installed $@
