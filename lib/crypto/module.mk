# Pure side of packet protection: the provider interface, key epochs, replay window, token layout.
SRCS := wipe.c token.c epoch.c replay.c
DEPS := base
KIND := pure
