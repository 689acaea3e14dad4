/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/ot_client.h - client side of streaming Jupiter for one text document: many operations in
 * flight.
 *
 * The owner applies its own edit to its rope at once, hands it to text_client_send() and transmits
 * the message. Every committed operation comes back in version order: a foreign one through
 * text_client_foreign(), which turns it into what the local rope must apply; an own one through
 * text_client_ack(). No rope and no network in here.
 *
 * Source:  Nichols et al., Jupiter, UIST 1995; reference "State synchronisation" 3.3.
 * Context: one thread per client. Nothing here knows the time.
 */
#ifndef TEXT_OT_CLIENT_H
#define TEXT_OT_CLIENT_H

#include <text/digest.h>
#include <text/op.h>

#define TEXT_CLIENT_WINDOW 1024 /* operations in flight by default */

struct text_client_entry {
	uint64_t seq;
	struct text_op op; /* in the context: version seen, then all older entries */
};

struct text_client {
	struct aef_alloc *alloc;
	uint64_t version;              /* committed operations seen */
	uint64_t next_seq;             /* of the next own operation; the first is 1 */
	struct text_digest digest;     /* of `version` */
	struct text_client_entry *out; /* ring */
	uint32_t window;
	uint32_t head;
	uint32_t nb_out;
};

/* What goes to the server; `op` is borrowed until the next call on the client. */
struct text_client_msg {
	uint64_t base;
	uint64_t seq;
	const struct text_op *op;
};

/**
 * Start at a snapshot.
 *
 * @param alloc    kept; pays for the window and the operations in it
 * @param window   operations in flight at most; 0: TEXT_CLIENT_WINDOW
 * @param version  of the snapshot
 * @param last_seq last own sequence number the server has committed; 0 for a new client
 * @param digest   of the snapshot; NULL: version 0
 * @return 0 or AEF_ERR_FULL
 */
AEF_MUST_CHECK int text_client_init(struct text_client *client, struct aef_alloc *alloc,
                                    uint32_t window, uint64_t version, uint64_t last_seq,
                                    const struct text_digest *digest);

/** Give all memory back. NULL and a zeroed client are accepted. */
void text_client_fini(struct text_client *client);

/**
 * Put an own operation, already applied locally, in flight.
 *
 * @param op taken (moved, then empty) on success
 * @return 0; AEF_ERR_AGAIN: the window is full, compose and wait for an ack
 */
AEF_MUST_CHECK int text_client_send(struct text_client *client, struct text_op *op,
                                    struct text_client_msg *ret_msg);

/**
 * A committed operation of somebody else has arrived.
 *
 * @param version the server gave it; must be the next one
 * @param op      in: as committed. Out: as the local rope, with all operations in flight, must
 * apply it
 * @return 0; AEF_ERR_DUPLICATE: seen before, ignore; AEF_ERR_GAP: ask the server from `version` +
 * 1; AEF_ERR_LIMIT or AEF_ERR_FULL: resync (the client is then in an undefined state)
 */
AEF_MUST_CHECK int text_client_foreign(struct text_client *client, uint64_t version,
                                       struct text_op *op);

/**
 * The oldest operation in flight was committed.
 *
 * @param ret_op initialised: gets the operation as committed (for undo or history); NULL: dropped
 * @return 0; AEF_ERR_DUPLICATE; AEF_ERR_GAP: versions before it are missing; AEF_ERR_PROTOCOL: not
 * the sequence number that is next (then resync)
 */
AEF_MUST_CHECK int text_client_ack(struct text_client *client, uint64_t version, uint64_t seq,
                                   struct text_op *ret_op);

/**
 * Message for the @p idx-th operation in flight, 0 = oldest, to send again after a reconnect: it
 * carries the present version as base and the operation as it reads there.
 *
 * @return 0, or AEF_ERR_RANGE when fewer are in flight
 */
AEF_MUST_CHECK int text_client_pending(const struct text_client *client, uint32_t idx,
                                       struct text_client_msg *ret_msg);

/** Operations in flight. */
static inline uint32_t
text_client_in_flight(const struct text_client *client)
{
	return client->nb_out;
}

#endif
