DEPS := base json text msg docmsg docclient
SRCS := script.c
