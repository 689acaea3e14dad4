# Floods and forgeries against a live appliance on net_ring; see README.md.
NAME := flood
SRCS := main.c syn.c syn_host.c forged.c tests/bench/appliance.c tests/bench/crowd.c tests/bench/forge.c \
	tests/bench/protection.c tests/bench/providers.c tests/bench/refuse.c tests/bench/security.c \
	tests/bench/report.c app/aetherflowd/echo.c
DEPS := base quantum wire fec crypto protect runtime service dpio delivery pipeline worker
PKGS := libcrypto
LIBS := -lIPSec_MB -lisal -lrte_net_ring
FLAGS := -D_GNU_SOURCE -Itests/bench -Iapp/aetherflowd
