# SPDX-License-Identifier: BSD-3-Clause
# The only entry point; `make help` lists the targets.
#
# A module is lib/<m>/module.mk (SRCS, DEPS, KIND, PKGS, LIBS), a program is a prog.mk (NAME, SRCS,
# DEPS, PKGS, LIBS) under app/, examples/ or tests/; unit tests are found by name. Include paths are
# built from DEPS alone, so a module cannot include what it does not declare. A module under
# tests/support is for tests only: nothing in lib/, app/ and examples/ may name it.

FLAVOUR ?= release
PLANT   ?= 0
B       ?= build/$(FLAVOUR)
V       ?= 0
Q       := $(if $(filter 1,$V),,@)
SHELL   := /bin/bash
AR      := ar
VERSION := $(shell cat VERSION)

OPT_release  := -O2 -g
OPT_test     := -O2 -g -DAEF_ASSERT_HOT
OPT_canary   := -O2 -g -DAEF_ASSERT_HOT
OPT_asan     := -O1 -g -DAEF_ASSERT_HOT -fsanitize=address -fno-omit-frame-pointer
OPT_ubsan    := -O1 -g -DAEF_ASSERT_HOT -fsanitize=undefined -fno-sanitize-recover=undefined
OPT_tsan     := -O1 -g -DAEF_ASSERT_HOT -fsanitize=thread
OPT_fuzz     := -O1 -g -DAEF_ASSERT_HOT -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# Threads count in the same words: without atomic counts some come out negative and no tool reads them.
OPT_coverage := -O0 -g -DAEF_COVERAGE --coverage -fprofile-update=atomic
LD_asan      := -fsanitize=address
LD_ubsan     := -fsanitize=undefined
LD_tsan      := -fsanitize=thread
LD_fuzz      := -fsanitize=address,undefined
LD_coverage  := --coverage
ifeq ($(OPT_$(FLAVOUR)),)
$(error FLAVOUR must be release, test, canary, asan, ubsan, tsan, fuzz or coverage, not $(FLAVOUR))
endif
ifneq ($(filter tsan fuzz,$(FLAVOUR)),)
CC := clang
endif

CFLAGS ?= $(OPT_$(FLAVOUR))
CFLAGS += -DAEF_PLANT=$(PLANT) -fno-strict-aliasing -fstack-protector-strong
LDFLAGS += $(LD_$(FLAVOUR))
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Werror

.DELETE_ON_ERROR:
.SECONDARY:
all:

# ---- modules ---------------------------------------------------------------------------------
# Simple variables, so that += takes the value of NAME at that moment.
ARCHIVES :=
PROGS :=
TEST_PROGS :=
UNIT_PROGS :=
MODULES := $(patsubst lib/%/module.mk,%,$(wildcard lib/*/module.mk))
SUPPORT := $(patsubst tests/support/%/module.mk,%,$(wildcard tests/support/*/module.mk))
dir_of   = $(if $(filter $1,$(SUPPORT)),tests/support/$1,lib/$1)
api_of   = $(foreach m,$1,-I$(call dir_of,$m)/api)
# System headers: their warnings are not ours.
pkg_cflags = $(if $1,$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $1 2>/dev/null)))
pkg_libs   = $(if $1,$(shell pkg-config --libs $1 2>/dev/null))
DPDK_CFLAGS := $(call pkg_cflags,libdpdk)
DPDK_LIBS   := $(call pkg_libs,libdpdk)

# A release holds nothing that only tests may use: $1 = file, $2 = the modules that it names.
no_support = $(if $(filter $(SUPPORT),$2),$(error $1 names $(filter $(SUPPORT),$2), which is for tests only))

# $1 = name, $2 = folder
define module
SRCS :=
DEPS :=
KIND :=
PKGS :=
LIBS :=
PROTOS :=
include $2/module.mk
$$(if $$(filter lib/%,$2),$$(call no_support,$2/module.mk,$$(DEPS)))
$1_DIR  := $2
$1_SRCS := $$(SRCS)
$1_DEPS := $$(DEPS)
$1_KIND := $$(KIND)
$1_PKGS := $$(PKGS)
$1_LIBS := $$(LIBS)
$1_PB   := $$(PROTOS:%.proto=$B/gen/%.pb-c.c)
$1_OBJS := $$(patsubst %.c,$B/$2/src/%.o,$$(SRCS)) $$(patsubst %.c,%.o,$$($1_PB))
$1_INC  := $$(call api_of,$1 $$(DEPS)) $$(if $$(PROTOS),-I$B/gen)
$1_STD  := $$(if $$(filter pure,$$(KIND)),-std=c17 -Wpedantic,-std=gnu17)
$1_STD  += $$(if $$(filter dpdk,$$(KIND)),$$(DPDK_CFLAGS)) $$(call pkg_cflags,$$(PKGS))
$$(patsubst %.c,$B/$2/src/%.o,$$(SRCS)): $B/%.o: %.c $$($1_PB) | $(B)/flavour
	@mkdir -p $$(@D)
	$$(if $$Q,@echo "  CC   $$<")
	$$Q$$(CC) $$($1_STD) $$(WARN) $$(CFLAGS) $$($1_INC) -MMD -MP -c $$< -o $$@
$$(if $$(filter lib/%,$2),$$(if $$(SRCS)$$(PROTOS),$$(eval ARCHIVES += $B/lib$1.a)))
$B/lib$1.a: $$($1_OBJS) $2/module.mk
	@mkdir -p $$(@D)
	$$Qrm -f $$@; $$(AR) rcs $$@ $$($1_OBJS)
endef
$(foreach m,$(MODULES) $(SUPPORT),$(eval $(call module,$m,$(call dir_of,$m))))

# Everything a list of modules needs, itself included.
closure = $(sort $1 $(foreach m,$1,$(call closure,$($m_DEPS))))

$B/flavour:
	@mkdir -p $B && touch $@

# protobuf-c output is built, never committed; warnings of generated code are not ours.
$B/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(if $Q,@echo "  PB   $<")
	$Qprotoc-c --proto_path=proto --c_out=$(@D) $<
$B/gen/%.pb-c.o: $B/gen/%.pb-c.c
	$Q$(CC) -std=gnu17 -w $(CFLAGS) -I$B/gen -c $< -o $@

# ---- programs --------------------------------------------------------------------------------
# $1 = directory, $2 = name, $3 = sources (paths), $4 = modules, $5 = pkgs, $6 = libs, $7 = extra flags
# Test-only archives come first: one may stand in for a function of another module.
define program_rules
$2_CLOSURE := $$(call closure,$4)
$2_OBJS := $$(patsubst %.c,$B/obj/$2/%.o,$3)
$2_FLAGS := -std=gnu17 -I$1 $7 $$(call api_of,$$($2_CLOSURE)) \
	$$(if $$(filter dpdk,$$(foreach m,$$($2_CLOSURE),$$($$m_KIND))),$$(DPDK_CFLAGS)) $$(call pkg_cflags,$5) -DAEF_VERSION='"$(VERSION)"'
$2_ARCHIVES := $$(foreach m,$$(filter $(SUPPORT),$$($2_CLOSURE)) $$(filter-out $(SUPPORT),$$($2_CLOSURE)),$$(if $$($$m_OBJS),$B/lib$$m.a))
$2_LINK := -Wl,--start-group $$($2_ARCHIVES) -Wl,--end-group \
	$$(if $$(filter dpdk,$$(foreach m,$$($2_CLOSURE),$$($$m_KIND))),$$(DPDK_LIBS)) \
	$$(call pkg_libs,$$(sort $5 $$(foreach m,$$($2_CLOSURE),$$($$m_PKGS)))) \
	$$(sort $6 $$(foreach m,$$($2_CLOSURE),$$($$m_LIBS))) -lm -lpthread
$$($2_OBJS): $B/obj/$2/%.o: %.c | $B/flavour
	@mkdir -p $$(@D)
	$$(if $$Q,@echo "  CC   $$<")
	$$Q$$(CC) $$($2_FLAGS) $$(WARN) $$(CFLAGS) -MMD -MP -c $$< -o $$@
$B/$2: $$($2_OBJS) $$($2_ARCHIVES) $(wildcard $1/prog.mk)
	$$(if $$Q,@echo "  LD   $$@")
	$$Q$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$($2_OBJS) $$($2_LINK)
endef

define program
NAME :=
SRCS :=
DEPS :=
PKGS :=
LIBS :=
FLAGS :=
include $1/prog.mk
$(if $(filter tests/%,$1),,$$(call no_support,$1/prog.mk,$$(DEPS)))
$(if $(filter tests/%,$1),TEST_PROGS += $$(NAME),PROGS += $$(NAME))
$$(eval $$(call program_rules,$1,$$(NAME),$$(foreach s,$$(SRCS),$$(if $$(findstring /,$$s),$$s,$1/$$s)),$$(DEPS),$$(PKGS),$$(LIBS),$$(FLAGS)))
endef
$(foreach p,$(patsubst %/prog.mk,%,$(wildcard app/*/prog.mk examples/*/prog.mk tests/*/prog.mk tests/*/*/prog.mk)),$(eval $(call program,$p)))

# ---- unit tests: one program per folder of tests/unit, suites found by file name -----------------
UNIT := $(sort $(patsubst tests/unit/%/,%,$(dir $(wildcard tests/unit/*/*_test.c))))
define unit
DEPS := $(filter $1,$(MODULES) $(SUPPORT))
PKGS :=
LIBS :=
FLAGS :=
SRCS :=
-include tests/unit/$1/test.mk
UNIT_FILES_$1 := $(sort $(wildcard tests/unit/$1/*_test.c))
$B/gen/unit/$1_main.c: $$(UNIT_FILES_$1) scripts/gen-unit-main
	@mkdir -p $$(@D)
	@scripts/gen-unit-main $$(UNIT_FILES_$1) >$$@
$$(eval $$(call program_rules,tests/unit/$1,unit-$1,$$(UNIT_FILES_$1) $$(addprefix tests/unit/$1/,$$(SRCS)),$$(DEPS),check jansson zlib $$(PKGS),$$(LIBS),-Itests/unit -Itests $$(addprefix -I,$$(wildcard $(call dir_of,$1)/src)) $$(FLAGS)))
$B/unit-$1: $B/gen/unit/$1_main.o
$B/gen/unit/$1_main.o: $B/gen/unit/$1_main.c tests/unit/harness.h
	$$Q$$(CC) $$(unit-$1_FLAGS) $$(CFLAGS) -c $$< -o $$@
unit-$1_OBJS += $B/gen/unit/$1_main.o
UNIT_PROGS += $B/unit-$1
endef
$(foreach u,$(UNIT),$(eval $(call unit,$u)))

# ---- what people type ------------------------------------------------------------------------
.PHONY: all deps test unit lab lab-net check check-format check-source check-pure check-headers \
	check-deps check-spec check-shell tidy asan ubsan tsan fuzz sim canary bench coverage \
	release format compdb ci help clean app docs helm proto tests fuzz-build test-programs

all: $(ARCHIVES) $(PROGS:%=$B/%) ## programs and libraries into build/release

deps: ## install what building and testing needs (Debian packages; says what)
	@scripts/deps

unit: $(UNIT_PROGS)

help: ## this table
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n",$$1,$$2}' $(MAKEFILE_LIST) | sort -u

clean: ## remove build/
	rm -rf build

include scripts/make/tests.mk
include scripts/make/checks.mk

-include $(shell find $B -name '*.d' 2>/dev/null)
