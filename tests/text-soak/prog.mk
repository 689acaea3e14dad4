NAME := text-soak
SRCS := main.c soak_gen.c soak_pair.c soak_session.c trace.c
DEPS := base json text
PKGS := jansson zlib
