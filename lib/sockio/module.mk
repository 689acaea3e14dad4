SRCS := sockio.c
DEPS := base
KIND := posix
