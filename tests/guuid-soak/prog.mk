# Ids from several threads: unique over all, ascending in each; ns per id.
NAME := guuid-soak
SRCS := main.c
DEPS := base
