/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers_fuzz.c - merge patches, one a line, into registers. One that is refused changes
 * nothing; what was committed is taken back by its inverse, byte for byte; what is written reads
 * back as the same value; the budget holds.
 */
#include <stdlib.h>
#include <string.h>

#include <objects/registers.h>

#define BUDGET   (1u << 20)
#define TEXT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	uint8_t b[TEXT_MAX];
	size_t len;
};

static struct aef_alloc alloc;
static struct text before, back, after, again;

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
value_of(const struct registers *regs, struct text *ret)
{
	struct json_writer w;

	json_writer_init(&w, ret->b, sizeof(ret->b));
	registers_write(regs, &w);
	require(!json_writer_failed(&w));
	ret->len = json_writer_bytes(&w);
}

static void
require_same(const struct text *a, const struct text *b)
{
	require(a->len == b->len && memcmp(a->b, b->b, a->len) == 0);
}

static int
patch(struct registers *regs, const uint8_t *data, size_t len, uint64_t version, uint64_t undo)
{
	const struct registers_stamp stamp = { version, { { (uint8_t)(version % 3) } } };
	struct json_reader reader;

	json_reader_init_any(&reader, data, len);
	return registers_patch(regs, &alloc, &reader, &stamp, undo);
}

static void
on_overwrite(void *ctx, const struct registers_overwrite *what)
{
	const struct registers *after_patch = ctx;
	uint32_t len;
	const uint8_t *now = registers_get(after_patch, what->path, what->path_len, &len, NULL);

	require((now != NULL) == (what->after != NULL));
	require(now == NULL || len != what->before_len || memcmp(now, what->before, len) != 0);
}

static void
patch_one(struct registers *regs, const uint8_t *data, size_t len, uint64_t version)
{
	const uint64_t used = alloc.used_bytes;
	struct registers old;
	struct json_writer w;
	bool changes;

	value_of(regs, &before);
	if (registers_copy(regs, &alloc, &old) != 0)
		return;
	if (patch(regs, data, len, version, version % 4 == 3 ? version - 2 : 0) != 0) {
		registers_fini(&old, &alloc);
		require(alloc.used_bytes == used);
		value_of(regs, &after);
		require_same(&before, &after);
		return;
	}
	value_of(regs, &after);
	json_writer_init(&w, back.b, sizeof(back.b));
	changes = registers_inverse(&old, regs, &w);
	require(!json_writer_failed(&w));
	back.len = json_writer_bytes(&w);
	require(changes == (before.len != after.len || memcmp(before.b, after.b, after.len) != 0));
	registers_overwrites(&old, regs, on_overwrite, regs);
	/* Back, if there is memory for it, and forth again. */
	if (changes && old.nb > 0 && patch(regs, back.b, back.len, version, 0) == 0) {
		value_of(regs, &again);
		require_same(&before, &again);
		(void)patch(regs, data, len, version, 0);
	}
	registers_fini(&old, &alloc);
}

/* What is written is one value that reads back as the same. */
static void
read_back(const struct registers *regs)
{
	const struct registers_stamp stamp = { 1, { { 1 } } };
	struct registers copy;
	struct json_reader reader;

	if (regs->nb == 0)
		return;
	value_of(regs, &before);
	registers_init(&copy);
	json_reader_init_any(&reader, before.b, before.len);
	if (registers_load(&copy, &alloc, &reader, &stamp) == 0) {
		value_of(&copy, &after);
		require_same(&before, &after);
		require(copy.nb == regs->nb);
	}
	registers_fini(&copy, &alloc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registers regs;
	uint64_t version = 1;

	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = BUDGET };
	registers_init(&regs);
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		const size_t len = end != NULL ? (size_t)(end - data) : size;

		patch_one(&regs, data, len, version++);
		data += end != NULL ? len + 1 : len;
		size -= end != NULL ? len + 1 : len;
	}
	read_back(&regs);
	registers_fini(&regs, &alloc);
	require(alloc.used_bytes == 0);
	return 0;
}
