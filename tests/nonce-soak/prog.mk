# No key ever seals twice under one number: loss, key updates, rebinds, restarts, the ends of the number space.
NAME := nonce-soak
SRCS := main.c guard.c model.c
DEPS := protect
