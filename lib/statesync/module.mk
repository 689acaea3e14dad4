# Documents on a worker lcore: order, merge, history, subscribers.
SRCS :=
DEPS := base service storeif json text docmsg
KIND := pure
