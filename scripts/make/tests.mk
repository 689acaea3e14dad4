# SPDX-License-Identifier: BSD-3-Clause
# Targets that run something: tests, sanitizers, simulator, fuzz, planted bugs, lab, bench.

JOBS ?= $(shell nproc)
SUB = $(MAKE) --no-print-directory -s -j$(JOBS)
have = $(filter $1,$(TEST_PROGS) $(PROGS))
need = $(if $(call have,$1),,@echo "make $@: program '$1' is not in this tree ($2)"; exit 1)

# ---- the suite: unit programs, then the long-running programs that exist ---------------------------
SIM_SEEDS      ?= 200
EQUAL_SEEDS    ?= 20
TEXT_SOAK_ARGS ?= $(if $(filter test release,$(FLAVOUR)),--pairs 1000000 --sessions 200,--pairs 30000 --sessions 20)
PROTECT_SEALS  ?= $(if $(filter test release,$(FLAVOUR)),100000,20000)
# It stops and dumps a child, which is larger and slower under a sanitizer.
SECRETS := $(if $(filter test release,$(FLAVOUR)),$(call have,secrets))
# It stands where the sanitizers stand, in front of malloc.
STEADY := $(if $(filter test release,$(FLAVOUR)),$(call have,steady))
# ipsec-mb and two busy threads: no place for a sanitizer. Counts only, so that load does not matter.
FLOOD := $(if $(filter test release,$(FLAVOUR)),$(call have,flood))
CLI_TESTS := $(sort $(wildcard tests/cli/*.sh))
# The second implementation against the C one behind a pipe, and against quantum-cat over loopback.
INTEROP := $(if $(filter test asan ubsan,$(FLAVOUR)),$(if $(call have,interop-peer),tests/interop/run))
SUITE_EXTRA := $(if $(call have,sim),'$B/sim --seeds $(SIM_SEEDS)') \
	$(if $(call have,equal),'$B/equal --seeds $(EQUAL_SEEDS)') \
	$(if $(call have,siege),'$B/siege') \
	$(if $(call have,text-soak),'$B/text-soak $(TEXT_SOAK_ARGS)') \
	$(if $(call have,guuid-soak),'$B/guuid-soak $(if $(filter test release,$(FLAVOUR)),,--ids 500000)') \
	$(if $(call have,crypto-soak),'$B/crypto-soak --seals $(PROTECT_SEALS)') \
	$(if $(call have,nonce-soak),'$B/nonce-soak --seals $(PROTECT_SEALS)0 --restarts 11') \
	$(if $(call have,replay-soak),'$B/replay-soak --packets $(PROTECT_SEALS)') \
	$(if $(STEADY),'$B/steady --packets 100000') $(addprefix $B/,$(SECRETS)) \
	$(if $(FLOOD),'$B/flood syn --counts --sessions 64 --rounds 1 --ms 500' '$B/flood strangers --counts --sessions 64 --rounds 1 --ms 500' '$B/flood forged --counts --sessions 64 --packets 60000')
# Corpora of the fuzz targets, without the fuzzer.
REPLAYS := $(foreach f,$(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c))),$(if $(wildcard tests/fuzz/corpus/$f/*),$f))
SUITE_EXTRA += $(foreach f,$(REPLAYS),'$B/replay-$f tests/fuzz/corpus/$f')
# What the suite runs is what is built for it: the programs are taken from its command lines.
SUITE_PROGS := $(UNIT_PROGS) $(sort $(filter $B/%,$(subst ',,$(SUITE_EXTRA)))) $(if $(INTEROP),$B/interop-peer $B/quantum-cat)
# DPDK's rings are lock-free in ways ThreadSanitizer cannot see; these programs share memory in C11 terms.
TSAN_PROGS := $(filter $(addprefix $B/unit-,base client control protect sockio runtime text),$(UNIT_PROGS)) \
	$(addprefix $B/,$(call have,guuid-soak))

test: ## build and run the tests (installs what is missing first)
	@scripts/deps --quiet
	@$(SUB) FLAVOUR=test test-programs $(if $(CLI_TESTS),all)
	@$(SUB) -j1 FLAVOUR=test run-suite

test-programs: $(SUITE_PROGS)
list-tests:
	@echo $(UNIT_PROGS)
run-suite: test-programs
	@B=$B scripts/run-tests $(UNIT_PROGS) $(SUITE_EXTRA) $(INTEROP) $(if $(filter test,$(FLAVOUR)),$(CLI_TESTS))
run-tsan: $(TSAN_PROGS)
	@B=$B scripts/run-tests $(TSAN_PROGS)

asan: ## the suite under AddressSanitizer and LeakSanitizer (gcc)
	@$(SUB) FLAVOUR=asan test-programs
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 $(SUB) -j1 FLAVOUR=asan run-suite
ubsan: ## the suite under UndefinedBehaviorSanitizer (gcc)
	@$(SUB) FLAVOUR=ubsan test-programs
	@UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 $(SUB) -j1 FLAVOUR=ubsan run-suite
tsan: ## the programs with threads of our own under ThreadSanitizer (clang)
	@TSAN_OPTIONS=halt_on_error=1 $(SUB) FLAVOUR=tsan run-tsan

# ---- simulator -----------------------------------------------------------------------------------
SEED ?= 1
sim: ## one simulator run, verbose: make sim SEED=n
	$(call need,sim,tests/sim)
	@case '$(SEED)' in ''|*[!0-9]*) echo "make sim: SEED=$(SEED) is not a number"; exit 1;; esac
	@$(SUB) FLAVOUR=test build/test/sim B=build/test
	build/test/sim --seed $(SEED) --verbose

soak-%: ## a long scenario, resumable: make soak-NAME runs scripts/soak/NAME
	@test -x scripts/soak/$* || { echo "make $@: no such soak; there are:" scripts/soak/*; exit 1; }
	@mkdir -p build/soak/$*
	@scripts/soak/$* build/soak/$*

# ---- fuzzing: tests/fuzz/NAME_fuzz.c, modules in tests/fuzz/fuzz.mk ---------------------------------
include tests/fuzz/fuzz.mk
FUZZ_TARGETS := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
$(foreach f,$(FUZZ_TARGETS),$(eval $(call program_rules,tests/fuzz,fuzz-$f,tests/fuzz/$f_fuzz.c $(FUZZ_$f_SRCS),$(or $(FUZZ_$f),$(firstword $(subst _, ,$f))),$(FUZZ_$f_PKGS),$(FUZZ_$f_LIBS) -fsanitize=fuzzer,-Itests $(FUZZ_$f_FLAGS))))
$(foreach f,$(FUZZ_TARGETS),$(eval $(call program_rules,tests/fuzz,replay-$f,tests/fuzz/$f_fuzz.c tests/fuzz/replay.c $(FUZZ_$f_SRCS),$(or $(FUZZ_$f),$(firstword $(subst _, ,$f))),$(FUZZ_$f_PKGS),$(FUZZ_$f_LIBS),-Itests $(FUZZ_$f_FLAGS))))
# Comparisons are traced where bytes are decoded. The engine behind the tag is reached by grammar, and its
# stand-in for cryptography is no target: tracing them there would cost half of the executions.
ifeq ($(FLAVOUR),fuzz)
$B/lib/base/src/siphash.o $(crypto_null_OBJS): CFLAGS += -fno-sanitize=undefined
$B/lib/base/src/siphash.o $(crypto_null_OBJS) $(quantum_OBJS) $(FUZZ_TARGETS:%=$B/obj/fuzz-%/tests/fuzz/rig.o): \
	CFLAGS += -fno-sanitize-coverage=trace-cmp
endif
T ?= 60
FUZZ ?= $(FUZZ_TARGETS)
fuzz: ## libFuzzer with ASan and UBSan: make fuzz FUZZ=name T=60; without FUZZ each target for T seconds
	@$(SUB) FLAVOUR=fuzz $(if $(filter command line,$(origin B)),,B=build/fuzz) fuzz-build FUZZ="$(FUZZ)"
	@scripts/run-fuzz $(if $(filter command line,$(origin B)),$B,build/fuzz) $(T) $(FUZZ)
fuzz-build: $(FUZZ:%=$B/fuzz-%) $(FUZZ:%=$B/replay-%)
fuzz-keep: ## fold new inputs of the last runs into tests/fuzz/corpus, smallest set: make fuzz-keep FUZZ=name
	@scripts/run-fuzz --keep build/fuzz $(FUZZ)

# ---- planted bugs: AEF_PLANT=n is compiled in, and some test must notice ---------------------------
PLANTED := $(sort $(foreach m,$(MODULES) $(SUPPORT),$(if $(shell grep -rls 'AEF_PLANT' $($m_DIR)/src $($m_DIR)/api 2>/dev/null),$m)))
CANARY_UNITS := $(foreach u,$(UNIT),$(if $(filter $(PLANTED),$(unit-$u_CLOSURE)),$B/unit-$u))
CANARY_PROGS := $(CANARY_UNITS) $(addprefix $B/,$(call have,sim))
canary-programs: $(CANARY_PROGS)
list-canary:
	@for p in $(CANARY_UNITS) $(if $(call have,sim),"$B/sim --canary"); do echo "$$p"; done
canary: ## planted bug n must make a test fail within 60 s: make canary PLANT=n; without PLANT all of them
	@JOBS=$(JOBS) scripts/canary $(if $(filter command line environment,$(origin PLANT)),$(PLANT))

# ---- coverage --------------------------------------------------------------------------------------
COVER_MIN ?=
coverage: ## lines and branches covered per module, worst first; COVER_MIN="wire quantum:90" is a gate
	@$(SUB) FLAVOUR=coverage test-programs
	@find build/coverage -name '*.gcda' -delete
	@$(SUB) -j1 FLAVOUR=coverage SIM_SEEDS=$(COVER_SEEDS) run-suite
	@COVER_MIN="$(COVER_MIN)" scripts/coverage build/coverage
COVER_SEEDS ?= 20

# What strangers' bytes pass through: by unit tests, golden vectors and fuzz corpora alone, each file by itself.
RECEIVE := wire/src/*.c crypto/src/*.c crypto/api/crypto/p*.h $(addprefix quantum/src/,conn_rx.c ack.c acktr.c recv_buf.c \
	chan.c window.c flow.c cid.c path.c handshake.c fec_block.c rtx.c rtx_detect.c conn.c server*.c)
RECEIVE_UNITS := unit-wire unit-crypto unit-quantum
RECEIVE_FUZZ  := quantum_conn handshake datagram frames token
receive-programs: $(addprefix $B/,$(RECEIVE_UNITS) $(RECEIVE_FUZZ:%=replay-%))
coverage-receive: ## the receive path: 95 % of lines, 90 % of branches of each file by unit, golden and corpus
	@$(SUB) FLAVOUR=coverage receive-programs
	@find build/coverage -name '*.gcda' -delete
	@B=build/coverage TEST_TIMEOUT=3000 scripts/run-tests $(RECEIVE_UNITS:%=build/coverage/%) \
		$(foreach f,$(RECEIVE_FUZZ),'build/coverage/replay-$f tests/fuzz/corpus/$f')
	@COVER_MIN="$(RECEIVE:%=%:95/90)" scripts/coverage build/coverage

# ---- what people look at ---------------------------------------------------------------------------
lab: ## the main job: editors on lossy links stay in sync (LAB_ARGS="--help" lists the options)
	@scripts/deps --quiet
	$(call need,aether-lab,app/aether-lab)
	@$(SUB) FLAVOUR=release B=build/release build/release/aether-lab
	@build/release/aether-lab $(LAB_ARGS)
lab-net: ## real binaries in two network namespaces over a veth pair (root)
	@test $$(id -u) -eq 0 || { echo "make lab-net: needs root, for network namespaces"; exit 1; }
	@test -n "$(wildcard tests/lab/*.sh)" || { echo "make lab-net: tests/lab holds no script"; exit 1; }
	@$(SUB) FLAVOUR=release B=build/release all build/release/badsum build/release/quantum-pcap
	@B=build/release scripts/run-tests $(sort $(wildcard tests/lab/*.sh))
bench: ## engine, look-up, FEC, text and receive path beside their peers; JSON in build/bench
	$(call need,bench,tests/bench)
	@mkdir -p build/bench
	@$(SUB) FLAVOUR=release B=build/release build/release/bench
	@build/release/bench --json build/bench/bench.json $(BENCH_ARGS)

ci: ## exactly what CI runs
	@.ci/run

.PHONY: coverage-receive receive-programs list-tests list-canary run-suite run-tsan canary-programs fuzz-keep
