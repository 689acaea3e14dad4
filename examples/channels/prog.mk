NAME := example-channels
SRCS := main.c
DEPS := client crypto_null
