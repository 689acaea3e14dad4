# A million packets without an allocation, a system call or a copy too many; see main.c.
NAME := steady
SRCS := main.c watch.c service.c tests/bench/appliance.c tests/bench/peer.c tests/bench/protection.c
DEPS := base quantum wire fec crypto protect service dpio delivery pipeline worker
PKGS := libseccomp libcrypto
LIBS := -lIPSec_MB -lisal -lrte_net_ring -Wl,--wrap=memcpy,--wrap=memmove,--wrap=rte_malloc,--wrap=rte_zmalloc,--wrap=rte_calloc,--wrap=rte_realloc
FLAGS := -D_GNU_SOURCE -Itests/bench
