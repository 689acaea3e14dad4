/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service/service.h - what a service on a worker lcore is given and what it offers: messages in,
 * replies out.
 *
 * A service is one table of functions. All of them are called by the one worker thread that owns
 * the service's state, never two at a time and never from inside a reply call, so a service needs
 * no lock. None may block, sleep, do I/O or read a clock: what takes long is cut into pieces and
 * continued from on_timer().
 *
 *   init -> on_connect -> (on_message | on_writable | on_sent)* -> on_disconnect ... -> fini
 *
 * Bytes live in reference-counted buffers. A slice names bytes inside one; whoever lends a slice
 * keeps the reference, whoever wants the bytes for longer takes one of its own with buf.ref().
 *
 * Source:  STYLE B3 (rule 3), B6; DESIGN 1.
 * Units:   bytes, nanoseconds of the worker's clock, milliseconds since 1970.
 * Context: the worker thread that owns the service.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <base/alloc.h>
#include <base/guuid.h>
#include <base/time.h>

/* Most slices of one message in either direction. */
#define SERVICE_SLICES_MAX 16384u

/* A connection, opaque: valid from on_connect until on_disconnect returns, never used again for
 * another one. Calls with a handle that is gone return AEF_ERR_CLOSED. */
struct service_conn {
	uint64_t id;
};

/* One time in both clocks; the same value for everything of one burst. */
struct service_now {
	uint64_t ns;
	uint64_t unix_ms;
};

/* Who is at the other end, out of its connect token. Borrowed for the call. */
struct service_identity {
	struct aef_guuid session_id;
	struct aef_guuid conn_id; /* of the token */
	struct aef_guuid tenant_id;
	struct aef_guuid subject_id; /* user */
	uint32_t caps;
	uint16_t max_docs; /* 0 = no limit */
	uint8_t ip[16];    /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
};

struct service_slice {
	const uint8_t *data;
	uint32_t len;
	void *owner; /* buffer that holds the bytes; NULL: static memory, lives for ever */
};

/* A message that arrived whole. Everything in it is borrowed for the call. */
struct service_msg {
	uint16_t channel;
	uint8_t order; /* enum wire_order: 0 ordered, 1 unordered, 2 latest wins */
	uint32_t len;  /* of all slices together */
	uint32_t nb_slices;
	uint64_t number; /* within the channel */
	uint64_t key;    /* of a latest-wins channel */
	const struct service_slice *slices;
};

enum service_gone {
	SERVICE_GONE_CLOSED, /* closed by either application */
	SERVICE_GONE_IDLE,   /* silent for the idle time-out */
	SERVICE_GONE_ERROR,  /* the peer broke a rule, was reset, or resources ran out */
};

/* How one end sends on a channel; see quantum/types.h, which has the same fields. */
struct service_chan {
	uint8_t order;
	uint8_t reliability; /* 0 full, 1 until deadline_ns, 2 `tries` times, 3 once */
	uint8_t priority;    /* 0 first to 7; 4 is usual */
	uint8_t weight;
	uint8_t tries;
	bool expedited;
	uint64_t deadline_ns;
};

struct service_send {
	uint16_t channel;
	bool report;     /* call on_sent when it is acknowledged whole or given up */
	uint64_t key;    /* of a latest-wins channel */
	uint64_t cookie; /* comes back in on_sent */
};

/*
 * Buffers for replies. One buffer may be in any number of messages to any number of connections at
 * once; it goes back to its pool with the last reference. Its bytes must not change after the first
 * send.
 */
struct service_buf_ops {
	/* A buffer with one reference, owned by the caller. @return NULL: none left (counted). */
	void *(*alloc)(void *ctx, uint8_t **ret_data, uint32_t *ret_cap);
	void (*ref)(void *ctx, void *buf);
	void (*put)(void *ctx, void *buf);
	uint32_t cap_bytes; /* of every buffer */
	void *ctx;
};

/* Ways out. All return at once; what they cannot do now they refuse. */
struct service_reply_ops {
	/*
	 * Queue one message of @p nb slices, at most SERVICE_SLICES_MAX. Takes references of its
	 * own to the owners: the caller keeps (and at some time puts) its own, also after a
	 * failure. So fan-out is: alloc, fill, send to each, put.
	 *
	 * @return 0; AEF_ERR_FULL: the connection's credit of bytes or messages is used up, or no
	 *         descriptor is left (counted; on_writable follows when there is room again);
	 *         AEF_ERR_CLOSED: no such connection; AEF_ERR_LIMIT: too many slices
	 */
	int (*send)(void *ctx, struct service_conn conn, const struct service_send *send,
	            const struct service_slice *slices, uint32_t nb);

	/* Say how @p channel is to be sent; before its first message. @return as send */
	int (*open)(void *ctx, struct service_conn conn, uint16_t channel,
	            const struct service_chan *chan);

	/* Close gracefully; messages still queued are abandoned; on_disconnect follows later.
	 * @param reason at most 63 characters are used; may be NULL. @return as send */
	int (*close)(void *ctx, struct service_conn conn, uint64_t code, const char *reason);

	/*
	 * From inside on_message only: do not take this message now. It is offered again, before
	 * any later one of this connection, when send() has room; meanwhile the peer is slowed
	 * down. What is still held when the connection ends is dropped.
	 */
	void (*hold)(void *ctx);

	/* Bytes that send() would still take for this connection; 0 when it is gone. */
	uint64_t (*room)(void *ctx, struct service_conn conn);
	void *ctx;
};

/* What init() is given; borrowed until fini() returns. */
struct service_env {
	struct aef_alloc *alloc; /* with the service's byte budget; the only memory it may use */
	struct service_buf_ops buf;
	struct service_reply_ops reply;
	const void *conf; /* of the service itself; NULL: defaults */
	uint64_t seed;    /* for random choices that are no secret */
};

/* The table of a service. on_writable, on_sent and on_timer may be NULL. */
struct service_ops {
	const char *name; /* its name in the configuration, static storage */

	/**
	 * Make the state. Called once, before any other.
	 *
	 * @param ret_svc passed to every later call
	 * @return 0, or an enum aef_err; AEF_ERR_NOMEM when the budget is too small. Nothing is
	 *         left behind then, fini() is not called.
	 */
	int (*init)(const struct service_env *env, const struct service_now *now, void **ret_svc);

	/** Give all memory back; connections may still exist and are simply forgotten. */
	void (*fini)(void *svc);

	/**
	 * A client is there; messages may be sent to it from now on.
	 *
	 * @param ret_user pointer of the service's choice for this connection; NULL if not written
	 */
	void (*on_connect)(void *svc, struct service_conn conn, const struct service_identity *id,
	                   const struct service_now *now, void **ret_user);

	/** One message. Channels are independent; within an ordered one the order is the sender's.
	 */
	void (*on_message)(void *svc, struct service_conn conn, void *user,
	                   const struct service_msg *msg, const struct service_now *now);

	/** The connection is gone; no call about it follows. Replies still queued are dropped. */
	void (*on_disconnect)(void *svc, struct service_conn conn, void *user,
	                      enum service_gone why, const struct service_now *now);

	/** A send was refused with AEF_ERR_FULL before, and may succeed now. */
	void (*on_writable)(void *svc, struct service_conn conn, void *user,
	                    const struct service_now *now);

	/** A message sent with `report` was acknowledged whole (@p expired false) or given up. */
	void (*on_sent)(void *svc, struct service_conn conn, void *user, uint64_t cookie,
	                bool expired, const struct service_now *now);

	/**
	 * Run what is due. Called at or after the time returned before, and after every burst of
	 * other calls, so it must be cheap when nothing is due.
	 *
	 * @return when to be called next (ns), AEF_TIME_NEVER: after the next burst only
	 */
	uint64_t (*on_timer)(void *svc, const struct service_now *now);
};

/** Copy up to @p cap bytes of a message into @p dst; @return bytes copied. For small messages. */
static inline uint32_t
service_msg_copy(const struct service_msg *msg, uint8_t *dst, uint32_t cap)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < msg->nb_slices && at < cap; i++) {
		const uint32_t left = cap - at;
		const uint32_t n = msg->slices[i].len < left ? msg->slices[i].len : left;

		memcpy(dst + at, msg->slices[i].data, n);
		at += n;
	}
	return at;
}

/** Send one buffer of @p len bytes as a message; the caller keeps its reference. */
static inline int
service_send_buf(const struct service_env *env, struct service_conn conn,
                 const struct service_send *send, void *buf, const uint8_t *data, uint32_t len)
{
	const struct service_slice slice = { .data = data, .len = len, .owner = buf };

	return env->reply.send(env->reply.ctx, conn, send, &slice, 1);
}

#endif
