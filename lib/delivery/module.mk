SRCS := link.c desc.c idle.c clock.c
DEPS := base runtime
KIND := dpdk
PKGS := libcyaml
