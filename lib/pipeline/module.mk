SRCS := lcore.c conf.c rx.c tx.c conns.c acks.c strays.c events.c mesh.c budget.c audit.c handshaker.c text.c timer_wheel.c
DEPS := base runtime wire fec crypto protect quantum dpio delivery
KIND := dpdk
PKGS := libcyaml
