/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client/listener.h - the listening side over kernel UDP: accepted connections are struct client.
 *
 * For tests, tools and small peers; the appliance serves from poll-mode lcores instead. Every
 * listener's socket, pools and connections belong to one thread.
 *
 * Source:  docs/spec/quantum.md chapter 4: nothing is kept of a stranger before its address is
 *          proven.
 * Context: the thread that runs the listener. Callbacks as in client.h.
 */
#ifndef CLIENT_LISTENER_H
#define CLIENT_LISTENER_H

#include <client/client.h>

struct client_listener;
struct protect_ring;

struct client_listener_conf {
	struct client_io_conf io;
	const char *local; /* "host:port"; port 0 takes a free one */
	/* Token keys whose tickets open connections here; borrowed (protect/ring.h). NULL: a key of
	 * its own, for tickets of client_listener_ticket() alone. */
	struct protect_ring *ring;
	uint32_t conns_max;  /* accepted connections at a time; further ones are told BUSY */
	uint32_t tokens_max; /* used tokens remembered until they expire; full refuses */
	/* Callback style: a connection was accepted; give it callbacks here. NULL: poll style. */
	void (*on_accept)(void *user, struct client *client);
	void *user;
};

/** Defaults: 64 connections, a token key of its own. The caller sets the local address. */
void client_listener_conf_default(struct client_listener_conf *ret_conf);

/**
 * Open the socket and serve.
 *
 * @param ret_why on failure a sentence for people, cut to @p why_len bytes
 * @return 0; AEF_ERR_INVALID (address, sizes), AEF_ERR_NOTFOUND (host), AEF_ERR_EXISTS (the port is
 *         taken), AEF_ERR_IO (errno set), AEF_ERR_NOMEM; AEF_ERR_UNSUPPORTED, AEF_ERR_LIMIT,
 *         AEF_ERR_STATE as client_create()
 */
AEF_MUST_CHECK int client_listener_create(const struct client_listener_conf *conf,
                                          struct client_listener **ret_listener, char *ret_why,
                                          size_t why_len);

/** Drop the listener and every connection of it, sending nothing. NULL is fine. */
void client_listener_destroy(struct client_listener *listener);

/**
 * Receive, run timers of all connections, send, deliver. client_run_once() on any of its
 * connections does the same.
 *
 * @return 0, or AEF_ERR_IO when the socket is broken
 */
int client_listener_run_once(struct client_listener *listener, uint64_t timeout_ns);

/**
 * Next connection that was accepted, poll style. The caller ends it with client_destroy().
 *
 * @return 0, or AEF_ERR_AGAIN
 */
AEF_MUST_CHECK int client_listener_accept(struct client_listener *listener,
                                          struct client **ret_client);

/**
 * Issue a ticket that opens one connection to this listener, for whoever gets it over a channel
 * that is protected already.
 *
 * @param life_ms how long it may be used, at most CRYPTO_TOKEN_LIFE_MAX_MS
 * @return 0, or an error of protect_token_issue()
 */
AEF_MUST_CHECK int client_listener_ticket(struct client_listener *listener, uint32_t life_ms,
                                          struct client_ticket *ret_ticket);

/** For an event loop of your own, as client_fd() and client_timeout_ns(). */
int client_listener_fd(const struct client_listener *listener);
uint64_t client_listener_timeout_ns(const struct client_listener *listener);

/** Port that the listener is bound to. */
uint16_t client_listener_port(const struct client_listener *listener);

/** Connections alive. */
uint32_t client_listener_nb(const struct client_listener *listener);

/** Datagrams that belonged to no connection, by enum quantum_verdict. */
const uint64_t *client_listener_verdicts(const struct client_listener *listener);

#endif
