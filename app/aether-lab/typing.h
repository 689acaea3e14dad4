/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A person at a keyboard: bursts of keystrokes with pauses between, backspaces, jumps, now and then
 * a block cut out or a phrase pasted.
 *
 * Units:   nanoseconds of the caller's clock; positions in code points.
 * Context: one owner; the same seed and document lengths give the same edits.
 */
#ifndef LAB_TYPING_H
#define LAB_TYPING_H

#include <base/defs.h>
#include <base/rng.h>
#include <base/time.h>

#define LAB_TYPING_TEXT_MAX 64u

enum lab_burst { LAB_BURST_TYPE, LAB_BURST_ERASE };

struct lab_typing {
	struct aef_rng rng;
	uint64_t mean_ns; /* between two operations, in the long run */
	uint64_t next_ns; /* when the next keystroke is due */
	uint32_t left;    /* keystrokes of this burst */
	uint32_t cursor;
	enum lab_burst burst;
};

struct lab_edit {
	uint32_t pos, del;
	uint32_t ins_len; /* bytes */
	uint8_t ins[LAB_TYPING_TEXT_MAX];
};

/** Start; the first keystroke comes within the first two mean intervals. @p rate_milli: operations
 * per 1,000 s, at least 1. */
void lab_typing_init(struct lab_typing *typing, uint64_t seed, uint64_t rate_milli,
                     uint64_t now_ns);

/** The keystroke that is due, on a document of @p doc_cps; moves the cursor and `next_ns`. */
void lab_typing_next(struct lab_typing *typing, uint32_t doc_cps, uint64_t now_ns,
                     struct lab_edit *ret_edit);

#endif
