# `make` lists the targets. GNU make 3.81 (macOS) and newer. On Windows use the pip lines of README.md.
PYTHON      ?= python3
VENV        ?= .venv
LESSON      ?= 01_pets
DATA        ?=
TORCH_INDEX ?=
JOBS        ?= 2
bin         := $(VENV)/bin
ready       := $(VENV)/.installed
learner     := $(VENV)/.learner
.DEFAULT_GOAL := help
.PHONY: help lab run test quick nightly readme minutes outputs docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

lab: $(learner) ## set everything up (once) and open JupyterLab on its start page; LAB="--no-browser" passes options
	$(bin)/course lab $(LAB)

run: $(learner) ## run a lesson without a browser: make run LESSON=01_pets DATA=pets
	@$(bin)/course run "$(LESSON)" $(if $(DATA),--data "$(DATA)")

test: $(ready) ## every check there is, JOBS=2 at a time; T="-k layout" picks some
	$(bin)/python -m pytest tests -ra --durations=10 -n $(JOBS) --dist worksteal $(T)

quick: $(ready) ## for the person who edits: no browser, no lessons, and of the notebooks those that git calls changed
	$(bin)/python -m pytest tests -ra -q --quick -n $(JOBS) --dist worksteal $(T)

nightly: test ## make test, then the measurements that take long (COURSE_TEST_DATA names the folder of real samples)
	$(bin)/python benchmarks/transfer.py
	$(bin)/python benchmarks/finetune.py
	$(bin)/python benchmarks/sliders.py
	$(bin)/python benchmarks/classifiers.py
	$(bin)/python benchmarks/checks.py
	$(bin)/python -m pytest tests/test_notebooks.py -k other_answers --every-answer -n $(JOBS) --dist worksteal

readme: $(ready) ## README.md from nbs/index.ipynb
	$(bin)/python scripts/readme.py

minutes: $(ready) ## how long each lesson takes, calculated and written into it and README.md
	$(bin)/python scripts/minutes.py
	$(bin)/python scripts/readme.py

outputs: $(ready) ## run again the notebooks whose outputs are committed; NB=nbs/lessons/01_pets.ipynb picks one
	$(bin)/python scripts/outputs.py $(NB)

docs: $(ready) ## the docs site, in _docs/ (its pages in _proc/ without Quarto 1.7.34, the site with it)
	$(bin)/python scripts/docs.py

# Made once; made again only when settings.ini or setup.py change: what a learner needs, or all that the tests need as well.
# torch and torchvision must come from one index.
$(learner): settings.ini setup.py
	$(call install,lab)
	@touch $(learner)

$(ready): settings.ini setup.py
	$(call install,dev)
	@if test -d .git; then $(bin)/nbdev_install_hooks; fi
	@touch $(ready) $(learner)

define install
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.10 or newer (Debian, Ubuntu: sudo apt install python3-venv), or name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is older than 3.10: install a newer Python and name it, for example make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments yet: run  sudo apt install python3-venv  and then this again."; exit 1; }
	@test -x $(bin)/pip || { echo "Making $(VENV) and installing into it: some minutes, and about 5 GB on Linux."; $(PYTHON) -m venv $(VENV); }
	$(if $(TORCH_INDEX),$(bin)/python -m pip install torch torchvision --index-url $(TORCH_INDEX))
	$(bin)/python -m pip install -e ".[$(1)]"
	@$(bin)/python -c 'import torchvision' || { echo "torch and torchvision do not fit together: remove $(VENV) and run this again, so that both come from one index."; exit 1; }
endef
