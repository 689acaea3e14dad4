# A million sealed packets, each replayed three times: none is accepted again, none that is fresh is refused.
NAME := replay-soak
SRCS := main.c
DEPS := protect
