# Client side of a document: optimistic edits, transforms, resume. No network, no clock.
SRCS := docclient.c receive.c edit.c hold.c
DEPS := base json text docmsg
KIND := pure
