SRCS :=
DEPS := base runtime service delivery
KIND := dpdk
PKGS := libcyaml
