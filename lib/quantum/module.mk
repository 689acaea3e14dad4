SRCS := $(sort $(notdir $(wildcard lib/quantum/src/*.c)))
DEPS := base wire fec crypto
KIND := pure
