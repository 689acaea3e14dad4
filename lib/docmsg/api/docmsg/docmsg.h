/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * docmsg/docmsg.h - messages of the document protocol as plain structures, and a codec's contract.
 *
 * proto/statesync.proto says what each message means; the fields here are the same. Server
 * (statesync) and client (docclient) are pure and see only this; the codec that speaks protobuf is
 * handed to both (msg/doc.h), so every protobuf-c call stays in one module (ADR 0010).
 *
 * Units:   bytes; versions and sequence numbers count operations.
 * Context: anywhere. What a decoded message points at lives in the arena and the input.
 */
#ifndef DOCMSG_DOCMSG_H
#define DOCMSG_DOCMSG_H

#include <base/err.h>
#include <base/guuid.h>

#define DOCMSG_OPS_MAX      256 /* operations in one Apply or Operations that we write */
#define DOCMSG_DIGEST_BYTES 16
#define DOCMSG_MSG_MAX      (512u << 10) /* bytes of one message */
#define DOCMSG_OP_MAX       (128u << 10) /* bytes of one operation */
#define DOCMSG_ARENA_BYTES                                                                         \
	(2u << 20) /* enough to decode any message of DOCMSG_MSG_MAX that is not hostile */
#define DOCMSG_OVERHEAD_MAX 160 /* bytes of a message beside `data`, `content` and `text` */
#define DOCMSG_OP_OVERHEAD  4   /* bytes of one more `data`, beside the data */
#define DOCMSG_TEXT_MAX     127 /* bytes of a reason's text */

enum docmsg_kind {
	DOCMSG_CREATE = 1, /* client to worker */
	DOCMSG_OPEN,
	DOCMSG_APPLY,
	DOCMSG_SUBSCRIBE,
	DOCMSG_UNSUBSCRIBE,
	DOCMSG_CLOSE,
	DOCMSG_CREATED, /* worker to client */
	DOCMSG_OPENED,
	DOCMSG_SNAPSHOT,
	DOCMSG_OPERATIONS,
	DOCMSG_APPLIED,
	DOCMSG_NACK,
	DOCMSG_RESYNC,
	DOCMSG_ERROR,
};

enum docmsg_type {
	DOCMSG_TYPE_TEXT = 1,
};

/* Same numbers as enum Reason of the protocol. */
enum docmsg_reason {
	DOCMSG_REASON_NONE = 0,
	DOCMSG_REASON_MALFORMED = 1,
	DOCMSG_REASON_OUT_OF_RANGE = 2,
	DOCMSG_REASON_GAP = 3,
	DOCMSG_REASON_WINDOW = 4,
	DOCMSG_REASON_TOO_FAR_BEHIND = 5,
	DOCMSG_REASON_OP_TOO_LARGE = 6,
	DOCMSG_REASON_DOC_TOO_LARGE = 7,
	DOCMSG_REASON_NOT_OPEN = 8,
	DOCMSG_REASON_NOT_FOUND = 9,
	DOCMSG_REASON_EXISTS = 10,
	DOCMSG_REASON_TOO_MANY = 11,
	DOCMSG_REASON_NO_MEMORY = 12,
	DOCMSG_REASON_UNSUPPORTED = 13,
	DOCMSG_REASON_PROTOCOL = 14,
	DOCMSG_REASON_STORE = 15,
};

struct docmsg_bytes {
	const uint8_t *data;
	uint32_t len;
};

struct docmsg_digest {
	uint8_t b[DOCMSG_DIGEST_BYTES];
	bool present;
};

struct docmsg_create {
	uint32_t type; /* enum docmsg_type */
	struct docmsg_bytes content;
};

struct docmsg_open {
	struct aef_guuid client_id;
	uint64_t from_version;
	struct docmsg_digest digest;
	bool have_state;
	bool has_pending;
	bool create;
	bool ack_only;
};

struct docmsg_apply {
	uint64_t base;
	uint64_t first_seq;
	const struct docmsg_bytes *data;
	uint32_t nb;
};

struct docmsg_opened {
	uint64_t version;
	uint64_t start_version;
	uint64_t snapshot_bytes;
	uint64_t last_seq;
	uint64_t min_base;
	uint64_t doc_bytes_max;
	uint32_t window;
	uint32_t op_bytes_max;
	struct docmsg_digest digest;
	bool snapshot;
};

struct docmsg_snapshot {
	uint64_t offset;
	struct docmsg_bytes data;
};

struct docmsg_operations {
	uint64_t first_version;
	uint64_t first_seq;
	struct aef_guuid client_id;
	struct docmsg_digest digest;
	const struct docmsg_bytes *data;
	uint32_t nb;
};

struct docmsg_applied {
	uint64_t first_version;
	uint64_t first_seq;
	struct docmsg_digest digest;
	uint32_t count;
};

struct docmsg_refusal { /* Nack and Error */
	uint64_t seq;
	uint64_t head;
	uint32_t reason; /* enum docmsg_reason; a number not in it: a newer peer */
	struct docmsg_bytes text;
};

struct docmsg_resync {
	uint64_t from;
	uint64_t head;
};

struct docmsg {
	enum docmsg_kind kind;
	struct aef_guuid doc;
	union {
		struct docmsg_create create;
		struct docmsg_open open;
		struct docmsg_apply apply;
		uint64_t from_version; /* subscribe */
		uint64_t version;      /* created */
		struct docmsg_opened opened;
		struct docmsg_snapshot snapshot;
		struct docmsg_operations operations;
		struct docmsg_applied applied;
		struct docmsg_refusal refusal;
		struct docmsg_resync resync;
	} u;
};

/* Memory that one decode call may use; nothing is kept between calls. 16-byte aligned. */
struct docmsg_arena {
	uint8_t *mem;
	size_t bytes;
};

struct docmsg_codec {
	/**
	 * Decode a whole message.
	 *
	 * @param from_client true: ClientMessage, false: ServerMessage
	 * @param ret_msgs    array in the arena
	 * @return number of messages; AEF_ERR_MALFORMED (also an id or digest of a wrong length, an
	 *         empty or unknown body); AEF_ERR_LIMIT: too long, or the arena does not suffice
	 */
	int (*decode)(struct docmsg_arena *arena, bool from_client, const uint8_t *data, size_t len,
	              const struct docmsg **ret_msgs);

	/**
	 * Encode one message; encodings may be joined by writing one behind the other.
	 *
	 * @return bytes written; AEF_ERR_FULL: more than @p cap_bytes; AEF_ERR_INVALID: more than
	 *         DOCMSG_OPS_MAX operations
	 */
	int64_t (*encode)(const struct docmsg *msg, uint8_t *buf, size_t cap_bytes);
};

/** Short name of a reason, static storage. */
static inline const char *
docmsg_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		"unspecified",
		"malformed",
		"out of range",
		"gap",
		"window full",
		"too far behind",
		"operation too large",
		"document too large",
		"not open",
		"not found",
		"exists",
		"too many",
		"no memory",
		"unsupported",
		"protocol",
		"store",
	};

	return reason < AEF_DIM(names) ? names[reason] : "unknown";
}

#endif
