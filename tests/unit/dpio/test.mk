SRCS := frames.c eal_fixture.c
DEPS := dpio runtime base
PKGS := libcyaml
