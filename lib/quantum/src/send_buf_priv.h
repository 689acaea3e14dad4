/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/send_buf_priv.h - sending half: queued messages, fragments in flight, what was given up.
 *
 * A message waits without a number in its channel's queue and gets its number with the first byte
 * transmitted. From then on it is unresolved until acknowledged whole, or until its EXPIRED frame
 * is acknowledged. Payload is referenced, and copied only into a packet.
 *
 * Source:  DESIGN section 2 (Channels, EXPIRED).
 * Units:   bytes and nanoseconds.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_SEND_BUF_PRIV_H
#define QUANTUM_SEND_BUF_PRIV_H

#include <base/list.h>
#include <base/rangeset.h>
#include <quantum/types.h>

#include "flow_priv.h"
#include "sched_priv.h"
#include "window_priv.h"

struct quantum_chans;
struct quantum_chan;

/* A sender has at most this many unresolved messages per channel, by number. */
#define QUANTUM_MSG_WINDOW_BITS 12u
#define QUANTUM_MSG_WINDOW      (1u << QUANTUM_MSG_WINDOW_BITS)

/*
 * One retransmittable frame of a packet in flight (pool `frames`). DATA, EXPIRED, CREDIT and
 * CREDIT_CHANNEL belong to the channels; the other types and members are the connection's own, and
 * quantum_chans_on_acked() and quantum_chans_on_lost() leave them alone.
 */
struct quantum_frame {
	struct aef_list node; /* list of the sent packet, or the list of lost frames */
	uint8_t type;         /* enum wire_frame_type; WIRE_FRAME_DATA without its low bits */
	uint8_t tries;        /* DATA: times these bytes were transmitted */
	union {
		struct {
			struct quantum_msg_out *msg; /* counted in msg->nb_frames */
			uint32_t offset;
			uint32_t len;
		} data;
		struct {
			struct quantum_msg_out *msg; /* counted in msg->nb_frames */
		} expired;
		struct {
			uint16_t channel;
			uint64_t bytes;
		} credit;
		uint8_t path[8];
		struct wire_limits limits;
		uint64_t value; /* whatever else the connection wants to remember */
	};
};

#define QUANTUM_MSG_UNNUMBERED UINT64_MAX

enum quantum_msg_state {
	QUANTUM_MSG_QUEUED,   /* no byte transmitted, no number yet; in chan->tx.queue */
	QUANTUM_MSG_SENDING,  /* numbered, part of it never transmitted; chan->tx.current */
	QUANTUM_MSG_SENT,     /* every byte was transmitted */
	QUANTUM_MSG_GIVEN_UP, /* payload dropped; EXPIRED pending or in flight */
	QUANTUM_MSG_RESOLVED, /* held only by frames in flight or by its unread result */
};

/* Pool `msgs_out`. */
struct quantum_msg_out {
	struct aef_list node;   /* chan->tx.queue, then chan->tx.unresolved */
	struct aef_list aux;    /* chan->tx.timed while alive, chs->expired when given up */
	struct aef_list result; /* chs->results */
	struct quantum_msg_out *key_next; /* chain of chan->tx.keys */
	struct quantum_chan *chan;
	uint64_t number; /* QUANTUM_MSG_UNNUMBERED while QUEUED */
	uint64_t key;
	uint64_t cookie;
	uint64_t deadline_ns; /* AEF_TIME_NEVER without one */
	uint32_t total;
	uint32_t sent;      /* bytes transmitted at least once, from the front; = charged */
	uint32_t acked;     /* bytes */
	uint32_t nb_frames; /* records that point here */
	struct aef_rangeset acked_ranges; /* only of fragmented messages */
	struct quantum_slice slice;       /* first one */
	struct quantum_seg *more;         /* the others, pool `segs` */
	struct quantum_seg *cursor;       /* slice the last copy ended in; NULL = `slice` */
	uint32_t cursor_offset;           /* of its first byte */
	uint8_t state;                    /* enum quantum_msg_state */
	bool notify;                      /* the result is wanted */
	bool covered;                     /* its unsent rest is counted in chs->reserved_bytes */
	bool in_key_table;
	bool expired; /* result */
};

/* Sending half of a channel. */
struct quantum_chan_tx {
	struct quantum_sched_entry sched;
	struct aef_list queue;      /* QUEUED messages */
	struct aef_list unresolved; /* numbered ones, ascending */
	struct aef_list timed;      /* those with a deadline, ascending */
	struct aef_list timed_chan; /* chs->timed_chans while `timed` is not empty */
	struct aef_list blocked;    /* chs->blocked: waits for the connection's credit or limits */
	struct quantum_msg_out *current;  /* SENDING */
	struct quantum_window_node *keys; /* WIRE_LATEST: 64 chains of live messages by key */
	struct quantum_flow_tx flow;
	uint64_t next_number;
	struct quantum_chan_conf conf;
	bool open;
};

/* What quantum_chans_send() is told. */
struct quantum_chan_send {
	const struct quantum_slice *slices; /* borrowed; the references go over on success */
	uint32_t nb_slices;                 /* 0 for an empty message */
	bool notify;     /* report the result through quantum_chans_poll_sent() */
	uint64_t key;    /* WIRE_LATEST */
	uint64_t cookie; /* comes back with the result */
};

struct quantum_chan_result {
	uint16_t channel;
	bool expired;
	uint64_t message; /* UINT64_MAX when it was replaced or expired before it got a number */
	uint64_t cookie;
};

/* Called by chan.c and fill.c only. */

/** Prepare the half for @p conf with @p credit_bytes from the peer's limits. */
void quantum_send_half_init(struct quantum_chan_tx *tx, const struct quantum_chan_conf *conf,
                            uint64_t credit_bytes);
/** Give every message, reference and node of the half back. Frames must be gone already. */
void quantum_send_half_fini(struct quantum_chans *chs, struct quantum_chan *chan);

/** See quantum_chans_send(). */
AEF_MUST_CHECK int quantum_send_push(struct quantum_chans *chs, struct quantum_chan *chan,
                                     const struct quantum_chan_send *send, uint64_t now_ns);

/** Let the channel take part in scheduling when it has something it may send. */
void quantum_send_activate(struct quantum_chans *chs, struct quantum_chan *chan);

/** Bytes of @p msg are acknowledged. False: no memory to note it, transmit them again. */
bool quantum_send_acked(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t offset,
                        uint32_t len);
/** The EXPIRED frame of @p msg is acknowledged. */
void quantum_send_expired_acked(struct quantum_chans *chs, struct quantum_msg_out *msg);
/** Stop sending @p msg: drop its payload and, when it has a number, tell the peer. */
void quantum_send_give_up(struct quantum_chans *chs, struct quantum_msg_out *msg);
/** A frame record no longer points at @p msg. */
void quantum_send_frame_put(struct quantum_chans *chs, struct quantum_msg_out *msg);
/** Copy bytes of the message into a packet. */
void quantum_send_copy(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t offset,
                       uint32_t len, uint8_t *dst);
/**
 * The message the channel sends next, numbered and charged for nothing yet.
 *
 * @param ret_room bytes of it that credit lets go now (0 only for an empty message)
 * @return NULL when nothing is there or allowed; the channel then must leave the scheduler
 */
struct quantum_msg_out *quantum_send_head(struct quantum_chans *chs, struct quantum_chan *chan,
                                          uint64_t now_ns, uint32_t *ret_room);
/** @p len bytes of quantum_send_head()'s message go out for the first time; numbers it. */
void quantum_send_commit(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t len);
/** How many times bytes of @p msg may be transmitted. */
unsigned quantum_send_tries_max(const struct quantum_msg_out *msg);
/** Leave out the ends of a range that another copy got through; false when nothing is left. */
bool quantum_send_trim(const struct quantum_msg_out *msg, uint32_t *offset, uint32_t *len);
/** Channels that waited for the connection's credit may try again. */
void quantum_send_unblock(struct quantum_chans *chs);
/** An unread result was read: the record may go. */
void quantum_send_result_put(struct quantum_chans *chs, struct quantum_msg_out *msg);
/** Expire what is overdue on one channel. */
void quantum_send_expire(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t now_ns);

#endif
