SRCS :=
DEPS := base runtime
KIND := dpdk
PKGS := libcyaml
