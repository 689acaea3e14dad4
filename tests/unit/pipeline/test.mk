# The rig and the service of these tests; echo.c belongs to a program, so the rig includes it.
SRCS := rig.c client.c
DEPS := pipeline worker delivery service dpio runtime quantum wire fec crypto crypto_null base
PKGS := libcyaml
LIBS := -lisal -lrte_net_ring
FLAGS := -Iapp/aetherflowd
