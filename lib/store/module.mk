# Implementations of storeif. The memory log; durable engines come beside it.
SRCS := mem.c mem_log.c
DEPS := base storeif
KIND := posix
