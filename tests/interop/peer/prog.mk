# One end of a Quantum connection, driven line by line over stdin and stdout by tests/interop/run.
NAME := interop-peer
SRCS := main.c world.c line.c
DEPS := base wire crypto quantum protect
