SRCS := $(sort $(notdir $(wildcard lib/client/src/*.c)))
DEPS := base wire fec crypto protect quantum sockio
KIND := posix
