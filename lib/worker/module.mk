SRCS := worker.c conns.c reply.c text.c slab.c
DEPS := base runtime service delivery
KIND := dpdk
PKGS := libcyaml
