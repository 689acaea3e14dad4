# Our parts beside their peers, interleaved in one run; see docs/benchmarks.md.
NAME := bench
SRCS := main.c report.c engine.c engine_quantum.c engine_usrsctp.c engine_enet.c lookup.c fec.c \
	text.c guuid.c null_cost.c rx.c testpmd.c appliance.c peer.c \
	tests/text-soak/trace.c tests/text-soak/soak_gen.c app/aetherflowd/echo.c
DEPS := quantum fec text json base wire crypto crypto_null dpio runtime service delivery \
	pipeline worker
PKGS := jansson zlib
LIBS := -lusrsctp -lenet -lisal -lrte_net_ring
FLAGS := -D_GNU_SOURCE -Itests/text-soak -Iapp/aetherflowd
