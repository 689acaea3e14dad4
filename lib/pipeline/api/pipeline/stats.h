/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline/stats.h - what became of every datagram and what a transport lcore did.
 *
 * A received frame ends in one verdict of dpio; if that is NET_VERDICT_UDP, the datagram ends in
 * one verdict here; if that is QUANTUM, it ends in one verdict of the engine. So
 *   sum over ports of dpio verdict UDP  ==  sum of `verdicts` + handshakes_held
 *   verdicts[QUANTUM]                   ==  sum of `quantum`
 *
 * Context: written by the lcore; read relaxed by anyone.
 */
#ifndef PIPELINE_STATS_H
#define PIPELINE_STATS_H

#include <base/defs.h>
#include <quantum/stats.h>

/* X(NAME, "name", "help") */
#define PIPELINE_VERDICTS(X)                                                                       \
	X(QUANTUM, "quantum", "judged by the engine; see its verdicts")                            \
	X(HANDED_OVER, "handed_over", "its id names another lcore: put into that one's ring")      \
	X(DROP_HANDOVER_FULL, "drop_handover_full", "the ring to the owner lcore was full")        \
	X(DROP_SHUTTING, "drop_shutting", "a SYN while this server shuts down")                    \
	X(DROP_ACK_BUDGET, "drop_ack_budget",                                                      \
	  "an ACK beyond the share of time that ACKs may take")                                    \
	X(DROP_SYN_BUDGET, "drop_syn_budget", "a SYN beyond the share of time that SYNs may take") \
	X(DROP_STRANGER_BUDGET, "drop_stranger_budget",                                            \
	  "any other without connection beyond its share")                                         \
	X(DROP_NO_SLOT, "drop_no_slot", "accepted, but no room for a connection; its ACK is lost") \
	X(DROP_KEYS, "drop_keys", "accepted, but no keys came of it: a hostile public key")

enum pipeline_verdict {
#define PIPELINE_VERDICT_ENUM(name, text, help) PIPELINE_VERDICT_##name,
	PIPELINE_VERDICTS(PIPELINE_VERDICT_ENUM)
#undef PIPELINE_VERDICT_ENUM
		PIPELINE_NB_VERDICTS
};

/* Every other counter and gauge of a transport lcore. X(name, kind, "unit", "help") */
#define PIPELINE_COUNTERS(X)                                                                       \
	X(polls, COUNTER, "polls", "iterations of the loop")                                       \
	X(busy_polls, COUNTER, "polls", "iterations that had work")                                \
	X(busy_ns, COUNTER, "nanoseconds", "time spent in iterations that had work")               \
	X(tx_pkts, COUNTER, "packets", "datagrams given to the port")                              \
	X(tx_bytes, COUNTER, "bytes", "their UDP payload")                                         \
	X(tx_replies, COUNTER, "packets", "of these, answers that belong to no connection")        \
	X(tx_no_mbuf, COUNTER, "times", "sending stopped: no packet buffer left")                  \
	X(tx_no_path, COUNTER, "packets", "dropped: no way known to the peer's address")           \
	X(tx_refused, COUNTER, "packets", "dropped by the port before sending")                    \
	X(handover_in, COUNTER, "packets", "received by another lcore, handled here")              \
	X(handover_bad, COUNTER, "packets", "handed over for a port this lcore does not serve")    \
	X(conns_accepted, COUNTER, "connections", "connections accepted")                          \
	X(conns_closed, COUNTER, "connections", "connections that ended")                          \
	X(conns_open, GAUGE, "connections", "connections that exist now")                          \
	X(conns_high, GAUGE, "connections", "most connections at one time")                        \
	X(handshakes_held, GAUGE, "handshakes", "ACKs that wait for the handshake thread")         \
	X(msgs_in, COUNTER, "messages", "messages handed to workers")                              \
	X(msgs_out, COUNTER, "messages", "messages from workers taken by the engine")              \
	X(msgs_waiting, GAUGE, "messages", "from workers, waiting for room in the engine")         \
	X(msgs_refused, COUNTER, "messages", "from workers, dropped: too long for the peer")       \
	X(opens_refused, COUNTER, "times", "a worker's channel configuration was refused")         \
	X(msgs_late, COUNTER, "messages", "from workers, dropped: the connection had ended")       \
	X(msgs_scattered, COUNTER, "messages", "dropped and closed: in more pieces than allowed")  \
	X(stalls, COUNTER, "times", "a connection's events waited for its worker")                 \
	X(timers, COUNTER, "times", "timers that fired")                                           \
	X(audit_events, COUNTER, "events", "handed to the audit log")                              \
	X(audit_lost, COUNTER, "events", "lost for the audit log: nobody took them in time")

struct pipeline_stats {
#define PIPELINE_COUNTER_FIELD(name, kind, unit, help) uint64_t name;
	PIPELINE_COUNTERS(PIPELINE_COUNTER_FIELD)
#undef PIPELINE_COUNTER_FIELD
	uint64_t verdicts[PIPELINE_NB_VERDICTS];
	uint64_t quantum[QUANTUM_NB_VERDICTS];
};

/** Name and one-line help of a verdict; static storage. */
const char *pipeline_verdict_name(enum pipeline_verdict verdict);
const char *pipeline_verdict_help(enum pipeline_verdict verdict);

#endif
