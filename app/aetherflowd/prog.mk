# The appliance: poll-mode transport lcores, worker lcores, one configuration file.
NAME := aetherflowd
SRCS := main.c modules.c conf.c lcores.c services.c stats.c describe.c echo.c audit.c keys.c \
	control.c app/aetherctl/want.c
DEPS := base runtime crypto protect control client dpio delivery quantum pipeline service worker \
	docmsg msg storeif store text json statesync
PKGS := libcyaml
LIBS := -lisal -lrte_net_ring
FLAGS := -D_GNU_SOURCE -Iapp/aetherctl
