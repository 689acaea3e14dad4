DEPS := quantum crypto_null protect
SRCS := pair.c
