# Our parts beside their peers, interleaved in one run; see docs/benchmarks.md.
NAME := bench
SRCS := main.c report.c engine.c engine_quantum.c engine_usrsctp.c engine_enet.c lookup.c fec.c \
	text.c guuid.c protection.c providers.c rx.c crowd.c forge.c refuse.c security.c testpmd.c appliance.c peer.c \
	tests/text-soak/trace.c tests/text-soak/soak_gen.c app/aetherflowd/echo.c
DEPS := quantum fec text json base wire crypto protect dpio runtime service delivery \
	pipeline worker
PKGS := jansson zlib libcrypto
LIBS := -lIPSec_MB -lusrsctp -lenet -lisal -lrte_net_ring
FLAGS := -D_GNU_SOURCE -Itests/text-soak -Iapp/aetherflowd
