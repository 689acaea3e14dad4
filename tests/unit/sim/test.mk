DEPS := quantum link crypto_null rng_fixed protect crypto wire base
SRCS := scene.c ../../sim/opts.c ../../sim/plan.c ../../sim/world.c ../../sim/host.c ../../sim/oracle.c \
	../../sim/workload.c ../../sim/check.c ../../nonce-soak/guard.c
FLAGS := -Itests/nonce-soak
