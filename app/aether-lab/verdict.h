/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verdict: server and replicas byte by byte, operations one by one, the trace's final text.
 *
 * Context: main thread, after the lcores have stopped (or in lockstep).
 */
#ifndef LAB_VERDICT_H
#define LAB_VERDICT_H

#include "lab.h"

struct lab_doc_verdict {
	uint64_t version;
	uint8_t sha256[AEF_SHA256_BYTES]; /* of the server's text */
	uint32_t bytes, cps;
	uint32_t nb_replicas; /* the server's and the clients' */
	uint32_t nb_different;
	uint64_t ops_made, ops_missing; /* made but not in the server's log */
	bool found, trace_checked, trace_equal;
};

struct lab_verdict {
	struct lab_doc_verdict docs[LAB_DOCS_MAX];
	uint32_t nb_docs;
	uint64_t lost;
	bool complete; /* false: cut short or timed out before all was typed */
	bool in_sync;
	bool diverged;
	char why[300]; /* one sentence where it is not in sync */
};

/** Compare everything. @param cut true: the user ended it early, so a trace may be unfinished */
void lab_verdict_take(struct lab *lab, bool cut, struct lab_verdict *ret_verdict);

/** Print it. */
void lab_verdict_print(const struct lab *lab, const struct lab_verdict *verdict);

/** 64 hexadecimal digits and a NUL. */
void lab_hex(const uint8_t digest[AEF_SHA256_BYTES], char ret_text[2 * AEF_SHA256_BYTES + 1]);

#endif
