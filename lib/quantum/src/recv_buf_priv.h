/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/recv_buf_priv.h - receiving half: reassembly, order, duplicates, what may be delivered.
 *
 * Nothing is copied: a fragment is a slice of the received buffer with one reference on it. The
 * window holds messages above `next`: incomplete ones, complete ones that wait for their turn, and
 * a constant pointer for numbers that are done with.
 *
 * Source:  DESIGN section 2 (Channels, EXPIRED).
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_RECV_BUF_PRIV_H
#define QUANTUM_RECV_BUF_PRIV_H

#include <base/list.h>
#include <quantum/types.h>

#include "flow_priv.h"
#include "window_priv.h"

struct quantum_chans;
struct quantum_chan;

/* Pool `segs`, both directions: the public part first. */
struct quantum_seg_node {
	struct quantum_seg seg;
	uint32_t offset; /* in its message */
};

/* Pool `msgs_in`. */
struct quantum_msg_in {
	struct aef_list ready; /* chs->ready once deliverable */
	struct quantum_chan *chan;
	uint64_t number;
	uint64_t key;
	uint32_t total;
	uint32_t have; /* bytes held */
	uint32_t nb_segs;
	struct quantum_seg *first, *last; /* ascending, disjoint */
	struct quantum_seg *hint;         /* where the search for a place begins, or NULL */
};

#define QUANTUM_KEYS 64u

/*
 * Pool `keys`: newest delivered message of each key of a WIRE_LATEST channel. An entry is needed
 * only while an older number may still arrive, that is at or above `next`; others make room. When
 * all entries are needed, a further key waits in the window until `next` reaches it, so nothing
 * stale is ever delivered and nothing current dropped.
 */
struct quantum_key_table {
	uint32_t nb;
	struct {
		uint64_t key;
		uint64_t message;
	} entry[QUANTUM_KEYS];
};

/* Receiving half of a channel. */
struct quantum_chan_rx {
	struct quantum_window window;
	uint64_t next;               /* lowest number that is not done with; never in the window */
	struct quantum_msg_in *head; /* message `next` once a part of it came */
	struct quantum_key_table *keys;
	struct quantum_flow_rx flow;
	struct aef_list credit; /* chs->credit_chans: CREDIT_CHANNEL is to be sent */
	uint8_t order;          /* enum wire_order, fixed by the first DATA frame */
	bool order_known;
	bool open; /* a frame of the peer named the channel */
};

/* Called by chan.c only. */

void quantum_recv_half_init(struct quantum_chan_rx *rx, uint64_t window_bytes);
/** Give every message, reference and node of the half back; chs->ready must be empty. */
void quantum_recv_half_fini(struct quantum_chans *chs, struct quantum_chan *chan);

/** See quantum_chans_on_data(). */
AEF_MUST_CHECK int quantum_recv_data(struct quantum_chans *chs, struct quantum_chan *chan,
                                     const struct wire_frame_data *data, void *owner);
/** See quantum_chans_on_expired(). */
AEF_MUST_CHECK int quantum_recv_expired(struct quantum_chans *chs, struct quantum_chan *chan,
                                        uint64_t message, uint64_t bytes);
/** Next deliverable message in @p ret_msg; its record goes back to the pool. */
bool quantum_recv_poll(struct quantum_chans *chs, struct quantum_msg *ret_msg);
/** Put the references and records of everything in chs->ready. */
void quantum_recv_drop_ready(struct quantum_chans *chs);
/** @p bytes of the channel are done with: credit, and frames that tell the peer. */
void quantum_recv_consumed(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t bytes);

#endif
