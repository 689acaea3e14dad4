/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control/audit.h - the audit log: one JSON line for each event, chained by hashes, only appended.
 *
 *   {"seq":7,"time":"2026-01-02T03:04:05.678Z","event":"keys.revoked","epoch":4,
 *    "prev":"<64 hex>","hash":"<64 hex>"}                                        (in one line)
 *
 * `hash` is the SHA-256 of the line up to, without, `,"hash":`; `prev` is the hash of the line
 * before, 64 zeros when there is none. A file that follows another one (rotation) begins with the
 * last hash of that. So a line that is changed, removed, added or moved shows; a chain that was
 * made anew from there on shows only to who has kept a later hash, for there is no key in it.
 *
 * A write that was cut off (full disk, crash) leaves torn bytes; the next line written is then
 * `audit_gap` with their number and SHA-256, and the number of events that were lost.
 *
 * Durability: a line is handed to the kernel at once, to the disk by control_audit_sync(), which
 * the program calls once a second and before a command that changed keys is answered.
 *
 * Source:  docs/spec/quantum.md; FIPS 180-4.
 * Context: one thread, the control thread. Writes to a file: not for lcores.
 */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include <base/defs.h>
#include <runtime/text.h>

#define CONTROL_AUDIT_HASH_CHARS 64u
#define CONTROL_AUDIT_FIELDS_MAX 10u
#define CONTROL_AUDIT_TEXT_MAX   128u /* bytes of a field's text; more is cut */

/* Counters; one writer. */
struct control_audit_stats {
	uint64_t lines;        /* written */
	uint64_t lost_events;  /* could not be written; a gap record tells their number later */
	uint64_t write_errors; /* of write(2) */
	uint64_t sync_errors;  /* of fdatasync(2) */
};

struct control_audit_conf {
	const char *path;                  /* copied */
	uint64_t (*unix_ns)(void);         /* NULL: the wall clock */
	struct control_audit_stats *stats; /* borrowed; zeroed by the caller */
};

/* One member of a line: text, or a number when that is NULL. Never a secret. */
struct control_audit_field {
	const char *name; /* of letters, digits and _ */
	const char *text;
	uint64_t number;
};

struct control_audit;

/**
 * Open the file to append, make it (0600) if it is not there, and go on with its chain.
 *
 * @param ret_error one sentence on failure
 * @return 0; AEF_ERR_IO (cannot be opened, or is no regular file); AEF_ERR_AUTH (others may read or
 *         write it); AEF_ERR_EXISTS (another process has it); AEF_ERR_MALFORMED (its last line is
 *         none of ours, or was changed); AEF_ERR_NOMEM; AEF_ERR_LIMIT (path too long)
 */
AEF_MUST_CHECK int control_audit_open(const struct control_audit_conf *conf,
                                      struct control_audit **ret_audit, struct aef_text *ret_error);

/** Sync and close. NULL is accepted. */
void control_audit_close(struct control_audit *audit);

/**
 * Append a line.
 *
 * @return 0, or AEF_ERR_IO: it was not written, and counted
 */
int control_audit_write(struct control_audit *audit, const char *event,
                        const struct control_audit_field *fields, unsigned nb_fields);

/** Bring what was written to the disk; nothing to do: no call. @return 0 or AEF_ERR_IO, counted */
int control_audit_sync(struct control_audit *audit);

/**
 * Open the path again, after the file was moved away. A new file goes on with our chain. On failure
 * the old file stays in use.
 *
 * @return as control_audit_open(); 0 also when the file is still the same
 */
AEF_MUST_CHECK int control_audit_reopen(struct control_audit *audit, struct aef_text *ret_error);

/** Torn bytes found when the file was opened; 0: none. */
uint64_t control_audit_torn_bytes(const struct control_audit *audit);

/** Number and hash of the last line; 0 and 64 zeros: none. */
uint64_t control_audit_last(const struct control_audit *audit,
                            char ret_hash[CONTROL_AUDIT_HASH_CHARS + 1]);

struct control_audit_report {
	uint64_t lines; /* good ones */
	uint64_t first_seq, last_seq;
	uint64_t torn_bytes, lost_events; /* that gap records account for */
	char first_prev[CONTROL_AUDIT_HASH_CHARS + 1];
	char last_hash[CONTROL_AUDIT_HASH_CHARS + 1];
	uint64_t bad_line; /* 1 is the first; 0: all are good */
	const char *why;   /* static storage; "was changed: ..." */
};

/**
 * Judge a whole file.
 *
 * @param after the report of the file before this one, may be @p ret_report; or NULL: any beginning
 *              is right
 * @return 0, also when a line is bad: `bad_line`; AEF_ERR_IO (said)
 */
AEF_MUST_CHECK int control_audit_verify(const char *path, const struct control_audit_report *after,
                                        struct control_audit_report *ret_report,
                                        struct aef_text *ret_error);

#endif
