/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit_priv.h - one line of the audit log: made, and read again.
 *
 * Context: any thread.
 */
#ifndef CONTROL_AUDIT_PRIV_H
#define CONTROL_AUDIT_PRIV_H

#include <base/sha256.h>
#include <control/audit.h>

#define AUDIT_LINE_MAX  4096u /* bytes, newline included */
#define AUDIT_EVENT_MAX 32u
#define AUDIT_GAP       "audit_gap"
#define AUDIT_HEAD      "{\"seq\":" /* how every line begins */

struct audit_hash {
	char hex[CONTROL_AUDIT_HASH_CHARS + 1];
};

struct audit_line {
	uint64_t seq;
	char event[AUDIT_EVENT_MAX];
	struct audit_hash prev, hash;

	/* Of a gap record, else 0. */
	uint64_t torn_bytes, lost_events;
	struct audit_hash torn;
};

/** 64 zeros: what stands before the first line of all. */
void audit_hash_none(struct audit_hash *ret_hash);

/** Finish @p sha as text. */
void audit_hash_final(struct aef_sha256 *sha, struct audit_hash *ret_hash);

/* What a line is made from. */
struct audit_event {
	uint64_t seq;
	uint64_t unix_ns;
	const char *event;
	const struct control_audit_field *fields;
	unsigned nb_fields;
	const struct audit_hash *prev;
};

/** Make a line without its newline. @return bytes written to @p buf */
size_t audit_line_make(char buf[AUDIT_LINE_MAX], const struct audit_event *ev,
                       struct audit_hash *ret_hash);

/**
 * Read a line without its newline.
 *
 * @return 0; AEF_ERR_MALFORMED: no line of ours; AEF_ERR_AUTH: one, but its hash does not fit
 */
AEF_MUST_CHECK int audit_line_parse(const char *line, size_t len, struct audit_line *ret_line);

#endif
