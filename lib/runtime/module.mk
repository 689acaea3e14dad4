SRCS :=
DEPS := base
KIND := posix
PKGS := libcyaml yaml-0.1
LIBS :=
