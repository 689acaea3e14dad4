/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/types.h - what crosses the face of the engine: addresses, buffers, channels, events.
 *
 * Units:   bytes and nanoseconds.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_TYPES_H
#define QUANTUM_TYPES_H

#include <base/guuid.h>
#include <base/time.h>
#include <wire/frame.h>

/* A UDP end point; IPv4 as ::ffff:a.b.c.d. Compared as bytes, so `zero` must be 0. */
struct quantum_addr {
	uint8_t ip[16];
	uint16_t port; /* host order */
	uint16_t zero;
};

static inline bool
quantum_addr_eq(const struct quantum_addr *a, const struct quantum_addr *b)
{
	return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

/*
 * Bytes that the engine points at and never copies on receive. One reference to `owner` goes with a
 * slice; quantum_buf_ops says how references are counted. A NULL owner is static memory.
 */
struct quantum_slice {
	const uint8_t *data;
	uint32_t len;
	void *owner;
};

/* How the driver counts references to its buffers (mbuf, heap block). Called on the owner thread.
 */
struct quantum_buf_ops {
	void (*get)(void *ctx, void *owner);
	void (*put)(void *ctx, void *owner);
	/* A writable buffer of at least @p bytes with one reference, or NULL: FEC recovery needs
	 * one. */
	void *(*alloc)(void *ctx, uint32_t bytes, uint8_t **ret_data);
	void *ctx;
};

enum quantum_reliability {
	QUANTUM_FULL,     /* resent until acknowledged */
	QUANTUM_DEADLINE, /* resent until its deadline, then expired */
	QUANTUM_TRIES,    /* sent at most `tries` times, then expired */
	QUANTUM_NONE,     /* sent once */
};

#define QUANTUM_PRIORITIES 8u

/* How one end sends on a channel; the peer needs no configuration. */
struct quantum_chan_conf {
	uint8_t order;        /* enum wire_order */
	uint8_t reliability;  /* enum quantum_reliability */
	uint8_t priority;     /* 0 = first to QUANTUM_PRIORITIES - 1; a share, not absolute */
	uint8_t weight;       /* share among channels of one priority, 1 to 255; 0 counts as 1 */
	uint8_t tries;        /* QUANTUM_TRIES: transmissions, at least 1 */
	bool expedited;       /* its packets carry URG and ask for an immediate ack */
	uint64_t deadline_ns; /* QUANTUM_DEADLINE: life of a message from quantum_conn_send() on */
};

/* Part of a delivered message; a list in order of offset. */
struct quantum_seg {
	struct quantum_seg *next;
	struct quantum_slice slice; /* one reference, passed to whoever consumes the message */
};

struct quantum_msg {
	uint16_t channel;
	uint8_t order;
	uint32_t len;
	uint64_t message; /* number within the channel */
	uint64_t key;     /* WIRE_LATEST */
	uint32_t nb_segs;
	struct quantum_seg *segs; /* borrowed from the engine until quantum_conn_consume() */
};

enum quantum_event_type {
	QUANTUM_EVENT_CONNECTED, /* handshake done; data may flow */
	QUANTUM_EVENT_MESSAGE,   /* `msg` */
	QUANTUM_EVENT_SENT,      /* `sent`: a message was acknowledged whole, or expired */
	QUANTUM_EVENT_WRITABLE,  /* a send was refused before and may succeed now */
	QUANTUM_EVENT_PATH,      /* the peer's address changed and was validated */
	QUANTUM_EVENT_BUSY,      /* client: the server asks to come back after `busy_ms` */
	QUANTUM_EVENT_CLOSED,    /* last event of a connection */
};

enum quantum_close {
	QUANTUM_CLOSE_NONE = 0,
	QUANTUM_CLOSE_APP,       /* quantum_conn_close() here or there */
	QUANTUM_CLOSE_IDLE,      /* nothing heard for the idle time-out */
	QUANTUM_CLOSE_RESET,     /* stateless reset: the peer has no such connection */
	QUANTUM_CLOSE_HANDSHAKE, /* no answer in time, or the token is used up */
	QUANTUM_CLOSE_REFUSED,   /* busy or refused by the server */
	QUANTUM_CLOSE_VERSION,   /* the server does not speak our version */
	QUANTUM_CLOSE_PROTOCOL,  /* a rule of the spec was broken by a peer with valid keys */
	QUANTUM_CLOSE_FLOW,      /* the peer sent past its credit */
	QUANTUM_CLOSE_NUMBERS,   /* packet numbers are used up */
	QUANTUM_CLOSE_RESOURCES, /* this end ran out of a bounded resource it cannot do without */
};

struct quantum_event {
	enum quantum_event_type type;
	union {
		struct quantum_msg msg;
		struct {
			uint16_t channel;
			bool expired;
			uint64_t message;
			uint64_t cookie;
		} sent;
		struct {
			enum quantum_close why;
			bool by_peer;
			uint64_t code; /* QUANTUM_CLOSE_APP: the application's code */
		} closed;
		uint32_t busy_ms;
		struct quantum_addr path;
	};
};

#endif
