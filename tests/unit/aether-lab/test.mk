# The files belong to a program, so the tests include them.
SRCS := lab_fixture.c
DEPS := base runtime wire link dpio protect quantum docmsg docclient msg json text
PKGS := libcyaml
FLAGS := -Iapp/aether-lab -D_GNU_SOURCE
