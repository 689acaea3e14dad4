DEPS := client crypto_null
SRCS := rig.c
