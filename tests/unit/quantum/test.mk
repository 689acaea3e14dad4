DEPS := quantum crypto_null
SRCS := pair.c
