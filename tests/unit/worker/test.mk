DEPS := worker service delivery dpio runtime base
PKGS := libcyaml
LIBS := -lrte_net_ring
