# Keys, tokens and audit logs on disk; any other command goes to a running program's control socket.
NAME := aetherctl
SRCS := main.c ring.c issue.c audit.c want.c
DEPS := base runtime json crypto protect control client
PKGS := libcyaml
LIBS := -lisal
FLAGS := -D_GNU_SOURCE
