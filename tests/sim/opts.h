/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim/opts.h - what a run may be told: a seed, and features to switch off or values to force.
 *
 * Everything else follows from the seed. A feature that is off draws the same random numbers as
 * one that is on, so that shrinking changes as little as possible.
 */
#ifndef SIM_OPTS_H
#define SIM_OPTS_H

#include <base/defs.h>

/* X(NAME, key, default, help); 0 or 1 switches a feature, the first ones are values. */
#define SIM_KEYS(X)                                                                                \
	X(CLIENTS, "clients", 0, "number of clients, 1 to 8; 0: as the seed says")                 \
	X(TROUBLE, "trouble", 120, "seconds of trouble")                                           \
	X(HEALTH, "health", 60, "seconds of a healthy link after it")                              \
	X(RATE, "rate", 0, "messages per second and client, both ways; 0: as the seed says")       \
	X(CIPHER, "cipher", 2, "packet protection: 0 null, 1 real, 2 real for every fourth seed")  \
	X(LOSS, "loss", 1, "random loss, 0 to 30 %")                                               \
	X(BURST, "burst", 1, "Gilbert-Elliott loss")                                               \
	X(JITTER, "jitter", 1, "delay varies")                                                     \
	X(REORDER, "reorder", 1, "some packets are held back up to 200 ms")                        \
	X(DUP, "dup", 1, "duplication, 0 to 50 %")                                                 \
	X(CORRUPT, "corrupt", 1, "bit errors")                                                     \
	X(TRUNCATE, "truncate", 1, "cut datagrams")                                                \
	X(OUTAGE, "outage", 1, "outages up to 5 s")                                                \
	X(SLOW, "slow", 1, "finite rate and queue")                                                \
	X(MTU, "mtu", 1, "links that swallow long datagrams")                                      \
	X(CHANGE, "change", 1, "a link changes on the way")                                        \
	X(RESTART, "restart", 1, "the server loses all state")                                     \
	X(CRASH, "crash", 1, "clients lose all state")                                             \
	X(REBIND, "rebind", 1, "a NAT gives a client another port or address")                     \
	X(MIGRATE, "migrate", 1, "a client changes its address and says so")                       \
	X(REOPEN, "reopen", 1, "connections are closed by either side and opened again")           \
	X(FEC, "fec", 1, "repair packets")                                                         \
	X(PMTUD, "pmtud", 1, "path MTU discovery")                                                 \
	X(WRAP, "wrap", 1, "packet numbers start near a wrap or a key epoch")                      \
	X(GARBAGE, "garbage", 1, "forged datagrams")                                               \
	X(REPLAY, "replay", 1, "recorded datagrams come again")                                    \
	X(EXPIRE, "expire", 1, "channels of limited reliability")                                  \
	X(LATEST, "latest", 1, "latest-wins channels")                                             \
	X(UNORDERED, "unordered", 1, "unordered channels")                                         \
	X(BIG, "big", 1, "messages of more than 8 KiB")                                            \
	X(DROP, "drop", 1, "the driver drops built datagrams")                                     \
	X(TIGHT, "tight", 1, "small pools and queues")                                             \
	X(CONNS, "conns", 0, "connections the server has room for; 0: enough")

enum sim_key {
#define SIM_KEY_ENUM(name, key, value, help) SIM_##name,
	SIM_KEYS(SIM_KEY_ENUM)
#undef SIM_KEY_ENUM
		SIM_NB_KEYS
};

#define SIM_FIRST_FEATURE SIM_LOSS

struct sim_opts {
	uint64_t seed;
	bool verbose;
	uint32_t value[SIM_NB_KEYS];
};

void sim_opts_default(struct sim_opts *opts);

/** Take "key=value"; false when there is no such key or no number. */
bool sim_opts_set(struct sim_opts *opts, const char *text);

const char *sim_key_name(enum sim_key key);
const char *sim_key_help(enum sim_key key);
uint32_t sim_key_default(enum sim_key key);

#endif
