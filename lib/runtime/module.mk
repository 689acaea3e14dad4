SRCS := text.c metrics.c log.c command.c config.c config_index.c config_schema.c module.c
DEPS := base
KIND := posix
PKGS := libcyaml yaml-0.1
LIBS :=
