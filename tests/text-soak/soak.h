/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * soak.h - random work for lib/text, shared by the unit tests and the program text-soak.
 *
 * A seed and an index name one pair or one session for ever; nothing here reads a clock.
 */
#ifndef TESTS_TEXT_SOAK_H
#define TESTS_TEXT_SOAK_H

#include <stdio.h>

#include <base/rng.h>
#include <json/json.h>
#include <text/op.h>
#include <text/ot_client.h>
#include <text/ot_server.h>
#include <text/rope.h>

/* ---- memory and text ---- */

/** Allocator over malloc with the given budget. */
struct aef_alloc soak_alloc(uint64_t budget_bytes);

#define SOAK_TEXT_MAX 65536

/* A small UTF-8 text, the naive model of a document. */
struct soak_text {
	uint32_t bytes;
	uint8_t data[SOAK_TEXT_MAX];
};

/** Append up to @p cps_max random code points: ASCII, astral, combining, right-to-left, control. */
void soak_random_text(struct aef_rng *rng, struct soak_text *text, uint32_t cps_max);

/** Code points of a text. */
uint32_t soak_cps(const struct soak_text *text);

/** A random operation on a document; deletes carry their text or a count at random. */
void soak_random_op(struct aef_rng *rng, const struct soak_text *doc, uint32_t edits_max,
                    struct text_op *ret_op);

/** Apply by walking bytes, without the rope. False when it walks past the end. */
bool soak_apply(const struct soak_text *doc, const struct text_op *op, struct soak_text *ret_doc);

/** True when equal byte for byte. */
bool soak_text_eq(const struct soak_text *a, const struct soak_text *b);

/** Contents of a rope as a flat text (it must fit). */
void soak_of_rope(const struct text_rope *rope, struct soak_text *ret_text);

/** Print a name, a text and an operation as JSON on one line. */
void soak_print(const char *name, const struct soak_text *text, const struct text_op *op);

/* ---- pairs and sessions ---- */

/**
 * One TP1 pair: transform, transform_pair, compose, invert and the rope against the naive model.
 *
 * @return NULL when all agree, else what failed
 */
const char *soak_pair(uint64_t seed, uint64_t idx);

/** Print the smallest form of a failing pair that still fails. */
void soak_pair_shrink(uint64_t seed, uint64_t idx);

struct soak_session_conf {
	uint64_t seed;
	uint32_t ops_max;     /* operations of all clients together; 0: the seed decides */
	const uint8_t *empty; /* ops_max flags: that operation becomes empty; NULL: none */
	bool verbose;
};

struct soak_session_stats {
	uint32_t clients;
	uint32_t ops;
	uint32_t in_flight_max;
	uint32_t resends;
};

/** One random streaming session of 2 to 8 clients. @return NULL when all converge. */
const char *soak_session(const struct soak_session_conf *conf,
                         struct soak_session_stats *ret_stats);

/** Print the smallest form of a failing session. */
void soak_session_shrink(uint64_t seed);

/* ---- editing traces ---- */

/* One operation of a trace, as JSON text. */
struct trace_op {
	uint32_t json_off;
	uint32_t json_len;
	uint32_t base;  /* concurrent: committed operations its author had seen */
	uint32_t agent; /* sequential: 0 */
};

struct trace {
	struct trace_op *ops;
	uint32_t nb_ops;
	uint32_t nb_agents;
	char *json; /* all operations */
	char *end;  /* final text */
	size_t end_bytes;
};

/** Read an editing trace (gzipped JSON). NULL when it cannot be read. */
struct trace *trace_load(const char *path);
void trace_free(struct trace *trace);

/** Decode and apply all operations, with transforms if concurrent. 0 or an error. */
int trace_replay(const struct trace *trace, struct aef_alloc *alloc, struct text_rope *rope);

#endif
