NAME := badsum
SRCS := main.c
DEPS := base
FLAGS := -D_GNU_SOURCE
