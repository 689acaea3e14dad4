# The file belongs to a program (two of them), so the test includes it.
DEPS := base runtime crypto protect client
PKGS := libcyaml
LIBS := -lisal
FLAGS := -Iapp/aetherctl -D_GNU_SOURCE
