SRCS := header.c frame.c handshake.c
DEPS := base
KIND := pure
