SRCS := json_read.c json_write.c
DEPS := base
KIND := pure
