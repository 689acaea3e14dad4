NAME := quantum-pcap
SRCS := main.c
DEPS := wire
