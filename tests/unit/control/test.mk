SRCS := folder.c
DEPS := control json runtime base
PKGS := libcyaml
FLAGS := -D_GNU_SOURCE
