SRCS := conf_fixture.c
DEPS := runtime base
PKGS := libcyaml
