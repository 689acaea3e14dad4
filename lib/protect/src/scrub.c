/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scrub.c - what calls that saw secrets left behind: dead stack, and vector registers. A thread
 * that goes to sleep keeps its registers, and a core dump shows them.
 */
#include <crypto/provider.h>
#include <protect/mem.h>

#include "scrub_priv.h"

__attribute__((noinline)) void
protect_stack_scrub(void)
{
	uint8_t below[PROTECT_SCRUB_BYTES];

	crypto_wipe(below, sizeof(below));
}

#ifdef __x86_64__

static void
clear_sse(void)
{
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\t"
	                 "pxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
	                 "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
	                 "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
	                 "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\t"
	                 "pxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
	                 "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\t"
	                 "pxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15"
	                 :
	                 :
	                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
	                   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* All sixteen in their whole width. */
static void
clear_avx(void)
{
	__asm__ volatile("vzeroall"
	                 :
	                 :
	                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
	                   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* The sixteen that only AVX-512 has: the compiler does not use them, libraries do. */
static void
clear_avx512(void)
{
	__asm__ volatile("vpxorq %zmm16, %zmm16, %zmm16\n\tvpxorq %zmm17, %zmm17, %zmm17\n\t"
	                 "vpxorq %zmm18, %zmm18, %zmm18\n\tvpxorq %zmm19, %zmm19, %zmm19\n\t"
	                 "vpxorq %zmm20, %zmm20, %zmm20\n\tvpxorq %zmm21, %zmm21, %zmm21\n\t"
	                 "vpxorq %zmm22, %zmm22, %zmm22\n\tvpxorq %zmm23, %zmm23, %zmm23\n\t"
	                 "vpxorq %zmm24, %zmm24, %zmm24\n\tvpxorq %zmm25, %zmm25, %zmm25\n\t"
	                 "vpxorq %zmm26, %zmm26, %zmm26\n\tvpxorq %zmm27, %zmm27, %zmm27\n\t"
	                 "vpxorq %zmm28, %zmm28, %zmm28\n\tvpxorq %zmm29, %zmm29, %zmm29\n\t"
	                 "vpxorq %zmm30, %zmm30, %zmm30\n\tvpxorq %zmm31, %zmm31, %zmm31");
}

void
protect_registers_clear(void)
{
	if (__builtin_cpu_supports("avx"))
		clear_avx();
	else
		clear_sse();
	if (__builtin_cpu_supports("avx512f"))
		clear_avx512();
}

#else

void
protect_registers_clear(void)
{
}

#endif

void
protect_forget(void)
{
	protect_stack_scrub();
	protect_registers_clear();
}
