# Random packets sealed by the provider and by every code of ipsec-mb that the CPU can run, against OpenSSL.
NAME := crypto-soak
SRCS := main.c
DEPS := protect
