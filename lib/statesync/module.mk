# Documents on a worker lcore: order, merge, history, subscribers.
SRCS := statesync.c request.c doc.c replica.c fanout.c round.c snapshot.c lock.c rights.c record.c presence.c
DEPS := base service storeif json text docmsg
KIND := pure
