/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client/client.h - Quantum for applications: connect, send and receive messages over kernel UDP.
 *
 * In the style of your choice:
 *   poll       loop { client_run_once(); while (client_poll(client, &event) == 0) ... }
 *   callbacks  set conf.callbacks, loop { client_run_once(); }
 *   own loop   wait for client_fd() to be readable or client_timeout_ns() to pass, then
 *              client_run_once(client, 0)
 *
 * Nothing blocks but client_run_once() with a time-out, client_shutdown(), and the name look-up of
 * client_create(). What is sent leaves with the next client_run_once() or client_flush().
 *
 * Everything is encrypted and authenticated, with keys in locked memory; there is nothing to
 * choose.
 *
 * Source:  docs/spec/quantum.md; docs/client.md is the guide. Units: bytes and nanoseconds.
 * Context: one thread per client (and per listener with all of its connections); different clients
 *          may live on different threads. Callbacks run inside client_run_once(), where every call
 *          but client_run_once(), client_wait_open() and client_shutdown() is allowed.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <client/ticket.h>
#include <quantum/conn.h>
#include <sockio/sockio.h>

struct client; /* one connection: dialled, or accepted by a listener */

enum client_state {
	CLIENT_IDLE,       /* created; client_connect() comes next */
	CLIENT_CONNECTING, /* messages may be queued already */
	CLIENT_OPEN,
	CLIENT_CLOSING, /* client_close(): what was queued is still being delivered */
	CLIENT_CLOSED,  /* over; client_connect() with a new ticket may follow */
};

/** A received message, contiguous. Valid until client_msg_release(), or on_message returns. */
struct client_msg {
	const uint8_t *data; /* never NULL, also for `len` 0 */
	uint32_t len;
	uint16_t channel;
	uint8_t order;   /* enum wire_order, as the sender configured the channel */
	uint64_t number; /* from 0 within channel and direction */
	uint64_t key;    /* latest-wins channels */
	void *hold;      /* the library's */
};

/** How the connection ended. */
struct client_end {
	enum quantum_close why;
	bool by_peer;
	uint64_t code; /* QUANTUM_CLOSE_APP: the code of client_close() */
};

/** What became of a message that asked for a report. */
struct client_receipt {
	uint16_t channel;
	bool expired; /* given up; else acknowledged whole by the peer's transport */
	uint64_t number;
	uint64_t cookie;
};

enum client_event_type {
	CLIENT_EVENT_OPEN,     /* connected */
	CLIENT_EVENT_MESSAGE,  /* `msg`: yours until client_msg_release() */
	CLIENT_EVENT_SENT,     /* `receipt` */
	CLIENT_EVENT_WRITABLE, /* after AEF_ERR_FULL a send may succeed; comes after messages */
	CLIENT_EVENT_CLOSED,   /* `end`; the last event until the next client_connect() */
};

struct client_event {
	enum client_event_type type;
	union {
		struct client_msg msg;
		struct client_receipt receipt;
		struct client_end end;
	};
};

/** Any of them may be NULL; then such events are dropped, messages released. */
struct client_callbacks {
	void (*on_state)(void *user, struct client *client, enum client_state state);
	void (*on_message)(void *user, struct client *client, const struct client_msg *msg);
	void (*on_sent)(void *user, struct client *client, const struct client_receipt *receipt);
	void (*on_writable)(void *user, struct client *client);
	void *user;
};

/** Sees every datagram and may drop it (true), for tests; @p tx is true on the way out. */
typedef bool (*client_filter_fn)(void *arg, bool tx, const uint8_t *data, uint32_t len);

/* What a dialling client and a listener have in common. */
struct client_io_conf {
	struct quantum_conn_conf conn; /* behaviour and limits of each connection */
	uint32_t socket_bytes;         /* kernel buffers each way; the system may give less */
	uint64_t rx_bytes_max;         /* memory for received datagrams that nobody took yet */
	bool no_gso, no_gro;           /* leave the kernel's segmentation offloads alone */
	client_filter_fn filter;       /* NULL: none */
	void *filter_arg;
};

struct client_conf {
	struct client_io_conf io;
	const char *server; /* "host:port", "[v6]:port"; looked up by client_create() */
	const char *local;  /* NULL: any address and port */
	bool use_callbacks; /* false: poll style, `callbacks` is ignored */
	struct client_callbacks callbacks;
};

/** Defaults: poll style, any local port, 4 MiB socket buffers. The caller sets server. */
void client_conf_default(struct client_conf *ret_conf);

/**
 * Create a client in CLIENT_IDLE.
 *
 * @param conf    copied
 * @param ret_why on failure a sentence for people, cut to @p why_len bytes; may be NULL with 0
 * @return 0; AEF_ERR_INVALID (address or limits), AEF_ERR_NOTFOUND (host), AEF_ERR_IO (errno),
 *         AEF_ERR_NOMEM, or an error of protect_create()
 */
AEF_MUST_CHECK int client_create(const struct client_conf *conf, struct client **ret_client,
                                 char *ret_why, size_t why_len);

/** Drop everything at once, sending nothing; held messages become invalid. NULL is fine. Inside a
 * callback it takes effect when the run ends. */
void client_destroy(struct client *client);

/**
 * Begin to connect; CLIENT_EVENT_OPEN or CLIENT_EVENT_CLOSED follows.
 *
 * @param ticket used once, even when connecting fails; copied, wiped when connected
 * @return 0; AEF_ERR_STATE when neither CLIENT_IDLE nor CLIENT_CLOSED, or the connection was
 *         accepted by a listener; AEF_ERR_INVALID for limits outside the spec
 */
AEF_MUST_CHECK int client_connect(struct client *client, const struct client_ticket *ticket);

/* ---- running --------------------------------------------------------------------------------- */

/**
 * Receive, run timers, send, and in callback style deliver. A time-out longer than the next timer
 * is cut to it.
 *
 * @param timeout_ns how long to wait for the network at most; 0 = do not wait
 * @return 0; AEF_ERR_CLOSED when the connection is over and nothing will happen any more;
 *         AEF_ERR_IO when the socket is broken
 */
int client_run_once(struct client *client, uint64_t timeout_ns);

/**
 * Run until connected, for who has nothing else to do meanwhile. Takes the OPEN event.
 *
 * @return 0, AEF_ERR_TIMEOUT (still connecting), AEF_ERR_CLOSED (failed), AEF_ERR_IO;
 * client_error() says it in words
 */
AEF_MUST_CHECK int client_wait_open(struct client *client, uint64_t timeout_ns);

/** Descriptor to watch for reading in an event loop of your own; changes with client_rebind(). */
int client_fd(const struct client *client);

/** Nanoseconds until client_run_once() is due also without input; UINT64_MAX: no timer. */
uint64_t client_timeout_ns(const struct client *client);

/** Send now what may leave now, without receiving. */
void client_flush(struct client *client);

/* ---- sending --------------------------------------------------------------------------------- */

/**
 * Choose how to send on a channel before its first message. Without it a channel is ordered,
 * reliable, of middle priority. The receiver needs no configuration.
 *
 * @return 0, AEF_ERR_INVALID, AEF_ERR_STATE (already used otherwise, or not connecting yet),
 *         AEF_ERR_FULL
 */
AEF_MUST_CHECK int client_channel(struct client *client, uint16_t channel,
                                  const struct quantum_chan_conf *conf);

/* Options of one message; all zero is fine. */
struct client_send_opt {
	uint64_t key;    /* latest-wins channels: which value this is */
	bool report;     /* ask for a receipt */
	uint64_t cookie; /* comes back in it */
};

/**
 * Queue a copy of one message.
 *
 * @param opt NULL: none
 * @param len at most what the peer's limits allow
 * @return 0; AEF_ERR_FULL: the queue is full, a WRITABLE event follows; AEF_ERR_LIMIT: longer than
 *         the peer accepts; AEF_ERR_STATE before client_connect(); AEF_ERR_CLOSED; AEF_ERR_NOMEM
 */
AEF_MUST_CHECK int client_send(struct client *client, uint16_t channel, const void *data,
                               uint32_t len, const struct client_send_opt *opt);

/** Memory that is sent without a copy: it must stay as it is until @p release is called. */
struct client_ref {
	const void *data;
	uint32_t len;
	void (*release)(void *arg, const void *data, uint32_t len); /* NULL: static memory */
	void *arg;
};

/**
 * Queue one message without copying it.
 *
 * `ref->release` is called once, when the message was acknowledged or given up or the client
 * destroyed; on failure of this call it is not called.
 *
 * @return as client_send()
 */
AEF_MUST_CHECK int client_send_ref(struct client *client, uint16_t channel,
                                   const struct client_ref *ref, const struct client_send_opt *opt);

/** True when every message sent so far was acknowledged or given up. */
bool client_drained(const struct client *client);

/* ---- receiving ------------------------------------------------------------------------------- */

/**
 * Next event, poll style.
 *
 * @return 0, or AEF_ERR_AGAIN when there is none now
 */
AEF_MUST_CHECK int client_poll(struct client *client, struct client_event *ret_event);

/**
 * Next message, poll style, for who wants nothing else: other events are dropped on the way
 * (client_state() tells of the end).
 *
 * @return 0, AEF_ERR_AGAIN, or AEF_ERR_CLOSED when the connection is over
 */
AEF_MUST_CHECK int client_recv(struct client *client, struct client_msg *ret_msg);

/** Give a message back; its memory is reused. Twice is harmless: a released one is emptied. */
void client_msg_release(struct client *client, struct client_msg *msg);

/* ---- ending ---------------------------------------------------------------------------------- */

/**
 * Close gracefully: no new messages, deliver what was queued, then tell the peer.
 *
 * @param code     of the application
 * @param reason   text for the peer's logs, or NULL; cut to WIRE_CLOSE_REASON_MAX bytes
 * @param flush_ns how long to go on delivering; 0 = close now, abandoning what is queued
 */
void client_close(struct client *client, uint64_t code, const char *reason, uint64_t flush_ns);

/**
 * client_close() and run until it is over; messages that still arrive are dropped.
 *
 * @return 0 when everything queued was delivered, AEF_ERR_TIMEOUT when @p flush_ns cut it short or
 *         the connection ended before
 */
int client_shutdown(struct client *client, uint64_t code, const char *reason, uint64_t flush_ns);

/** Take a new local port, as when the network changed; the connection goes on if it was open. */
AEF_MUST_CHECK int client_rebind(struct client *client);

/* ---- looking at it --------------------------------------------------------------------------- */

/** Where the connection is; CLOSED and OPEN are seen here when their event was polled. */
enum client_state client_state(const struct client *client);

/** One sentence about the last failure or end, "" when there is none; valid until the next call. */
const char *client_error(const struct client *client);

/** How the last connection ended; `why` is QUANTUM_CLOSE_NONE while there is no end. */
struct client_end client_ending(const struct client *client);

/** A phrase for an end that fits after "because", static storage. */
const char *client_close_text(enum quantum_close why);

struct client_stats {
	struct quantum_stats conn; /* of this connection; the last one's when it is over */
	struct sockio_stats sock;  /* of the socket: shared by all connections of a listener */
	uint64_t rx_no_memory;     /* datagrams dropped because rx_bytes_max was reached */
	uint64_t rx_held_bytes;    /* memory of received datagrams now in use */
	uint64_t filtered;         /* datagrams that the filter dropped */
};

/** Fill @p ret_stats; any state, also after the end. */
void client_stats(const struct client *client, struct client_stats *ret_stats);

/** The peer's address. */
struct sockio_addr client_peer(const struct client *client);

/** Port that this end is bound to. */
uint16_t client_port(const struct client *client);

/** Change or remove (NULL: poll style) the callbacks. */
void client_set_callbacks(struct client *client, const struct client_callbacks *callbacks);

/** One pointer for the application's own use. */
void client_set_user(struct client *client, void *user);
void *client_user(const struct client *client);

#endif
