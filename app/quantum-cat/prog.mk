NAME := quantum-cat
SRCS := main.c options.c stream.c dial.c serve.c
DEPS := client crypto_null
FLAGS := -D_GNU_SOURCE
