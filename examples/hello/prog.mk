NAME := example-hello
SRCS := main.c
DEPS := client
