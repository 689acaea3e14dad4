/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects_test.c - the same operations give the same bytes; undo leads back; what is refused
 * changes nothing (every call of act() looks).
 */
#include <base/rng.h>

#include "objects_work.h"

static void
on_change(void *ctx, const struct objects_change *change)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%.*s%s%s ", (int)change->id_len, (const char *)change->id,
	        change->before == NULL ? "+" : "", change->after == NULL ? "-" : "");
}

START_TEST(objects_begun_can_be_looked_at_and_forgotten)
{
	static const char text[] = "{\"o\":{\"b\":null,\"a\":null}}";
	const struct objects_op op = { OBJECTS_DELETE, { 2, { { 1 } } }, 0 };
	char changes[256] = "", before[TEXT_MAX];
	struct json_reader reader;
	uint64_t used;

	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1},\"b\":{},\"k\":{\"parent\":\"b\"}}}", OK);
	used = alloc.used_bytes;
	strcpy(before, state());
	json_reader_init(&reader, (const uint8_t *)text, strlen(text));
	ck_assert_int_eq(objects_begin(objs, &op, &reader), OBJECTS_OK);
	objects_changes(objs, on_change, changes);
	ck_assert_str_eq(changes, "b- a- k- ");
	objects_abandon(objs);
	ck_assert_uint_eq(alloc.used_bytes, used);
	ck_assert_str_eq(state(), before);
	ck_assert_ptr_nonnull(objects_get(objs, (const uint8_t *)"k", 1));
	ck_assert_ptr_null(objects_get(objs, (const uint8_t *)"z", 1));
	finish();
}
END_TEST

START_TEST(objects_are_written_in_canonical_order)
{
	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"\xef\xac\xb3\":{},\"\xf0\x9f\x98\x80\":{},\"b\":{},\"a\\n\":{}}}",
	       OK);
	ck_assert_str_eq(
		state(),
		"{\"o\":{\"a\\n\":{},\"b\":{},\"\xf0\x9f\x98\x80\":{},\"\xef\xac\xb3\":{}}}");
	finish();
}
END_TEST

START_TEST(objects_reasons_have_words)
{
	for (unsigned i = 0; i < OBJECTS_NB_REASONS; i++)
		ck_assert_str_ne(objects_reason_name(i), "unknown");
	ck_assert_str_eq(objects_reason_name(OBJECTS_NB_REASONS), "unknown");
}
END_TEST

START_TEST(objects_without_memory_are_not_made)
{
	const struct objects_conf conf = { OBJECTS_BOARD, 1000, 1000, 1 };

	for (uint64_t budget = 0;; budget += 512) {
		alloc = (struct aef_alloc){ .alloc = heap_get,
			                    .free = heap_put,
			                    .budget_bytes = budget };
		objs = objects_create(&alloc, &conf);
		if (objs != NULL)
			break;
		ck_assert_uint_eq(alloc.used_bytes, 0);
	}
	finish();
	objects_destroy(NULL);
}
END_TEST

/* ---- random operations ---- */

static struct aef_rng rng;

static unsigned
pick(unsigned nb)
{
	return (unsigned)aef_rng_below(&rng, nb);
}

static unsigned nb_ids; /* given out so far; most of the newest ones live */

/* One member with a value, for the type. */
static void
random_patch(char *text, enum objects_type type)
{
	static const char *const keys[] = { "a0", "a1", "Zz", "a0V", "b00" };

	switch (type) {
	case OBJECTS_MOVE:
		if (pick(2) == 0)
			sprintf(text, "{\"parent\":\"i%u\",\"z\":\"%s\"}", nb_ids - 1 - pick(12),
			        keys[pick(AEF_DIM(keys))]);
		else
			sprintf(text, "{\"x\":%u,\"y\":%u}", pick(9), pick(9));
		break;
	case OBJECTS_RESIZE:
		sprintf(text, "{\"x\":%u,\"y\":1,\"w\":%u,\"h\":2}", pick(9), pick(9));
		break;
	case OBJECTS_STYLE:
		sprintf(text, "{\"style\":{\"s%u\":%s}}", pick(3), pick(2) == 0 ? "null" : "1");
		break;
	default:
		sprintf(text, "{\"m%u\":%u,\"style\":{\"s%u\":{\"t\":%u}},\"z\":\"%s\"}", pick(4),
		        pick(9), pick(3), pick(9), keys[pick(AEF_DIM(keys))]);
		break;
	}
}

static enum objects_type
random_op(char *text)
{
	const enum objects_type type = (enum objects_type)(OBJECTS_CREATE + pick(6));
	const unsigned nb = 1 + pick(type == OBJECTS_DELETE ? 1 : 3);
	const unsigned first = type == OBJECTS_CREATE ? nb_ids : nb_ids - 1 - pick(12);
	char patch[256];

	text += sprintf(text, "{\"o\":{");
	for (unsigned i = 0; i < nb; i++) {
		if (type == OBJECTS_DELETE)
			strcpy(patch, "null");
		else
			random_patch(patch, type);
		text += sprintf(text, "%s\"i%u\":%s", i > 0 ? "," : "", first + i, patch);
	}
	nb_ids += type == OBJECTS_CREATE ? nb : 0;
	sprintf(text, "}}");
	return type;
}

/* Several users; each accepted operation once taken back at once and made again. */
START_TEST(objects_of_the_same_log_are_the_same_and_undo_leads_back)
{
	enum { OPS = 400 };
	static char log[OPS][1024];
	static enum objects_type types[OPS];
	static uint8_t users[OPS];
	char first[TEXT_MAX], before[TEXT_MAX], undo[TEXT_MAX];
	unsigned accepted = 0;

	aef_rng_init(&rng, 99);
	for (unsigned round = 0; round < 20; round++) {
		unsigned nb = 0;

		nb_ids = 100; /* so that there are some that never were */
		start(OBJECTS_BOARD, 1000, 100000);
		for (unsigned i = 0; i < OPS; i++) {
			types[nb] = random_op(log[nb]);
			users[nb] = (uint8_t)(1 + pick(3));
			strcpy(before, state());
			if (act(types[nb], log[nb], users[nb], 0) != OBJECTS_OK)
				continue;
			strcpy(undo, undo_text);
			if (undo[0] != '\0' && types[nb] != OBJECTS_CREATE) {
				ck_assert_msg(act(OBJECTS_UPDATE, undo, users[nb], version) ==
				                      OBJECTS_OK,
				              "%s of %s in %s", undo, log[nb], before);
				ck_assert_msg(strcmp(state(), before) == 0,
				              "%s of %s in %s gives %s", undo, log[nb], before,
				              state());
				ck_assert_int_eq(act(types[nb], log[nb], users[nb], 0), OBJECTS_OK);
			}
			nb++;
		}
		strcpy(first, state());
		finish();
		accepted += nb;

		start(OBJECTS_BOARD, 1000, 100000);
		for (unsigned i = 0; i < nb; i++)
			ck_assert_int_eq(act(types[i], log[i], users[i], 0), OBJECTS_OK);
		ck_assert_str_eq(state(), first);
		finish();
	}
	ck_assert_uint_gt(accepted, 20 * OPS / 4);
}
END_TEST

TEST_SUITE(objects, &objects_begun_can_be_looked_at_and_forgotten,
           &objects_are_written_in_canonical_order, &objects_reasons_have_words,
           &objects_without_memory_are_not_made,
           &objects_of_the_same_log_are_the_same_and_undo_leads_back)
