SRCS :=
DEPS := base runtime
KIND := dpdk
PKGS := libcyaml
LIBS := -lrte_net_ring
