/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * statesync_priv.h - what the files of the document service offer each other.
 *
 *   request.c   a decoded request of a client: open, apply, ...
 *   doc.c       documents: ring of committed operations, commit, flush to the store, load
 *   replica.c   (document, client id) pairs: bridge, connection, linger
 *   round.c     operations encoded once: Operations for all, Applied for the author
 *   fanout.c    from a subscriber's cursor to its connection
 *   snapshot.c  frozen text of a document for those who start from it; trimming of the log
 */
#ifndef STATESYNC_PRIV_H
#define STATESYNC_PRIV_H

#include "state_priv.h"

/* ---- doc.c ---- */

/** Document in memory, or NULL. */
struct doc *sync_doc_find(const struct statesync *st, const struct aef_guuid *id);

/** Document in memory or from the store. 0, AEF_ERR_NOTFOUND, AEF_ERR_LIMIT: too many, or the
 *  store's error. */
int sync_doc_get(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc);

/** Make a document in store and memory. 0, AEF_ERR_EXISTS, AEF_ERR_LIMIT, AEF_ERR_FULL */
int sync_doc_create(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc);

/** Drop it from memory; it must have no replicas. */
void sync_doc_free(struct statesync *st, struct doc *doc);

/** The entry of a version that is in the ring. */
static inline struct entry *
sync_doc_entry(const struct doc *doc, uint64_t version)
{
	return &doc->ring[version & (doc->ring_cap - 1)];
}

/** Make sure one more operation can be committed. 0 or AEF_ERR_FULL */
int sync_doc_room(struct statesync *st, struct doc *doc);

/** Put the operation of @p ref, which the rope has, behind the head. Takes the reference. */
void sync_doc_commit(struct statesync *st, struct doc *doc, const struct aef_guuid *client,
                     uint64_t seq, struct text_opref *ref);

/** Log for transforms. */
struct text_log sync_doc_log(struct doc *doc);

/** Hand what is committed to the store, and show what is durable. */
void sync_doc_flush(struct statesync *st, struct doc *doc);

/* ---- replica.c ---- */

/** The replica of this client id, or NULL. */
struct replica *sync_replica_find(const struct statesync *st, const struct doc *doc,
                                  const struct aef_guuid *client);

/** The replica of a document on this connection, or NULL. */
struct replica *sync_replica_attached(const struct statesync *st, const struct conn *conn,
                                      const struct aef_guuid *doc);

/** Make one, away. NULL: limit or memory. */
struct replica *sync_replica_create(struct statesync *st, struct doc *doc,
                                    const struct aef_guuid *client);

/** Tie it to a connection; ties of either to another are cut. */
void sync_replica_attach(struct statesync *st, struct replica *rep, struct conn *conn,
                         uint16_t channel);

/** Cut the tie; the bridge stays for a while. */
void sync_replica_detach(struct statesync *st, struct replica *rep);

/** Forget it. */
void sync_replica_free(struct statesync *st, struct replica *rep);

/** Forget those that were away for too long. @return when to look again */
uint64_t sync_replica_expire(struct statesync *st);

/** A commit of @p author (NULL: the server): tell the bridges of all others. */
void sync_replica_push(struct statesync *st, struct doc *doc, const struct replica *author,
                       uint64_t version, struct text_opref *ref);

/** Refuse operation @p seq and all later ones of this replica until it opens again. */
void sync_replica_nack(struct statesync *st, struct replica *rep, uint64_t seq,
                       enum docmsg_reason reason);

/** The client has to open again; nothing of it is lost. */
void sync_replica_resync(struct statesync *st, struct replica *rep);

/* ---- round.c ---- */

/** Load operations (from, to], as many as fit, into st->records and st->load_data.
 *  @return number, or a negative error */
int sync_ops_load(struct statesync *st, const struct doc *doc, uint64_t from, uint64_t to);

/** Encode operations (from, to], or the first of them, about @p bytes_max but one at least;
 * round.to says how far it got. 0, AEF_ERR_FULL: no buffer, AEF_ERR_GAP: no longer in the log */
int sync_round_build(struct statesync *st, struct doc *doc, uint64_t from, uint64_t to,
                     uint64_t bytes_max);

/** Give the buffers back. */
void sync_round_drop(struct statesync *st);

/** Send the round to one replica, whose cursor is at its start. @return as reply send */
int sync_round_send(struct statesync *st, struct replica *rep);

/** Encode one message into buffers of its own and send it. */
int sync_event_send(struct statesync *st, struct conn *conn, uint16_t channel,
                    const struct docmsg *msg);

/* ---- fanout.c ---- */

/** Show versions (from, visible] of a document to all who are at @p from. */
void sync_fanout(struct statesync *st, struct doc *doc, uint64_t from);

/** Send a replica what it lacks, as far as it goes. */
void sync_pump(struct statesync *st, struct replica *rep);

/** Send what all replicas of a connection lack. */
void sync_pump_conn(struct statesync *st, struct conn *conn);

/** Send what has been put off. @return when to try again */
uint64_t sync_pump_lagging(struct statesync *st);

/** An answer that belongs to no replica; kept and sent later if there is no room. */
void sync_answer(struct statesync *st, struct conn *conn, uint16_t channel,
                 const struct docmsg *msg);

/* ---- request.c ---- */

/** Do what a decoded request asks. */
void sync_request(struct statesync *st, struct conn *conn, uint16_t channel,
                  const struct docmsg *msg);

/* ---- snapshot.c ---- */

/** Frozen text of the head, with one reference. NULL: no memory. */
struct snap *sync_snap_get(struct statesync *st, struct doc *doc);

/** Give one reference back. NULL is accepted. */
void sync_snap_put(struct statesync *st, struct doc *doc, struct snap *snap);

/** Send the next part of a replica's snapshot. 0: all sent; else as reply send. */
int sync_snap_send(struct statesync *st, struct replica *rep);

/** Cut the log of a document that has grown too long. */
void sync_snap_trim(struct statesync *st, struct doc *doc);

#endif
