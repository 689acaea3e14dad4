NAME := quantum-pcap
SRCS := main.c capture.c talk.c
DEPS := wire crypto protect client keylog
