DEPS := wire
SRCS := describe.c
