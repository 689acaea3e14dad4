/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storeif/storeif.h - contract of a log of committed operations: one log per document.
 *
 * The owner of a document appends; a version is an index in the log, the first is 1. Appending is
 * compare-and-append: the records must follow the head, and the epoch must be the newest that was
 * given out for the shard, so an owner that lost the shard cannot write (fencing).
 *
 * Appending returns a ticket; what it covers may be shown and acknowledged when durable() has
 * reached the ticket (output gate). No call blocks on a device; an implementation that reads from
 * one keeps what the service needs in memory.
 *
 * Source:  DESIGN 6; reference "State synchronisation" 4.3.
 * Units:   bytes, milliseconds since 1970.
 * Context: the thread that owns the shard, for each shard.
 */
#ifndef STOREIF_STOREIF_H
#define STOREIF_STOREIF_H

#include <base/err.h>
#include <base/guuid.h>

#define STOREIF_SHARDS       1024u
#define STOREIF_DIGEST_BYTES 16

struct storeif_record {
	uint64_t version;
	struct aef_guuid client; /* author: all zero for the server itself */
	uint64_t seq;            /* of the author */
	uint64_t unix_ms;
	const uint8_t *data; /* the operation as committed */
	uint32_t len;
};

struct storeif_snapshot {
	uint64_t version;
	uint8_t digest[STOREIF_DIGEST_BYTES]; /* running digest of that version */
	const uint8_t *data;                  /* UTF-8 or canonical JSON */
	uint64_t len;
	uint32_t type; /* of the document */
};

struct storeif_head {
	uint64_t version;   /* newest; 0: nothing committed */
	uint64_t first;     /* lowest version whose record is still in the log; version + 1: none */
	uint64_t snapshot;  /* version of the newest snapshot */
	uint64_t log_bytes; /* of the records that are in the log */
};

struct storeif_ops {
	/** Claim a shard: raises its epoch, which fences every earlier owner. 0 or an error. */
	int (*own)(void *ctx, uint32_t shard, uint64_t *ret_epoch);

	/** Make a document with its first snapshot (version 0). 0, AEF_ERR_EXISTS, AEF_ERR_FULL,
	 *  AEF_ERR_DENIED: stale epoch */
	int (*create)(void *ctx, const struct aef_guuid *doc, uint64_t epoch, uint32_t type);

	/** What there is. 0 or AEF_ERR_NOTFOUND. */
	int (*head)(void *ctx, const struct aef_guuid *doc, struct storeif_head *ret_head);

	/**
	 * Append records with consecutive versions, all or none; their data is copied.
	 *
	 * Also notes for each author its newest (seq, version), see dedup.
	 *
	 * @param ret_ticket reached by durable() when the batch may be shown
	 * @return 0; AEF_ERR_STATE: the first version is not head + 1; AEF_ERR_DENIED: stale epoch;
	 *         AEF_ERR_NOTFOUND; AEF_ERR_FULL
	 */
	int (*append_batch)(void *ctx, const struct aef_guuid *doc, uint64_t epoch,
	                    const struct storeif_record *records, uint32_t nb,
	                    uint64_t *ret_ticket);

	/** Highest ticket that is durable. */
	uint64_t (*durable)(void *ctx);

	/**
	 * Records from version @p from on, at most @p max; borrowed until the next call that
	 * changes the log of this document.
	 *
	 * @return records, 0 past the head; AEF_ERR_GAP: @p from is below the log; AEF_ERR_NOTFOUND
	 */
	int (*read_ops)(void *ctx, const struct aef_guuid *doc, uint64_t from,
	                struct storeif_record *ret_records, uint32_t max);

	/** Bytes of the records from..to; UINT64_MAX when the log does not have them all. */
	uint64_t (*ops_bytes)(void *ctx, const struct aef_guuid *doc, uint64_t from, uint64_t to);

	/** Keep a snapshot, copied. 0, AEF_ERR_NOTFOUND, AEF_ERR_FULL, AEF_ERR_DENIED */
	int (*put_snapshot)(void *ctx, const struct aef_guuid *doc, uint64_t epoch,
	                    const struct storeif_snapshot *snapshot);

	/** Newest snapshot at or below @p version, borrowed until the next call that changes this
	 *  document. 0 or AEF_ERR_NOTFOUND */
	int (*get_snapshot)(void *ctx, const struct aef_guuid *doc, uint64_t version,
	                    struct storeif_snapshot *ret_snapshot);

	/** Forget records below @p version, which must be at most the newest snapshot's + 1. */
	int (*trim)(void *ctx, const struct aef_guuid *doc, uint64_t epoch, uint64_t version);

	/** Newest operation of an author: its number and the version it got. 0 or
	 *  AEF_ERR_NOTFOUND. */
	int (*dedup)(void *ctx, const struct aef_guuid *doc, const struct aef_guuid *client,
	             uint64_t *ret_seq, uint64_t *ret_version);

	/**
	 * Documents in ascending order of id, those above @p after (NULL: from the start).
	 *
	 * @return number written, at most @p max
	 */
	int (*list)(void *ctx, const struct aef_guuid *after, struct aef_guuid *ret_docs,
	            uint32_t max);
};

/* A store as it is handed to a service. */
struct storeif {
	const struct storeif_ops *ops;
	void *ctx;
};

/** Shard of a document: its id is random in the low bytes. */
static inline uint32_t
storeif_shard(const struct aef_guuid *doc)
{
	uint64_t lo;

	__builtin_memcpy(&lo, doc->b + 8, 8);
	return (uint32_t)(aef_splitmix64(&lo) % STOREIF_SHARDS);
}

#endif
