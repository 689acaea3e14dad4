DEPS := client protect
SRCS := rig.c
