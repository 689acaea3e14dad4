SRCS := $(sort $(notdir $(wildcard lib/client/src/*.c)))
DEPS := base wire fec crypto quantum sockio
KIND := posix
