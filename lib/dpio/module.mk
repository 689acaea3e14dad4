SRCS := net.c net_reply.c net_tx.c net_text.c neigh.c conf.c eal.c pool.c port.c port_text.c iface_lock.c \
	burst.c stats.c dpio.c
DEPS := base runtime
KIND := dpdk
PKGS := libcyaml
LIBS := -lrte_net_ring
