/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text_op_fuzz.c - two JSON operations, separated by a zero byte: parse, transform, compose, apply,
 * invert. TP1 must hold for all that fit the document.
 */
#include <stdlib.h>
#include <string.h>

#include <text/op.h>

#define DOC_CPS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
heap_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
load(struct text_rope *rope)
{
	uint8_t doc[DOC_CPS * 2];

	for (size_t i = 0; i < sizeof(doc); i += 2)
		memcpy(doc + i, "\xc3\xa9", 2);
	require(text_rope_load(rope, doc, sizeof(doc)) == 0);
}

/* Same text in both. */
static bool
same(const struct text_rope *a, const struct text_rope *b)
{
	const size_t len = a->total.bytes;
	uint8_t *x = malloc(2 * len + 1);
	bool eq = len == b->total.bytes && text_rope_is_sound(a) && text_rope_is_sound(b);

	if (eq) {
		require(text_rope_read(a, 0, a->total.cps, x, len) == (int64_t)len);
		require(text_rope_read(b, 0, b->total.cps, x + len, len) == (int64_t)len);
		eq = memcmp(x, x + len, len) == 0;
	}
	free(x);
	return eq;
}

/* Both operations fit the document. */
static void
check_pair(const struct text_op *a, const struct text_op *b, struct text_rope *ropes,
           struct text_op *tmp)
{
	require(text_op_transform(a, b, TEXT_LEFT, &tmp[0]) == 0);
	require(text_op_transform(b, a, TEXT_RIGHT, &tmp[1]) == 0);
	require(text_op_compose(a, &tmp[1], &tmp[2]) == 0);
	for (unsigned i = 0; i < 3; i++)
		load(&ropes[i]);
	require(text_op_apply(&ropes[0], a, &tmp[3]) == 0);
	require(text_op_apply(&ropes[0], &tmp[3], NULL) == 0);
	require(same(&ropes[0], &ropes[1]));
	require(text_op_apply(&ropes[0], a, NULL) == 0);
	require(text_op_apply(&ropes[0], &tmp[1], NULL) == 0);
	require(text_op_apply(&ropes[1], b, NULL) == 0);
	require(text_op_apply(&ropes[1], &tmp[0], NULL) == 0);
	require(text_op_apply(&ropes[2], &tmp[2], NULL) == 0);
	require(same(&ropes[0], &ropes[1]) && same(&ropes[0], &ropes[2]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size > 0 ? memchr(data, 0, size) : NULL;
	const size_t first = cut != NULL ? (size_t)(cut - data) : size;
	struct aef_alloc alloc = { heap_alloc, heap_free, NULL, 0, 64u << 20 };
	struct text_op a, b, tmp[4];
	struct text_rope ropes[3];

	text_op_init(&a, &alloc);
	text_op_init(&b, &alloc);
	for (unsigned i = 0; i < 4; i++)
		text_op_init(&tmp[i], &alloc);
	for (unsigned i = 0; i < 3; i++)
		text_rope_init(&ropes[i], &alloc);
	if (text_op_parse(data, first, NULL, &a) == 0 && cut != NULL &&
	    text_op_parse(cut + 1, size - first - 1, NULL, &b) == 0) {
		if (text_op_check(&a, DOC_CPS) == 0 && text_op_check(&b, DOC_CPS) == 0)
			check_pair(&a, &b, ropes, tmp);
		else
			(void)!text_op_transform_pair(&a, &b);
	}
	text_op_fini(&a);
	text_op_fini(&b);
	for (unsigned i = 0; i < 4; i++)
		text_op_fini(&tmp[i]);
	for (unsigned i = 0; i < 3; i++)
		text_rope_fini(&ropes[i]);
	require(alloc.used_bytes == 0);
	return 0;
}
