/* SPDX-License-Identifier: BSD-3-Clause */
/* objects_work.h - one document, operations as text, and what comes of them. */
#ifndef TESTS_UNIT_OBJECTS_OBJECTS_WORK_H
#define TESTS_UNIT_OBJECTS_OBJECTS_WORK_H

#include <objects/objects.h>

#include "harness.h"

#define BUDGET   (64u << 20)
#define TEXT_MAX (1u << 18)

AEF_UNUSED static struct aef_alloc alloc;
AEF_UNUSED static struct objects *objs;
AEF_UNUSED static uint64_t version;
AEF_UNUSED static char undo_text[TEXT_MAX]; /* of the last operation */
AEF_UNUSED static char rekeyed_text[1024];

AEF_UNUSED static void *
heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

AEF_UNUSED static void
heap_put(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

AEF_UNUSED static void
start(enum objects_kind kind, uint32_t objects_max, uint32_t tombstones_max)
{
	const struct objects_conf conf = { kind, objects_max, tombstones_max, 7 };

	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = BUDGET };
	objs = objects_create(&alloc, &conf);
	ck_assert_ptr_nonnull(objs);
	version = 0;
}

AEF_UNUSED static void
finish(void)
{
	objects_destroy(objs);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

AEF_UNUSED static const char *
state(void)
{
	static uint8_t buf[TEXT_MAX];
	struct json_writer w;

	json_writer_init(&w, buf, sizeof(buf) - 1);
	ck_assert_int_eq(objects_write(objs, &w), 0);
	ck_assert(!json_writer_failed(&w));
	buf[json_writer_bytes(&w)] = '\0';
	return (const char *)buf;
}

AEF_UNUSED static void
on_rekeyed(void *ctx, const uint8_t *id, uint32_t id_len, const char *member,
           const struct frac_key *key)
{
	(void)ctx;
	sprintf(rekeyed_text + strlen(rekeyed_text), "%.*s.%s=%.*s ", (int)id_len, (const char *)id,
	        member, (int)key->len, (const char *)key->b);
}

/* By @p user; @p undo_from: see struct objects_op. A refusal must change nothing. */
AEF_UNUSED static enum objects_reason
act(enum objects_type type, const char *op_text, uint8_t user, uint64_t undo_from)
{
	const struct objects_op op = { type, { version + 1, { { user } } }, undo_from };
	struct json_reader reader;
	struct json_writer w;
	char before[TEXT_MAX];
	const uint64_t used = alloc.used_bytes;
	enum objects_reason reason;

	strcpy(before, state());
	json_reader_init(&reader, (const uint8_t *)op_text, strlen(op_text));
	reason = objects_begin(objs, &op, &reader);
	undo_text[0] = rekeyed_text[0] = '\0';
	if (reason != OBJECTS_OK) {
		ck_assert_uint_eq(alloc.used_bytes, used);
		ck_assert_str_eq(state(), before);
		return reason;
	}
	json_writer_init(&w, (uint8_t *)undo_text, sizeof(undo_text) - 1);
	undo_text[objects_inverse(objs, &w) ? json_writer_bytes(&w) : 0] = '\0';
	objects_rekeyed(objs, on_rekeyed, NULL);
	objects_commit(objs);
	version++;
	return OBJECTS_OK;
}

AEF_UNUSED static enum objects_reason
act_as_1(enum objects_type type, const char *op_text)
{
	return act(type, op_text, 1, 0);
}

#define EXPECT(type, text, reason)                                                                 \
	ck_assert_str_eq(objects_reason_name(act_as_1(OBJECTS_##type, text)),                      \
	                 objects_reason_name(OBJECTS_##reason))

#endif
