SRCS := pool.c guuid.c hist.c siphash.c rangeset.c err.c heap.c sha256.c
DEPS :=
KIND := pure
