/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record_priv.h - what stands in the log of a document: the envelope around an operation.
 *
 *   format 1 | kind 1 | type 1 | flags 1 | user 16 | session 16
 *   | undo_of varint, if RECORD_UNDO_OF | metadata (length varint, bytes), if RECORD_METADATA
 *   | undo (length varint, bytes), if RECORD_UNDO | operation: the rest
 *
 * The store sees bytes, so its format does not change when operations learn something (ADR 0013).
 * Client, number and time stand in the store's own record.
 *
 * Units:   bytes; varints are those of RFC 9000 section 16.
 * Context: anywhere; pure. A decoded record points into the input.
 */
#ifndef STATESYNC_RECORD_PRIV_H
#define STATESYNC_RECORD_PRIV_H

#include <base/err.h>
#include <base/guuid.h>

#define RECORD_FORMAT       1u
#define RECORD_HEAD_BYTES   36u   /* of the shortest */
#define RECORD_METADATA_MAX 4096u /* of an operation */

enum record_kind {
	RECORD_OPERATION = 1, /* on the content */
	RECORD_META,          /* a patch of metadata and permissions */
	RECORD_PARKED,        /* an operation that waits for the resolution of its conflict */
	RECORD_RESOLUTION,    /* of a conflict: what won */
};

/* Types of an operation, as MISSION 4 names them; same numbers as the protocol. */
enum record_type {
	RECORD_CREATE = 1,
	RECORD_UPDATE,
	RECORD_DELETE,
	RECORD_MOVE,
	RECORD_RESIZE,
	RECORD_STYLE,
	RECORD_TEXT,
};

struct record_bytes {
	const uint8_t *data;
	uint32_t len; /* 0: absent */
};

struct record {
	uint8_t kind;                   /* enum record_kind */
	uint8_t type;                   /* enum record_type */
	struct aef_guuid user, session; /* of the author */
	uint64_t undo_of;               /* version that it undoes; 0: none */
	struct record_bytes metadata;   /* JSON, as the client sent it */
	struct record_bytes undo;       /* what takes it back */
	struct record_bytes op;
};

/** Bytes that record_head_encode() writes. */
uint32_t record_head_bytes(const struct record *rec);

/**
 * Write all that stands before the operation, which the caller puts behind it.
 *
 * @return bytes written, or AEF_ERR_FULL; AEF_ERR_INVALID: kind, type or a length out of range
 */
AEF_MUST_CHECK int record_head_encode(const struct record *rec, uint8_t *buf, size_t cap);

/**
 * Read a record.
 *
 * @return 0; AEF_ERR_VERSION: a newer format; AEF_ERR_MALFORMED (then @p ret_rec is untouched)
 */
AEF_MUST_CHECK int record_decode(const uint8_t *data, uint32_t len, struct record *ret_rec);

#endif
