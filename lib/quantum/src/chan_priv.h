/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/chan_priv.h - all channels of one connection, both directions: the face to conn.
 *
 * Calls:   init; set_peer_limits once the peer's limits are known (before: nothing is sent).
 *          Sending: open, send; peek; fill into a packet; on_acked or on_lost exactly once for each
 *          frame record fill appended; on_timer at deadline(); poll_sent, poll_writable.
 *          Receiving: on_data, on_expired, on_credit for each frame of an authentic packet, before
 *          the packet is acknowledged; poll, consume.
 *          Close: on_acked or on_lost for every record in flight, then fini.
 *          Sources: chan.c (table, fate of frames, timer), fill.c (what goes into a packet).
 * Source:  DESIGN section 2.
 * Units:   bytes and nanoseconds.
 * Context: the thread that owns the connection. No call copies payload but fill.
 */
#ifndef QUANTUM_CHAN_PRIV_H
#define QUANTUM_CHAN_PRIV_H

#include <base/bytes.h>

#include "recv_buf_priv.h"
#include "send_buf_priv.h"

/* Shared by the connections of one lcore; every pool bounds what its name says. */
struct quantum_chan_pools {
	struct aef_pool *chans;    /* struct quantum_chan */
	struct aef_pool *msgs_out; /* struct quantum_msg_out */
	struct aef_pool *msgs_in;  /* struct quantum_msg_in */
	struct aef_pool *segs;     /* struct quantum_seg_node */
	struct aef_pool *frames;   /* struct quantum_frame */
	struct aef_pool *ranges;   /* struct aef_range */
	struct aef_pool *nodes;    /* struct quantum_window_node */
	struct aef_pool *keys;     /* struct quantum_key_table */
	const struct quantum_buf_ops *buf;
};

/* What this end allows; borrowed, shared by connections. */
struct quantum_chans_conf {
	struct wire_limits limits; /* as announced: windows, message_bytes_max, channels_max */
	uint64_t queue_bytes_max;  /* queued and unacknowledged; overshot by at most one message */
	bool fair_share; /* the pools serve other connections too: take no more than is left */
	uint32_t queue_messages_max; /* messages sent and not resolved, results not yet read */
};

/* Pool `chans`. */
struct quantum_chan {
	uint16_t id;
	struct quantum_chan_tx tx;
	struct quantum_chan_rx rx;
};

struct quantum_chans {
	const struct quantum_chan_pools *pools;
	const struct quantum_chans_conf *conf;
	struct quantum_window table; /* id -> struct quantum_chan * */

	/* Sending. */
	struct aef_list lost;        /* struct quantum_frame: DATA to transmit again */
	struct aef_list expired;     /* struct quantum_msg_out: EXPIRED to send */
	struct aef_list results;     /* struct quantum_msg_out */
	struct aef_list blocked;     /* struct quantum_chan: wait for the connection's credit */
	struct aef_list timed_chans; /* struct quantum_chan: have messages with a deadline */
	struct quantum_flow_tx flow_tx;
	uint64_t reserved_bytes;          /* unsent rest of messages begun that credit covers */
	struct quantum_msg_out *oversize; /* the one message begun beyond credit, or NULL */
	uint64_t queued_bytes;
	uint64_t deadline_ns; /* not later than the earliest deadline */
	uint64_t copied_bytes;
	uint64_t nb_expired; /* messages given up */
	uint64_t peer_chan_credit_bytes;
	uint32_t peer_message_bytes_max;
	uint32_t peer_channels_max; /* 0 until the peer's limits are known */
	uint32_t nb_messages;
	uint32_t nb_unsent; /* messages with bytes never transmitted */
	struct quantum_sched sched;

	/* Receiving. */
	struct aef_list ready;        /* struct quantum_msg_in: deliverable */
	struct aef_list credit_chans; /* struct quantum_chan: CREDIT_CHANNEL to send */
	struct quantum_flow_rx flow_rx;
	/* Taken of the shared pools and not yet delivered. */
	uint32_t nb_msgs_in, nb_segs_in, nb_keys_in;
	bool credit_pending; /* CREDIT to send */
	bool want_writable;
};

/* Result of quantum_chans_fill(), or-ed together. */
enum quantum_fill_bit {
	QUANTUM_FILL_WROTE = 1 << 0,    /* frames were written */
	QUANTUM_FILL_URG = 1 << 1,      /* data of an expedited channel: URG and PSH apply */
	QUANTUM_FILL_IDLE = 1 << 2,     /* nothing more to send: application-limited */
	QUANTUM_FILL_BLOCKED = 1 << 3,  /* only credit or the message window stops the rest */
	QUANTUM_FILL_NO_FRAME = 1 << 4, /* pool `frames` is empty: try after the next ack */
};

/* Result of quantum_chans_peek(), or-ed together; 0: nothing can be sent now. */
enum quantum_peek_bit {
	QUANTUM_PEEK_CONTROL = 1 << 0, /* EXPIRED, CREDIT */
	QUANTUM_PEEK_LOST = 1 << 1,    /* data to transmit again */
	QUANTUM_PEEK_NEW = 1 << 2,     /* data never transmitted */
};

/** Make the table empty. @p pools and @p conf are borrowed as long as it lives. */
void quantum_chans_init(struct quantum_chans *chs, const struct quantum_chan_pools *pools,
                        const struct quantum_chans_conf *conf);

/** Give everything back: references, records, nodes. NULL and a second call are accepted. */
void quantum_chans_fini(struct quantum_chans *chs);

/** The peer's limits (ACCEPT, LIMITS, handshake). Values only ever rise; may be called again. */
void quantum_chans_set_peer_limits(struct quantum_chans *chs, const struct wire_limits *limits);

/**
 * Set how this end sends on @p channel; before the peer's limits are known any id is taken.
 *
 * @return 0, AEF_ERR_INVALID (configuration, or channel beyond the peer's limit), AEF_ERR_EXISTS
 *         (open already), AEF_ERR_FULL (no memory)
 */
AEF_MUST_CHECK int quantum_chans_open(struct quantum_chans *chs, uint16_t channel,
                                      const struct quantum_chan_conf *conf);

/**
 * Queue a message. On success the caller's reference on each slice's owner is taken over.
 *
 * @return 0, AEF_ERR_NOTFOUND (not open), AEF_ERR_LIMIT (longer than the peer accepts),
 *         AEF_ERR_FULL (queue bound or pool; poll_writable tells when to try again)
 */
AEF_MUST_CHECK int quantum_chans_send(struct quantum_chans *chs, uint16_t channel,
                                      const struct quantum_chan_send *send, uint64_t now_ns);

/** What could be sent at this moment; an upper bound that fill corrects. enum quantum_peek_bit. */
unsigned quantum_chans_peek(const struct quantum_chans *chs);

/**
 * Write frames: EXPIRED and credit, then lost data, then new data, until the packet is full.
 *
 * @param w         room for frames; w->err is not set by a frame that does not fit
 * @param frames    a record for each frame is appended; the caller keeps them with the packet
 * @param to_end_ok nothing will follow, so that the last frame may go without its length
 * @return enum quantum_fill_bit
 */
unsigned quantum_chans_fill(struct quantum_chans *chs, struct aef_writer *w,
                            struct aef_list *frames, uint64_t now_ns, bool to_end_ok);

/**
 * Write the content of a record that is still in flight once more, as a probe.
 *
 * @return true when a frame was written and its new record appended to @p frames
 */
bool quantum_chans_resend(struct quantum_chans *chs, const struct quantum_frame *frame,
                          struct aef_writer *w, struct aef_list *frames, uint64_t now_ns);

/**
 * The packet of @p frame was acknowledged (or recovered by FEC at the peer). Takes the record,
 * which must be in no list.
 *
 * @return false when the type belongs to the connection: the record is still the caller's
 */
bool quantum_chans_on_acked(struct quantum_chans *chs, struct quantum_frame *frame);

/** The packet of @p frame counts as lost; otherwise as quantum_chans_on_acked(). */
bool quantum_chans_on_lost(struct quantum_chans *chs, struct quantum_frame *frame);

/** Put the record of @p frame without consequences: the connection is being closed. */
bool quantum_chans_on_dropped(struct quantum_chans *chs, struct quantum_frame *frame);

/** When quantum_chans_on_timer() is due, or AEF_TIME_NEVER; may be early, never late. */
static inline uint64_t
quantum_chans_deadline(const struct quantum_chans *chs)
{
	return chs->deadline_ns;
}

/** Give up messages whose deadline has passed. */
void quantum_chans_on_timer(struct quantum_chans *chs, uint64_t now_ns);

/** Next result of a message sent with `notify`; false when there is none. */
bool quantum_chans_poll_sent(struct quantum_chans *chs, struct quantum_chan_result *ret_sent);

/** True once after a send was refused with AEF_ERR_FULL and half of the queue is free again. */
bool quantum_chans_poll_writable(struct quantum_chans *chs);

/** True when quantum_chans_poll_writable() would say so. */
bool quantum_chans_is_writable(const struct quantum_chans *chs);

/**
 * Take a DATA frame. Duplicates and late copies are harmless and change nothing.
 *
 * @param data  decoded frame; data->data points into @p owner
 * @param owner buffer of the packet; buf->get is called once per piece that is kept
 * @return 0; AEF_ERR_FULL: no memory, the frame changed nothing and its packet must not be
 *         acknowledged, but the packet's other frames should be taken all the same: the one that
 *         frees memory may be behind it, and would be behind it again when sent again;
 * AEF_ERR_LIMIT: beyond credit (close FLOW); AEF_ERR_PROTOCOL: a rule broken
 */
AEF_MUST_CHECK int quantum_chans_on_data(struct quantum_chans *chs,
                                         const struct wire_frame_data *data, void *owner);

/** Take an EXPIRED frame; errors as quantum_chans_on_data(). */
AEF_MUST_CHECK int quantum_chans_on_expired(struct quantum_chans *chs, uint16_t channel,
                                            uint64_t message, uint64_t bytes);

/** Take a CREDIT frame (connection). */
void quantum_chans_on_credit(struct quantum_chans *chs, uint64_t bytes);

/** Take a CREDIT_CHANNEL frame. @return 0, or AEF_ERR_PROTOCOL for an id beyond our own limits */
AEF_MUST_CHECK int quantum_chans_on_credit_channel(struct quantum_chans *chs, uint16_t channel,
                                                   uint64_t bytes);

/** Next deliverable message; its segments are lent until quantum_chans_consume(). */
bool quantum_chans_poll(struct quantum_chans *chs, struct quantum_msg *ret_msg);

/** The application is done: segments go back, credit is given. Buffer references stay with it. */
void quantum_chans_consume(struct quantum_chans *chs, const struct quantum_msg *msg);

/** As quantum_chans_consume(), and put the buffer references too. */
void quantum_chans_discard(struct quantum_chans *chs, const struct quantum_msg *msg);

/** Segments of a polled message whose connection is gone: back to the pool, references kept. */
void quantum_chans_free_segs(const struct quantum_chan_pools *pools, const struct quantum_msg *msg);

#endif
