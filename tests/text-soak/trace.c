/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "soak.h"

#define TRACE_BYTES_MAX (256u << 20)

/* The whole gzipped file; NULL when it cannot be read. */
static char *
read_gz(const char *path, size_t *ret_len)
{
	gzFile f = gzopen(path, "rb");
	size_t cap = 1 << 20, len = 0;
	char *buf = malloc(cap);
	int got;

	if (f == NULL || buf == NULL)
		goto fail;
	while ((got = gzread(f, buf + len, (unsigned)(cap - len))) > 0) {
		len += (size_t)got;
		if (len < cap)
			continue;
		char *more = cap < TRACE_BYTES_MAX ? realloc(buf, cap *= 2) : NULL;

		if (more == NULL)
			goto fail;
		buf = more;
	}
	if (got < 0)
		goto fail;
	gzclose(f);
	*ret_len = len;
	return buf;
fail:
	if (f != NULL)
		gzclose(f);
	free(buf);
	return NULL;
}

/* Append a patch [pos, deleted, inserted] in JSON form at `w`. */
static void
write_patch(const json_t *patch, struct json_writer *w)
{
	const json_int_t pos = json_integer_value(json_array_get(patch, 0));
	const json_int_t del = json_integer_value(json_array_get(patch, 1));
	const json_t *ins = json_array_get(patch, 2);

	w->comma = false;
	json_write_array_begin(w);
	if (pos > 0)
		json_write_u64(w, (uint64_t)pos);
	if (json_string_length(ins) > 0)
		json_write_string(w, (const uint8_t *)json_string_value(ins),
		                  json_string_length(ins));
	if (del > 0) {
		json_write_object_begin(w);
		json_write_key(w, "d");
		json_write_u64(w, (uint64_t)del);
		json_write_object_end(w);
	}
	json_write_array_end(w);
}

/*
 * How much of the log the author of transaction i had seen. Server order is file order, and an
 * author has seen a prefix of the other's transactions: the latest in its ancestry is seen[i]. It
 * has then processed the log up to the first foreign transaction behind that.
 */
static uint32_t
base_of(const json_t *txns, size_t i, const int64_t *seen, uint32_t agent)
{
	size_t k = (size_t)(seen[i] + 1);

	while (k < i && (uint32_t)json_integer_value(
				json_object_get(json_array_get(txns, k), "agent")) == agent)
		k++;
	return (uint32_t)k;
}

/* Latest foreign transaction in the ancestry of i, -1: none (two agents). */
static int64_t
seen_by(const json_t *txns, size_t i, const int64_t *seen)
{
	const json_t *txn = json_array_get(txns, i);
	const json_t *parents = json_object_get(txn, "parents");
	const json_int_t agent = json_integer_value(json_object_get(txn, "agent"));
	int64_t latest = -1;

	for (size_t k = 0; k < json_array_size(parents); k++) {
		const json_int_t p = json_integer_value(json_array_get(parents, k));
		const json_t *parent = json_array_get(txns, (size_t)p);
		const bool own = json_integer_value(json_object_get(parent, "agent")) == agent;
		const int64_t at = own ? seen[p] : p;

		if (at > latest)
			latest = at;
	}
	return latest;
}

static void
add_txn(struct trace *t, const json_t *txns, size_t i, int64_t *seen, struct json_writer *w)
{
	const json_t *txn = json_array_get(txns, i);
	const json_t *patches = json_object_get(txn, "patches");
	const uint32_t agent = (uint32_t)json_integer_value(json_object_get(txn, "agent"));
	uint32_t base = 0;

	if (t->nb_agents > 1) {
		seen[i] = seen_by(txns, i, seen);
		base = base_of(txns, i, seen, agent);
	}
	for (size_t k = 0; k < json_array_size(patches); k++) {
		struct trace_op *op = &t->ops[t->nb_ops++];

		op->agent = agent;
		op->base = base;
		op->json_off = (uint32_t)json_writer_bytes(w);
		write_patch(json_array_get(patches, k), w);
		op->json_len = (uint32_t)json_writer_bytes(w) - op->json_off;
	}
}

static struct trace *
trace_build(const json_t *root, size_t file_bytes)
{
	const json_t *txns = json_object_get(root, "txns");
	const json_t *end = json_object_get(root, "endContent");
	const size_t nb = json_array_size(txns);
	struct trace *t = calloc(1, sizeof(*t));
	int64_t *seen = calloc(nb + 1, sizeof(*seen));
	struct json_writer w;

	/* A patch in JSON is never longer than in the file, by far. */
	t->json = malloc(file_bytes);
	t->ops = calloc(file_bytes / 8, sizeof(*t->ops));
	t->end = strdup(json_string_value(end));
	t->end_bytes = json_string_length(end);
	t->nb_agents = 1;
	if (json_object_get(root, "numAgents") != NULL)
		t->nb_agents = (uint32_t)json_integer_value(json_object_get(root, "numAgents"));
	json_writer_init(&w, (uint8_t *)t->json, file_bytes);
	for (size_t i = 0; i < nb; i++)
		add_txn(t, txns, i, seen, &w);
	free(seen);
	return t;
}

struct trace *
trace_load(const char *path)
{
	struct trace *t = NULL;
	size_t len = 0;
	char *text = read_gz(path, &len);
	json_t *root = text != NULL ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;

	if (root != NULL)
		t = trace_build(root, len);
	json_decref(root);
	free(text);
	return t;
}

void
trace_free(struct trace *trace)
{
	if (trace == NULL)
		return;
	free(trace->ops);
	free(trace->json);
	free(trace->end);
	free(trace);
}

/* ---- replay ---- */

struct replay {
	struct text_opref **log;
	uint64_t head;
	uint64_t seq[2];
	struct text_bridge bridge[2];
};

static struct text_opref *
log_get(void *ctx, uint64_t version)
{
	return ((struct replay *)ctx)->log[version];
}

static int
replay_one(struct replay *rp, struct text_rope *rope, const struct trace_op *t, struct text_op *op)
{
	const struct text_log log = { log_get, rp, rp->head, rope->total.cps };
	struct text_bridge *mine = &rp->bridge[t->agent];
	int r;

	r = text_bridge_accept(mine, &log, t->base, ++rp->seq[t->agent], op, NULL);
	if (r == 0)
		r = text_op_apply(rope, op, NULL);
	if (r != 0)
		return r;
	rp->log[++rp->head] = text_opref_create(op);
	text_bridge_committed(mine, rp->head);
	return text_bridge_push(&rp->bridge[1 - t->agent], rp->head, rp->log[rp->head]);
}

int
trace_replay(const struct trace *trace, struct aef_alloc *alloc, struct text_rope *rope)
{
	struct replay rp = { .log = NULL };
	struct text_op op;
	int r = 0;

	text_op_init(&op, alloc);
	if (trace->nb_agents > 1) {
		rp.log = calloc(trace->nb_ops + 1, sizeof(struct text_opref *));
		text_bridge_init(&rp.bridge[0], alloc, NULL, 0, 0, 0);
		text_bridge_init(&rp.bridge[1], alloc, NULL, 0, 0, 0);
	}
	for (uint32_t i = 0; r == 0 && i < trace->nb_ops; i++) {
		const struct trace_op *t = &trace->ops[i];

		r = text_op_parse((const uint8_t *)trace->json + t->json_off, t->json_len, NULL,
		                  &op);
		if (r != 0)
			break;
		r = rp.log != NULL ? replay_one(&rp, rope, t, &op) : text_op_apply(rope, &op, NULL);
	}
	if (rp.log != NULL) {
		text_bridge_fini(&rp.bridge[0]);
		text_bridge_fini(&rp.bridge[1]);
		for (uint64_t v = 1; v <= rp.head; v++)
			text_opref_put(rp.log[v]);
		free(rp.log);
	}
	text_op_fini(&op);
	return r;
}
