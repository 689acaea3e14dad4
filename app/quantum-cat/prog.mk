NAME := quantum-cat
SRCS := main.c options.c ticket.c stream.c dial.c serve.c
DEPS := client protect crypto
FLAGS := -D_GNU_SOURCE
