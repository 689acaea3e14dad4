SRCS := pool.c guuid.c hist.c siphash.c rangeset.c err.c
DEPS :=
KIND := pure
