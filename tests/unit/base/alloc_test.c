/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/alloc.h>

#include "harness.h"

static void *
from_heap(void *ctx, size_t bytes)
{
	const bool *const refuse = ctx;

	return *refuse ? NULL : malloc(bytes);
}

static void
to_heap(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static struct aef_alloc
make_alloc(bool *refuse, uint64_t budget_bytes)
{
	return (struct aef_alloc){
		.alloc = from_heap, .free = to_heap, .ctx = refuse, .budget_bytes = budget_bytes
	};
}

START_TEST(alloc_at_the_budget_gives_and_past_it_refuses)
{
	bool refuse = false;
	struct aef_alloc alloc = make_alloc(&refuse, 100);
	void *a = aef_alloc_get(&alloc, 60);
	void *b = aef_alloc_get(&alloc, 40);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(aef_alloc_get(&alloc, 1));
	ck_assert_uint_eq(alloc.used_bytes, 100);
	aef_alloc_put(&alloc, b, 40);
	ck_assert_ptr_null(aef_alloc_get(&alloc, 41));
	aef_alloc_put(&alloc, a, 60);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

START_TEST(alloc_of_a_huge_size_refuses_and_counts_nothing)
{
	bool refuse = false;
	struct aef_alloc alloc = make_alloc(&refuse, UINT64_MAX - 1);

	alloc.used_bytes = 10; /* used + asked would wrap */
	ck_assert_ptr_null(aef_alloc_get(&alloc, SIZE_MAX));
	ck_assert_ptr_null(aef_alloc_get(&alloc, SIZE_MAX - 5));
	ck_assert_uint_eq(alloc.used_bytes, 10);
}
END_TEST

START_TEST(alloc_refused_by_its_backing_counts_nothing)
{
	bool refuse = true;
	struct aef_alloc alloc = make_alloc(&refuse, 100);

	ck_assert_ptr_null(aef_alloc_get(&alloc, 10));
	ck_assert_uint_eq(alloc.used_bytes, 0);
	aef_alloc_put(&alloc, NULL, 10);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

START_TEST(alloc_grown_block_keeps_its_bytes_and_a_refusal_keeps_the_old_one)
{
	bool refuse = false;
	struct aef_alloc alloc = make_alloc(&refuse, 100);
	char *p = aef_alloc_get(&alloc, 8);

	memcpy(p, "1234567", 8);
	char *q = aef_alloc_grow(&alloc, p, 8, 64, 8);

	ck_assert_ptr_nonnull(q);
	ck_assert_str_eq(q, "1234567");
	ck_assert_uint_eq(alloc.used_bytes, 64);
	ck_assert_ptr_null(aef_alloc_grow(&alloc, q, 64, 200, 8));
	ck_assert_str_eq(q, "1234567");
	aef_alloc_put(&alloc, q, 64);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

TEST_SUITE(alloc, &alloc_at_the_budget_gives_and_past_it_refuses,
           &alloc_of_a_huge_size_refuses_and_counts_nothing,
           &alloc_refused_by_its_backing_counts_nothing,
           &alloc_grown_block_keeps_its_bytes_and_a_refusal_keeps_the_old_one)
