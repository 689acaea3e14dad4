# SPDX-License-Identifier: BSD-3-Clause
# Targets that run something: tests, lab, fuzz, bench.

test: ## build and run the tests (installs what is missing first)
	@scripts/deps --quiet
	@$(MAKE) --no-print-directory FLAVOUR=test test-programs
	@scripts/run-tests $$($(MAKE) --no-print-directory -s FLAVOUR=test list-tests)

test-programs: $(UNIT_PROGS)
list-tests:
	@echo $(UNIT_PROGS)
.PHONY: list-tests
