SRCS := net.c net_reply.c net_tx.c net_text.c neigh.c
DEPS := base runtime
KIND := dpdk
PKGS := libcyaml
LIBS := -lrte_net_ring
