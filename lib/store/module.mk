# Implementations of storeif. The memory log; durable engines come beside it.
SRCS :=
DEPS := base storeif
KIND := posix
