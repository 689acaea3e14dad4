NAME := aether-lab
SRCS := main.c options.c trace.c trace_file.c typing.c player.c client.c client_net.c host.c hub.c core.c \
	appliance.c direct.c direct_service.c lab.c figures.c table.c console.c verdict.c report.c
DEPS := base runtime wire crypto protect quantum link dpio delivery pipeline worker service \
	docmsg docclient statesync storeif store msg json text
PKGS := jansson zlib libcyaml
FLAGS := -D_GNU_SOURCE
