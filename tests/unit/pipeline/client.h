/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.h - a Quantum client whose datagrams are mbufs: the engine driven by hand.
 *
 * Context: the one thread of a test.
 */
#ifndef TESTS_PIPELINE_CLIENT_H
#define TESTS_PIPELINE_CLIENT_H

#include <rte_mbuf.h>

#include <dpio/net.h>
#include <dpio/path.h>
#include <quantum/conn.h>

struct client {
	struct quantum_env *env; /* owned */
	void *mem;
	struct quantum_conn *conn;
	struct net_local local;
	struct net_path path; /* to the server */
	struct aef_guuid cid;
	bool connected, closed;
	enum quantum_close why;
	uint64_t msgs, bytes; /* received */
	uint64_t sum;         /* of all bytes received, in order of delivery */
	uint64_t sent_sum, sent_bytes;
};

/** Dial @p server from address number @p nr (2 to 250). @p v6, @p vlan: how. */
void client_open(struct client *c, unsigned nr, bool v6, const struct net_local *server,
                 uint64_t now_ns);

/** Forget the connection; checks that the engine gave all memory back. */
void client_close(struct client *c);

/** Frames to send now: fills @p ret_frames. @return how many */
unsigned client_tx(struct client *c, struct rte_mbuf **ret_frames, unsigned max, uint64_t now_ns);

/** One frame from the server; takes the mbuf. @return true when it was for this client */
bool client_rx(struct client *c, struct rte_mbuf *frame, uint64_t now_ns);

/** Run timers and take events. @return next deadline */
uint64_t client_run(struct client *c, uint64_t now_ns);

/** Send @p len bytes made from @p seed. @return as quantum_conn_send */
int client_send(struct client *c, uint16_t channel, uint32_t seed, uint32_t len, uint64_t now_ns);

/** Make the tokens of the next clients those of the first ones. */
void client_nonce_reset(void);

/** Pool that frames come from. */
extern struct rte_mempool *client_pool;

#endif
