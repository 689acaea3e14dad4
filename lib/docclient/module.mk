# Client side of a document: optimistic edits, transforms, resume. No network, no clock.
SRCS :=
DEPS := base json text docmsg
KIND := pure
