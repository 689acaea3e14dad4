/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects_fuzz.c - operations, one a line, on a document; the first byte of the input chooses board
 * or sheet, the first of each line type, author and whether it is an undo. Refused changes nothing;
 * what was committed is taken back by its inverse; a second document of the same log is the same;
 * the budget holds.
 */
#include <stdlib.h>
#include <string.h>

#include <objects/objects.h>

#define BUDGET   (1u << 20)
#define TEXT_MAX (1u << 20)
#define LOG_MAX  256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	uint8_t b[TEXT_MAX];
	size_t len;
};

/* One that was accepted. */
struct logged {
	struct objects_op op;
	const uint8_t *data;
	size_t len;
};

static struct aef_alloc alloc;
static struct text before, after, back;
static struct logged accepted[LOG_MAX];

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void *
heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_put(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static void
state_of(const struct objects *objs, struct text *ret)
{
	struct json_writer w;

	alloc.budget_bytes = 4ull * BUDGET; /* for the order of ids */
	json_writer_init(&w, ret->b, sizeof(ret->b));
	require(objects_write(objs, &w) == 0 && !json_writer_failed(&w));
	ret->len = json_writer_bytes(&w);
	alloc.budget_bytes = BUDGET;
}

static bool
is_same(const struct text *a, const struct text *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static enum objects_reason
begin(struct objects *objs, const struct objects_op *op, const uint8_t *data, size_t len)
{
	struct json_reader reader;

	json_reader_init_any(&reader, data, len);
	return objects_begin(objs, op, &reader);
}

/* @return accepted */
static bool
act(struct objects *objs, const struct objects_op *op, const uint8_t *data, size_t len)
{
	const uint64_t used = alloc.used_bytes;
	struct objects_op undo = *op;
	struct json_writer w;
	bool changes;

	state_of(objs, &before);
	if (begin(objs, op, data, len) != OBJECTS_OK) {
		require(alloc.used_bytes == used);
		state_of(objs, &after);
		require(is_same(&before, &after));
		return false;
	}
	json_writer_init(&w, back.b, sizeof(back.b));
	changes = objects_inverse(objs, &w);
	require(!json_writer_failed(&w));
	back.len = json_writer_bytes(&w);
	objects_commit(objs);
	state_of(objs, &after);
	require(changes == !is_same(&before, &after));
	/* Back, looked at and given up: the document goes on. */
	undo.undo_from = op->stamp.version;
	undo.stamp.version++;
	if (changes && begin(objs, &undo, back.b, back.len) == OBJECTS_OK)
		objects_abandon(objs);
	state_of(objs, &back);
	require(is_same(&back, &after));
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct objects_conf conf = { OBJECTS_BOARD, 64, 8, 1 };
	struct objects *objs;
	unsigned nb = 0;

	if (size == 0)
		return 0;
	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = BUDGET };
	conf.kind = data[0] & 1 ? OBJECTS_SHEET : OBJECTS_BOARD;
	objs = objects_create(&alloc, &conf);
	for (data++, size--; size > 0 && nb < LOG_MAX;) {
		const uint8_t *end = memchr(data, '\n', size);
		const size_t len = end != NULL ? (size_t)(end - data) : size;
		struct logged one = { .data = data + 1, .len = len > 0 ? len - 1 : 0 };

		if (len > 0) {
			one.op.type = OBJECTS_CREATE + data[0] % 6;
			one.op.stamp = (struct registers_stamp){ nb + 1, { { data[0] / 6 % 2 } } };
			one.op.undo_from = data[0] / 12 % 4 == 3 ? 1 + nb / 2 : 0;
			if (act(objs, &one.op, one.data, one.len))
				accepted[nb++] = one;
		}
		data += end != NULL ? len + 1 : len;
		size -= end != NULL ? len + 1 : len;
	}
	state_of(objs, &before);
	objects_destroy(objs);
	require(alloc.used_bytes == 0);
	objs = objects_create(&alloc, &conf);
	for (unsigned i = 0; i < nb; i++) {
		require(begin(objs, &accepted[i].op, accepted[i].data, accepted[i].len) ==
		        OBJECTS_OK);
		objects_commit(objs);
	}
	state_of(objs, &after);
	require(is_same(&before, &after));
	objects_destroy(objs);
	require(alloc.used_bytes == 0);
	return 0;
}
