/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loader checks all that the replay relies on, so that a bad file is one sentence and not a
 * run that hangs: parents come before their children, each author has seen all of his own typing,
 * there are at most two authors (a third could need an operation that the server ordered behind
 * one he must not see yet), positions and texts are in range.
 */
#include "trace.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <text/utf8.h>

struct loader {
	struct lab_trace *trace;
	struct aef_text *error;
	uint32_t patches_cap;
	uint32_t (*after)[LAB_TRACE_AGENTS_MAX]; /* seen, this transaction included */
	uint64_t first_ms, last_ms;
};

static int
refuse(struct loader *ld, uint32_t txn, const char *what)
{
	aef_text_printf(ld->error, "Not a trace that can be replayed: transaction %u %s.", txn,
	                what);
	return AEF_ERR_MALFORMED;
}

/* "2017-12-05T14:03:12.345Z" and with an offset instead of Z; anything else counts as 0. */
static uint64_t
time_ms(const json_t *value)
{
	const char *text = json_string_value(value);
	struct tm tm = { 0 };
	const char *rest;
	unsigned ms = 0;
	time_t s;

	if (json_is_number(value))
		return json_number_value(value) > 0 ? (uint64_t)json_number_value(value) : 0;
	if (text == NULL || (rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) == NULL)
		return 0;
	if (*rest == '.') {
		unsigned scale = 100;

		for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
			ms += scale * (unsigned)(*rest - '0');
	}
	s = timegm(&tm);
	return s < 0 ? 0 : (uint64_t)s * 1000 + ms;
}

static int
add_text(struct loader *ld, uint32_t i, const char *text, size_t len, uint32_t *ret_off)
{
	struct lab_trace *t = ld->trace;

	if (t->text_cap - t->text_len < len) {
		const size_t cap = (t->text_cap + len) * 2;
		uint8_t *more = cap < UINT32_MAX ? realloc(t->text, cap) : NULL;

		if (more == NULL)
			return refuse(ld, i, "needs more memory than there is");
		t->text = more;
		t->text_cap = cap;
	}
	*ret_off = (uint32_t)t->text_len;
	if (len > 0)
		memcpy(t->text + t->text_len, text, len);
	t->text_len += len;
	return 0;
}

static int
load_patch(struct loader *ld, uint32_t i, const json_t *json)
{
	struct lab_trace *t = ld->trace;
	const json_t *ins = json_array_get(json, 2);
	const json_int_t pos = json_integer_value(json_array_get(json, 0));
	const json_int_t del = json_integer_value(json_array_get(json, 1));
	struct lab_patch *patch;

	if (json_array_size(json) != 3 || !json_is_integer(json_array_get(json, 0)) ||
	    !json_is_integer(json_array_get(json, 1)) || !json_is_string(ins) || pos < 0 ||
	    del < 0 || pos > INT32_MAX || del > INT32_MAX)
		return refuse(ld, i, "has a patch that is not [position, deleted, \"inserted\"]");
	if (del == 0 && json_string_length(ins) == 0)
		return 0; /* changes nothing */
	if (t->nb_patches == ld->patches_cap) {
		const uint32_t cap = ld->patches_cap * 2 + 1024;
		struct lab_patch *more = realloc(t->patches, cap * sizeof(*more));

		if (more == NULL)
			return refuse(ld, i, "needs more memory than there is");
		t->patches = more;
		ld->patches_cap = cap;
	}
	patch = &t->patches[t->nb_patches++];
	patch->pos = (uint32_t)pos;
	patch->del = (uint32_t)del;
	patch->ins_len = (uint32_t)json_string_length(ins);
	return add_text(ld, i, json_string_value(ins), patch->ins_len, &patch->ins_off);
}

/* What the author had seen: all that his parents had seen, and the parents. */
static int
load_parents(struct loader *ld, uint32_t i, const json_t *json)
{
	struct lab_txn *txn = &ld->trace->txns[i];
	const json_t *parents = json_object_get(json, "parents");
	size_t k;
	json_t *value;

	if (!json_is_array(parents))
		return refuse(ld, i, "has no list of parents");
	json_array_foreach(parents, k, value)
	{
		const json_int_t p = json_integer_value(value);

		if (!json_is_integer(value) || p < 0 || p >= (json_int_t)i)
			return refuse(ld, i, "has a parent that does not come before it");
		for (uint32_t a = 0; a < ld->trace->nb_agents; a++)
			txn->seen[a] = aef_max_u32(txn->seen[a], ld->after[p][a]);
	}
	if (txn->seen[txn->agent] != ld->trace->patches_of[txn->agent])
		return refuse(ld, i, "does not build on all that its author typed before");
	return 0;
}

static int
load_txn(struct loader *ld, uint32_t i, const json_t *json)
{
	struct lab_trace *t = ld->trace;
	struct lab_txn *txn = &t->txns[i];
	const json_t *patches = json_object_get(json, "patches");
	const json_t *agent = json_object_get(json, "agent");
	size_t k;
	json_t *value;
	int err = 0;

	txn->first_patch = t->nb_patches;
	if (!json_is_array(patches))
		return refuse(ld, i, "has no list of patches");
	if (t->concurrent) {
		if (!json_is_integer(agent) || json_integer_value(agent) < 0 ||
		    json_integer_value(agent) >= (json_int_t)t->nb_agents)
			return refuse(ld, i, "has no author, or one beyond numAgents");
		txn->agent = (uint32_t)json_integer_value(agent);
		err = load_parents(ld, i, json);
	} else {
		txn->seen[0] = t->patches_of[0];
	}
	json_array_foreach(patches, k, value)
	{
		if (err == 0)
			err = load_patch(ld, i, value);
	}
	if (err != 0)
		return err;
	txn->nb_patches = t->nb_patches - txn->first_patch;
	txn->time_ms = time_ms(json_object_get(json, "time"));
	t->patches_of[txn->agent] += txn->nb_patches;
	memcpy(ld->after[i], txn->seen, sizeof(txn->seen));
	ld->after[i][txn->agent] = t->patches_of[txn->agent];
	return 0;
}

/* Times from the first one on, never going back. */
static void
finish_times(struct lab_trace *t)
{
	uint64_t origin = 0, last = 0;

	for (uint32_t i = 0; i < t->nb_txns; i++) {
		if (i == 0)
			origin = t->txns[i].time_ms;
		last = aef_max_u64(last, aef_sub_sat_u64(t->txns[i].time_ms, origin));
		t->txns[i].time_ms = last;
	}
	t->has_times = last > 0;
}

static int
load_contents(struct loader *ld, const json_t *root)
{
	struct lab_trace *t = ld->trace;
	const json_t *start = json_object_get(root, "startContent");
	const json_t *end = json_object_get(root, "endContent");
	struct aef_sha256 sha;

	if (!json_is_string(end) || (start != NULL && !json_is_string(start))) {
		aef_text_printf(ld->error, "Not an editing trace: it has no endContent; "
		                           "see editing-traces for the format.");
		return AEF_ERR_MALFORMED;
	}
	t->start_len = start != NULL ? json_string_length(start) : 0;
	t->end_len = json_string_length(end);
	t->start = malloc(t->start_len + 1);
	t->end = malloc(t->end_len + 1);
	if (t->start == NULL || t->end == NULL)
		return AEF_ERR_NOMEM;
	memcpy(t->start, start != NULL ? json_string_value(start) : "", t->start_len + 1);
	memcpy(t->end, json_string_value(end), t->end_len + 1);
	aef_sha256_init(&sha);
	aef_sha256_update(&sha, t->end, t->end_len);
	aef_sha256_final(&sha, t->end_sha256);
	return 0;
}

static int
load_root(struct loader *ld, const json_t *root)
{
	struct lab_trace *t = ld->trace;
	const json_t *txns = json_object_get(root, "txns");
	const json_t *agents = json_object_get(root, "numAgents");
	const char *kind = json_string_value(json_object_get(root, "kind"));
	size_t k;
	json_t *value;
	int err = load_contents(ld, root);

	if (err != 0)
		return err;
	t->concurrent = kind != NULL && strcmp(kind, "concurrent") == 0;
	t->nb_agents = 1;
	if (t->concurrent) {
		if (json_integer_value(agents) < 1 ||
		    json_integer_value(agents) > LAB_TRACE_AGENTS_MAX) {
			aef_text_printf(ld->error,
			                "The trace has %lld authors; only traces of 1 "
			                "or 2 authors can be replayed.",
			                (long long)json_integer_value(agents));
			return AEF_ERR_UNSUPPORTED;
		}
		t->nb_agents = (uint32_t)json_integer_value(agents);
	}
	if (!json_is_array(txns) || json_array_size(txns) == 0 ||
	    json_array_size(txns) > 1u << 26) {
		aef_text_printf(ld->error, "Not an editing trace: it has no list of transactions "
		                           "(txns); see editing-traces for the format.");
		return AEF_ERR_MALFORMED;
	}
	t->nb_txns = (uint32_t)json_array_size(txns);
	t->txns = calloc(t->nb_txns, sizeof(*t->txns));
	ld->after = calloc(t->nb_txns, sizeof(*ld->after));
	if (t->txns == NULL || ld->after == NULL)
		return refuse(ld, 0, "needs more memory than there is");
	json_array_foreach(txns, k, value)
	{
		if (err == 0)
			err = load_txn(ld, (uint32_t)k, value);
	}
	finish_times(t);
	return err;
}

int
lab_trace_parse(struct lab_trace *trace, const char *json, size_t len, struct aef_text *ret_error)
{
	struct loader ld = { .trace = trace, .error = ret_error };
	json_error_t where;
	json_t *root;
	int err;

	memset(trace, 0, sizeof(*trace));
	root = json_loadb(json, len, JSON_ALLOW_NUL, &where);
	if (root == NULL) {
		aef_text_printf(ret_error, "Not an editing trace: line %d is not JSON (%s).",
		                where.line, where.text);
		return AEF_ERR_MALFORMED;
	}
	err = load_root(&ld, root);
	json_decref(root);
	free(ld.after);
	if (err != 0)
		lab_trace_fini(trace);
	return err;
}

int
lab_trace_load(struct lab_trace *trace, const char *path, struct aef_text *ret_error)
{
	char *data;
	size_t len;
	int err = lab_file_read(path, &data, &len, ret_error);

	memset(trace, 0, sizeof(*trace));
	if (err != 0)
		return err;
	err = lab_trace_parse(trace, data, len, ret_error);
	free(data);
	return err;
}

void
lab_trace_fini(struct lab_trace *trace)
{
	free(trace->txns);
	free(trace->patches);
	free(trace->text);
	free(trace->start);
	free(trace->end);
	memset(trace, 0, sizeof(*trace));
}
