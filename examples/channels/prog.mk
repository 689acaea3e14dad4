NAME := example-channels
SRCS := main.c
DEPS := client
