# The pipeline over net_ring against the engine called directly: the same datagrams at the same times; see README.md.
NAME := equal
SRCS := main.c world.c client.c direct.c direct_app.c ring.c service.c tests/sim/opts.c tests/sim/plan.c
DEPS := quantum link rng_fixed protect crypto wire base service dpio delivery pipeline worker
LIBS := -lisal -lrte_net_ring
FLAGS := -Itests/sim
