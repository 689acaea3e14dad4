# Random bytes from a seed in place of the system's: for tests only; scripts/check-release refuses it.
SRCS := rng_fixed.c
DEPS := base protect
KIND := posix
