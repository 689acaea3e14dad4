/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An editing trace in memory: transactions of one or two authors, and what each author had seen.
 *
 * Source:  github.com/josephg/editing-traces, sequential and concurrent format.
 * Units:   positions and lengths in code points.
 */
#ifndef LAB_TRACE_H
#define LAB_TRACE_H

#include <base/defs.h>
#include <base/err.h>
#include <base/sha256.h>
#include <runtime/text.h>

#define LAB_TRACE_AGENTS_MAX 2u

struct lab_patch {
	uint32_t pos;
	uint32_t del;
	uint32_t ins_off; /* in `text` */
	uint32_t ins_len; /* bytes */
};

struct lab_txn {
	uint64_t time_ms; /* since the first one */
	uint32_t first_patch;
	uint32_t nb_patches;
	uint32_t agent;
	/* Patches of each author that are in the text this one was typed on. */
	uint32_t seen[LAB_TRACE_AGENTS_MAX];
};

struct lab_trace {
	struct lab_txn *txns;
	struct lab_patch *patches;
	uint8_t *text;
	uint32_t nb_txns, nb_patches, nb_agents;
	size_t text_len, text_cap;
	uint32_t patches_of[LAB_TRACE_AGENTS_MAX];
	bool concurrent;
	bool has_times;    /* not all the same */
	char *start, *end; /* contents before and after */
	size_t start_len, end_len;
	uint8_t end_sha256[AEF_SHA256_BYTES];
};

/** Read and check a file, gzipped or not. @param ret_error one sentence. @return 0 or error */
AEF_MUST_CHECK int lab_trace_load(struct lab_trace *trace, const char *path,
                                  struct aef_text *ret_error);

/** The same from memory. */
AEF_MUST_CHECK int lab_trace_parse(struct lab_trace *trace, const char *json, size_t len,
                                   struct aef_text *ret_error);

/** Whole file into memory, inflated when it is gzip. The caller frees. */
AEF_MUST_CHECK int lab_file_read(const char *path, char **ret_data, size_t *ret_len,
                                 struct aef_text *ret_error);

/** Free; accepts a zeroed or half-made trace. */
void lab_trace_fini(struct lab_trace *trace);

#endif
