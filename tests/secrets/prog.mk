# No key is found in memory or in a core dump; see main.c. The data path is that of aether-lab.
NAME := secrets
SRCS := main.c needles.c scan.c subject.c subject_client.c subject_lab.c \
	$(addprefix app/aether-lab/,options.c trace.c trace_file.c typing.c player.c client.c client_net.c \
	host.c hub.c core.c appliance.c direct.c direct_service.c lab.c)
DEPS := base crypto protect client keylog runtime wire quantum link dpio delivery pipeline worker service \
	docmsg docclient statesync storeif store msg json text
PKGS := jansson zlib libcyaml
LIBS := -Wl,--wrap=protect_random
FLAGS := -D_GNU_SOURCE -Iapp/aether-lab
