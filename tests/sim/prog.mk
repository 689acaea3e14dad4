# The real engine in virtual time; see README.md.
NAME := sim
SRCS := main.c opts.c plan.c world.c host.c oracle.c workload.c check.c tests/nonce-soak/guard.c
DEPS := quantum link crypto_null rng_fixed protect crypto wire base
FLAGS := -Itests/nonce-soak
