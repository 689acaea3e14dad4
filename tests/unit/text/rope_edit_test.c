/* SPDX-License-Identifier: BSD-3-Clause */
#include "rope_work.h"

#define MODEL_MAX (1u << 20)

/* ---- against a flat array of code points ---- */

struct model {
	uint32_t nb;
	uint32_t cp[MODEL_MAX / 4];
};

static struct model model;

static uint32_t
put_cp(uint8_t *p, uint32_t cp)
{
	if (cp < 0x80) {
		p[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		p[0] = (uint8_t)(0xc0 | cp >> 6);
		p[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		p[0] = (uint8_t)(0xe0 | cp >> 12);
		p[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	p[0] = (uint8_t)(0xf0 | cp >> 18);
	p[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	p[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	p[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

static uint32_t
model_utf8(uint32_t from, uint32_t nb, uint8_t *buf)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < nb; i++)
		len += put_cp(buf + len, model.cp[from + i]);
	return len;
}

static void
assert_like_model(struct aef_rng *rng)
{
	static uint8_t want[MODEL_MAX], got[MODEL_MAX];
	const uint32_t len = model_utf8(0, model.nb, want);
	const uint32_t pos = (uint32_t)aef_rng_below(rng, model.nb + 1);
	const uint32_t nb = (uint32_t)aef_rng_below(rng, model.nb - pos + 1);
	uint32_t utf16 = 0, lines = 0;

	ck_assert(text_rope_is_sound(&rope));
	ck_assert_int_eq(text_rope_read(&rope, 0, rope.total.cps, got, sizeof(got)), len);
	ck_assert_mem_eq(got, want, len);
	ck_assert_int_eq(text_rope_read(&rope, pos, nb, got, sizeof(got)),
	                 model_utf8(pos, nb, want));
	ck_assert_int_eq(memcmp(got, want, model_utf8(pos, nb, want)), 0);
	for (uint32_t i = 0; i < pos; i++) {
		utf16 += model.cp[i] >= 0x10000 ? 2 : 1;
		lines += model.cp[i] == '\n';
	}
	ck_assert_uint_eq(text_rope_utf16_of(&rope, pos), utf16);
	ck_assert_uint_eq(text_rope_line_of(&rope, pos), lines);
	ck_assert_uint_eq(text_rope_pos_of_utf16(&rope, utf16), pos);
	if (pos < model.nb && model.cp[pos] >= 0x10000)
		ck_assert_uint_eq(text_rope_pos_of_utf16(&rope, utf16 + 1), pos);
}

static void
model_insert(struct aef_rng *rng, uint32_t pos, uint32_t nb)
{
	static const uint32_t edges[] = { 'a',     '\n',     0,       0x7f,   0x80,
		                          0x7ff,   0x800,    0xd7ff,  0xe000, 0xffff,
		                          0x10000, 0x10ffff, 0x1d4b3, 0x5e9,  0x301 };
	static uint8_t buf[MODEL_MAX];
	const bool ascii = aef_rng_below(rng, 3) == 0;

	memmove(model.cp + pos + nb, model.cp + pos, (model.nb - pos) * sizeof(model.cp[0]));
	for (uint32_t i = 0; i < nb; i++)
		model.cp[pos + i] = ascii ? 'b' : edges[aef_rng_below(rng, AEF_DIM(edges))];
	model.nb += nb;
	ck_assert_int_eq(text_rope_insert(&rope, pos, buf, model_utf8(pos, nb, buf)), 0);
}

static void
model_delete(uint32_t pos, uint32_t nb)
{
	memmove(model.cp + pos, model.cp + pos + nb, (model.nb - pos - nb) * sizeof(model.cp[0]));
	model.nb -= nb;
	ck_assert_int_eq(text_rope_delete(&rope, pos, nb), 0);
}

static void
model_step(struct aef_rng *rng, uint32_t *cursor)
{
	const uint64_t what = aef_rng_below(rng, 100);

	if (*cursor > model.nb || what >= 90)
		*cursor = (uint32_t)aef_rng_below(rng, model.nb + 1);
	if (what == 0 && model.nb < 60000) {
		model_insert(rng, *cursor, 1 + (uint32_t)aef_rng_below(rng, 6000));
	} else if (what < 60 && model.nb < 80000) {
		const uint32_t nb = 1 + (uint32_t)aef_rng_below(rng, what < 10 ? 400 : 3);

		model_insert(rng, *cursor, nb);
		*cursor += nb;
	} else if (what == 61) {
		const uint32_t left = model.nb - *cursor;

		model_delete(*cursor,
		             (uint32_t)aef_rng_below(rng, (left < 20000 ? left : 20000) + 1));
	} else if (*cursor > 0) {
		const uint32_t nb = 1 + (uint32_t)aef_rng_below(rng, *cursor < 300 ? *cursor : 300);

		*cursor -= nb;
		model_delete(*cursor, nb);
	}
}

START_TEST(rope_edit_agrees_with_a_flat_array_on_random_work)
{
	const char *env = getenv("AEF_SEED");
	const uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 11;
	struct aef_rng rng;
	uint32_t cursor = 0;

	printf("rope seed %llu\n", (unsigned long long)seed);
	setup(UINT64_MAX);
	model.nb = 0;
	aef_rng_init(&rng, seed);
	for (unsigned i = 0; i < 30000; i++) {
		model_step(&rng, &cursor);
		if (i % 97 == 0)
			assert_like_model(&rng);
	}
	assert_like_model(&rng);
	model_delete(0, model.nb);
	ck_assert(text_rope_is_sound(&rope));
	ck_assert_uint_eq(alloc.used_bytes, 0);
	teardown();
}
END_TEST

START_TEST(rope_edit_deep_tree_grows_and_shrinks_in_order)
{
	static uint8_t block[200000];
	struct aef_rng rng;

	aef_rng_init(&rng, 3);
	setup(UINT64_MAX);
	memset(block, 'z', sizeof(block));
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(text_rope_insert(&rope,
		                                  (uint32_t)aef_rng_below(&rng, rope.total.cps + 1),
		                                  block, sizeof(block)),
		                 0);
	ck_assert_uint_ge(rope.height, 2);
	ck_assert(text_rope_is_sound(&rope));
	while (rope.total.cps > 0) {
		const uint32_t pos = (uint32_t)aef_rng_below(&rng, rope.total.cps);
		const uint32_t left = rope.total.cps - pos;

		ck_assert_int_eq(text_rope_delete(&rope, pos, left < 3000 ? left : 3000), 0);
		ck_assert_uint_le(alloc.used_bytes, rope.total.bytes * 4ull + 8192);
	}
	ck_assert(text_rope_is_sound(&rope));
	teardown();
}
END_TEST

START_TEST(rope_edit_without_memory_refuses_and_stays_unchanged)
{
	static uint8_t block[5000];
	static struct soak_text before, after;
	struct aef_rng rng;
	unsigned refused = 0;

	aef_rng_init(&rng, 5);
	memset(block, 'q', sizeof(block));
	setup(40000);
	for (unsigned i = 0; i < 2000; i++) {
		const uint32_t pos = (uint32_t)aef_rng_below(&rng, rope.total.cps + 1);
		const uint64_t used = alloc.used_bytes;
		int r;

		soak_of_rope(&rope, &before);
		r = text_rope_insert(&rope, pos, block, 1 + aef_rng_below(&rng, sizeof(block)));
		ck_assert(text_rope_is_sound(&rope));
		if (r == 0) {
			ck_assert_int_eq(text_rope_delete(&rope, pos / 2, pos / 4), 0);
			continue;
		}
		ck_assert_int_eq(r, AEF_ERR_FULL);
		refused++;
		soak_of_rope(&rope, &after);
		ck_assert(soak_text_eq(&before, &after));
		ck_assert_uint_eq(alloc.used_bytes, used);
	}
	ck_assert_uint_gt(refused, 10);
	ck_assert_int_eq(text_rope_load(&rope, block, 0), 0);
	ck_assert_uint_eq(alloc.used_bytes, 0);
	teardown();
}
END_TEST

START_TEST(rope_edit_insert_and_delete_change_the_text_by_code_points)
{
	setup(UINT64_MAX);

	ck_assert_int_eq(insert(0, "a𝒳c"), 0);
	ck_assert_int_eq(insert(2, "é\n"), 0);
	ck_assert_int_eq(text_rope_delete(&rope, 0, 1), 0);

	assert_rope_is(&rope, "𝒳é\nc", strlen("𝒳é\nc"));
	ck_assert_uint_eq(rope.total.cps, 4);
	ck_assert_uint_eq(rope.total.utf16, 5);
	ck_assert_uint_eq(rope.total.newlines, 1);
	teardown();
}
END_TEST

TEST_SUITE(rope_edit, &rope_edit_agrees_with_a_flat_array_on_random_work,
           &rope_edit_deep_tree_grows_and_shrinks_in_order,
           &rope_edit_without_memory_refuses_and_stays_unchanged,
           &rope_edit_insert_and_delete_change_the_text_by_code_points)
