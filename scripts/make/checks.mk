# SPDX-License-Identifier: BSD-3-Clause
# Targets of `make check`, and the tools around it: tidy, format, compdb, release.

# One folder of its own, so that a check never disturbs what somebody is building.
CHECK_B := build/check
comma := ,
empty :=
space := $(empty) $(empty)
commas = $(subst $(space),$(comma),$(strip $1))

ALL_MODULES := $(MODULES) $(SUPPORT)
HEADER_ONLY := $(foreach m,$(MODULES),$(if $($m_OBJS),,$m))
PURE := $(foreach m,$(MODULES),$(if $(filter pure,$($m_KIND)),$(if $($m_OBJS),$m)))
GENERATED := $(foreach m,$(MODULES),$($m_PB))

check: ## format, source rules, pure core, headers, module graph, spec clauses, shell, YAML; and that each can fail
	@rc=0; for t in check-format check-source check-pure check-headers check-deps check-spec check-shell test-checks; do \
	  $(MAKE) --no-print-directory -s $$t && echo "ok   $$t" || { echo "FAIL $$t"; rc=1; }; done; \
	exit $$rc

check-format:
	@clang-format --dry-run -Werror $$(git ls-files '*.[ch]')

check-source:
	@scripts/check-source

# The release flavour only: sanitizers and assertions add symbols of their own.
check-pure:
	@$(MAKE) --no-print-directory -s -j$(JOBS) FLAVOUR=release PLANT=0 B=$(CHECK_B) check-pure-run
check-pure-run: $(PURE:%=$B/lib%.a)
	@scripts/check-pure $B $(or $(call commas,$(PURE)),-) $(or $(call commas,$(HEADER_ONLY)),-) \
	  $(foreach m,$(PURE),$m=$(call commas,$(call closure,$m)))
	@scripts/check-source --rule pure --rule heap

# Each public and private header compiles alone, twice in a row, with the flags of its module.
check-headers:
	@$(MAKE) --no-print-directory -s -j$(JOBS) FLAVOUR=release PLANT=0 B=$(CHECK_B) check-headers-run
check-headers-run: $(ALL_MODULES:%=check-headers-%)
	@echo "check-headers: $(words $(foreach m,$(ALL_MODULES),$(wildcard $($m_DIR)/api/$m/*.h $($m_DIR)/src/*_priv.h))) headers compile alone with gcc and clang"
define check_headers
check-headers-$1: $$($1_PB)
	@for h in $$(wildcard $2/api/$1/*.h $2/src/*_priv.h); do \
	  for cc in gcc clang; do \
	    printf '#include "%s"\n#include "%s"\nextern int check_headers;\n' "$$$$PWD/$$$$h" "$$$$PWD/$$$$h" | \
	    $$$$cc $$($1_STD) $$(WARN) $$(CFLAGS) $$($1_INC) -I$2/src -x c -fsyntax-only - || \
	    { echo "$$$$h:1: does not compile alone with $$$$cc; instead: include what it uses"; exit 1; }; \
	  done; done
.PHONY: check-headers-$1
endef
$(foreach m,$(ALL_MODULES),$(eval $(call check_headers,$m,$($m_DIR))))

check-deps:
	@scripts/check-deps

check-spec:
	@scripts/check-spec --quiet
spec-list: ## clauses of the specification that code or tests do not cite yet
	@scripts/check-spec

check-shell:
	@scripts/check-shell

test-checks: ## plant one fault per check in a copy of the tree and see it refused
	@scripts/test-checks

format: ## clang-format in place, over all committed C files
	@clang-format -i $$(git ls-files '*.[ch]')

compdb: ## compile_commands.json for clangd
	@rm -rf build/compdb
	@bear --output compile_commands.json -- $(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=test B=build/compdb test-programs all

# ---- clang-tidy: one stamp per file, so that only what changed is judged again --------------------
define tidy_module
$(foreach s,$($1_SRCS),build/tidy/$2/src/$s.ok): build/tidy/%.ok: % .clang-tidy $$(wildcard $2/src/*.h $2/api/$1/*.h) $$(foreach d,$$($1_DEPS),$$(wildcard $$($$d_DIR)/api/$$d/*.h)) $$($1_PB)
	@mkdir -p $$(@D)
	@echo "  TIDY $$<"
	@clang-tidy --quiet $$< -- $$($1_STD) $$(CFLAGS) $$($1_INC) 2>$$@.log || { cat $$@.log; exit 1; }
	@touch $$@
TIDY += $(foreach s,$($1_SRCS),build/tidy/$2/src/$s.ok)
endef
$(foreach m,$(ALL_MODULES),$(eval $(call tidy_module,$m,$($m_DIR))))
# A file of two programs is judged with the flags of the first.
define tidy_program
$(filter-out $(TIDY),$(patsubst $B/obj/$1/%.o,build/tidy/%.c.ok,$(filter $B/obj/$1/app/% $B/obj/$1/examples/%,$($1_OBJS)))): build/tidy/%.ok: % .clang-tidy
	@mkdir -p $$(@D)
	@echo "  TIDY $$<"
	@clang-tidy --quiet $$< -- $$($1_FLAGS) $$(CFLAGS) 2>$$@.log || { cat $$@.log; exit 1; }
	@touch $$@
TIDY += $(filter-out $(TIDY),$(patsubst $B/obj/$1/%.o,build/tidy/%.c.ok,$(filter $B/obj/$1/app/% $B/obj/$1/examples/%,$($1_OBJS))))
endef
$(foreach p,$(PROGS),$(eval $(call tidy_program,$p)))

tidy: ## clang-tidy over lib, app and examples, two at a time, a stamp per file
	@$(MAKE) --no-print-directory -s -k -j$(JOBS) FLAVOUR=test PLANT=0 B=build/tidy/gen tidy-run
tidy-run: $(TIDY)
	@echo "tidy: $(words $(TIDY)) files are clean"

# ---- release -------------------------------------------------------------------------------------
RELEASE_PROGS ?= $(PROGS)
release: ## build, and refuse a program that links what only tests may use, naming the object
	@$(MAKE) --no-print-directory -s -j$(JOBS) RELEASE=1 FLAVOUR=release PLANT=0 B=build/release-check $(RELEASE_PROGS:%=build/release-check/%)
	@scripts/check-release build/release-check $(RELEASE_PROGS:%=build/release-check/%)

.PHONY: check-pure-run check-headers-run tidy-run spec-list test-checks
