/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_work.h"

START_TEST(digest_does_not_depend_on_deleted_text_but_on_all_else)
{
	static const char *const ops[] = { "[]",        "[\"a\"]",           "[\"b\"]",
		                           "[1,\"a\"]", "[{\"d\":1}]",       "[{\"d\":2}]",
		                           "[\"ab\"]",  "[\"a\",{\"d\":1}]", "[{\"d\":1},\"a\"]" };
	struct text_digest d[AEF_DIM(ops)], x, y;

	setup();
	for (size_t i = 0; i < AEF_DIM(ops); i++) {
		text_digest_init(&d[i]);
		op_from(&op, ops[i]);
		text_digest_fold(&d[i], &op);
		for (size_t k = 0; k < i; k++)
			ck_assert(!text_digest_eq(&d[i], &d[k]));
	}
	text_digest_init(&x);
	text_digest_init(&y);
	op_from(&op, "[{\"d\":\"x\"}]");
	text_digest_fold(&x, &op);
	ck_assert(text_digest_eq(&x, &d[4]));
	teardown();
}
END_TEST

START_TEST(digest_is_the_documented_chain)
{
	/* SipHash-2-4-128, key 0, of 0x0c 0x09 0x02 'h' 'i' 0x0e: keep 3, insert "hi", delete 3. */
	static const uint8_t code[] = { 0x0c, 0x09, 0x02, 'h', 'i', 0x0e };
	uint8_t zero[16] = { 0 }, want[16];
	struct text_digest d;
	static char big[100];
	static uint8_t message[8000];
	uint8_t expected[16];
	size_t nb = 0;

	setup();
	text_digest_init(&d);
	op_from(&op, "[3,\"hi\",{\"d\":3}]");
	text_digest_fold(&d, &op);
	aef_siphash128(zero, code, sizeof(code), want);
	ck_assert_mem_eq(d.b, want, 16);

	/* Long texts and many components are fed in parts: the same chain. */
	text_op_reset(&op);
	for (unsigned i = 0; i < 200; i++) {
		const size_t len = i % 10 == 0 ? 100 : 8;

		ck_assert_int_eq(text_op_keep(&op, 3), 0);
		ck_assert_int_eq(text_op_insert(&op, (const uint8_t *)big, len), 0);
		/* Keep 3; insert 8 or 100, the latter as varints of two bytes. */
		static const uint8_t small[] = { 0x0c, 0x21, 0x08 };
		static const uint8_t large[] = { 0x0c, 0x41, 0x91, 0x40, 0x64 };
		const size_t code_len = len == 100 ? sizeof(large) : sizeof(small);

		memcpy(message + nb, len == 100 ? large : small, code_len);
		nb += code_len;
		memcpy(message + nb, big, len);
		nb += len;
	}
	text_digest_fold(&d, &op);
	aef_siphash128(want, message, nb, expected);
	ck_assert_mem_eq(d.b, expected, 16);
	teardown();
}
END_TEST

TEST_SUITE(digest, &digest_does_not_depend_on_deleted_text_but_on_all_else,
           &digest_is_the_documented_chain)
