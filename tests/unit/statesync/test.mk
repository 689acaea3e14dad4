DEPS := base json text msg docmsg service storeif store statesync docclient
SRCS := world.c ../../text-soak/trace.c
FLAGS := -Itests/text-soak
