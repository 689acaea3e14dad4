NAME := aether-link
SRCS := main.c options.c port.c frame.c
DEPS := base link
FLAGS := -D_GNU_SOURCE
