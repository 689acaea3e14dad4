SRCS :=
DEPS := base runtime wire fec crypto quantum dpio delivery
KIND := dpdk
PKGS := libcyaml
