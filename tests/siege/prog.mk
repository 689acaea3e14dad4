# Named attacks, moves and rotations on the real engine with real protection, in virtual time; see README.md.
NAME := siege
SRCS := main.c arena.c arena_net.c handshake.c tokens.c paths.c rotation.c hostile.c attacks.c
DEPS := quantum fec protect rng_fixed crypto crypto_null wire base
FLAGS := -Ilib/quantum/src
