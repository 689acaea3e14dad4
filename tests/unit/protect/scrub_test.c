/* SPDX-License-Identifier: BSD-3-Clause */
#include <protect/mem.h>

#include "harness.h"
#include "scrub_priv.h"

#ifdef __x86_64__

#define MARK 0x1122334455667788ull

/* In both halves of a register, where it has two. */
static void
mark_register(bool avx)
{
	const uint64_t mark = MARK;

	__asm__ volatile("movq %0, %%xmm9" : : "r"(mark) : "xmm9");
	if (avx)
		__asm__ volatile("vinsertf128 $1, %%xmm9, %%ymm9, %%ymm9" : : : "xmm9");
}

static void
read_register(bool avx, uint64_t ret[2])
{
	__asm__ volatile("movq %%xmm9, %0" : "=r"(ret[0]));
	ret[1] = ret[0];
	if (avx)
		__asm__ volatile("vextractf128 $1, %%ymm9, %%xmm9\n\tmovq %%xmm9, %0"
		                 : "=r"(ret[1])
		                 :
		                 : "xmm9");
}

START_TEST(scrub_clears_vector_registers_in_their_whole_width)
{
	const bool avx = __builtin_cpu_supports("avx");
	uint64_t before[2], after[2];

	mark_register(avx);
	read_register(avx, before);
	mark_register(avx);
	protect_registers_clear();
	read_register(avx, after);

	ck_assert_uint_eq(before[0], MARK);
	ck_assert_uint_eq(before[1], MARK);
	ck_assert_uint_eq(after[0], 0);
	ck_assert_uint_eq(after[1], 0);
}
END_TEST

START_TEST(scrub_forget_clears_registers_after_the_stack)
{
	uint64_t after[2];

	mark_register(false);
	protect_forget();
	read_register(false, after);

	ck_assert_uint_eq(after[0], 0);
}
END_TEST

TEST_SUITE(scrub, &scrub_clears_vector_registers_in_their_whole_width,
           &scrub_forget_clears_registers_after_the_stack)

#else

START_TEST(scrub_does_nothing_where_registers_are_not_known)
{
	protect_forget();
}
END_TEST

TEST_SUITE(scrub, &scrub_does_nothing_where_registers_are_not_known)

#endif
