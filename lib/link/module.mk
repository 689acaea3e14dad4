SRCS := link.c conf.c
DEPS := base
KIND := pure
