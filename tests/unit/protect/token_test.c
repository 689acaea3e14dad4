/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token_test.c - issuing: what a grant holds, what is refused.
 */
#include <base/err.h>
#include <crypto/token.h>
#include <protect/token.h>

#include "harness.h"
#include "provider_priv.h"
#include "ring_priv.h"

#define NOW 1700000000000ull

static struct protect_ring *ring;
static struct protect *protect;

static void
start(void)
{
	ck_assert_int_eq(protect_ring_create(6, &ring), 0);
	const struct protect_conf conf = { .keys_max = 1, .ring = ring };

	ck_assert_int_eq(protect_create(&conf, &protect), 0);
}

static void
stop(void)
{
	protect_destroy(protect);
	protect_ring_close(ring);
}

static struct crypto_token
wanted(void)
{
	struct crypto_token want = { .session_epoch = 12,
		                     .caps = 3,
		                     .max_kbps = 1000,
		                     .max_pps = 200,
		                     .max_docs = 7,
		                     .addr_family = CRYPTO_ADDR_IPV4,
		                     .addr_prefix = 24,
		                     .addr = { 192, 0, 2 } };

	memset(want.tenant_id.b, 0x7e, sizeof(want.tenant_id.b));
	memset(want.subject_id.b, 0x5b, sizeof(want.subject_id.b));
	return want;
}

/* */
START_TEST(token_issued_opens_and_says_what_was_wanted)
{
	const struct crypto_token want = wanted();
	struct protect_grant grant;
	struct crypto_token got;

	start();
	const struct crypto_provider *c = protect_provider(protect);

	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &grant), 0);
	ck_assert_int_eq(c->token_open(c->ctx, grant.token, NOW, &got), 0);
	ck_assert_uint_eq(got.group, 6);
	ck_assert_uint_eq(got.epoch, 1);
	ck_assert_uint_eq(got.issued_ms, NOW);
	ck_assert_uint_eq(got.expires_ms, NOW + 30000);
	ck_assert_uint_eq(grant.expires_ms, got.expires_ms);
	ck_assert(aef_guuid_eq(&got.conn_id, &grant.conn_id));
	ck_assert(aef_guuid_eq(&got.session_id, &grant.session_id));
	ck_assert_uint_eq(aef_guuid_unix_ms(&got.conn_id), NOW);
	ck_assert(!aef_guuid_eq(&got.session_id, &got.conn_id));
	ck_assert_mem_eq(got.psk, grant.psk, sizeof(got.psk));
	ck_assert(aef_guuid_eq(&got.tenant_id, &want.tenant_id));
	ck_assert(aef_guuid_eq(&got.subject_id, &want.subject_id));
	ck_assert_uint_eq(got.session_epoch, 12);
	ck_assert_uint_eq(got.caps, 3);
	ck_assert_uint_eq(got.max_kbps, 1000);
	ck_assert_uint_eq(got.max_pps, 200);
	ck_assert_uint_eq(got.max_docs, 7);
	ck_assert_uint_eq(got.addr_prefix, 24);
	ck_assert_mem_eq(got.addr, want.addr, sizeof(want.addr));
	stop();
}
END_TEST

START_TEST(token_for_a_session_that_exists_keeps_its_id)
{
	struct crypto_token want = wanted();
	struct protect_grant a, b;

	start();
	memset(want.session_id.b, 0x11, sizeof(want.session_id.b));
	ck_assert_int_eq(protect_token_issue(protect, &want, 1000, NOW, &a), 0);
	ck_assert_int_eq(protect_token_issue(protect, &want, 1000, NOW, &b), 0);
	ck_assert(aef_guuid_eq(&a.session_id, &want.session_id));
	ck_assert(aef_guuid_eq(&b.session_id, &want.session_id));
	ck_assert(!aef_guuid_eq(&a.conn_id, &b.conn_id));
	ck_assert_mem_ne(a.psk, b.psk, sizeof(a.psk));
	stop();
}
END_TEST

static int
compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, CRYPTO_NONCE_BYTES);
}

START_TEST(token_nonces_and_ids_do_not_repeat)
{
	enum { NB = 20000 };
	static uint8_t nonces[NB][CRYPTO_NONCE_BYTES];
	const struct crypto_token want = wanted();
	struct aef_guuid last = { { 0 } };
	struct protect_grant grant;

	start();
	for (unsigned i = 0; i < NB; i++) {
		ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW + i / 1000, &grant), 0);
		memcpy(nonces[i], grant.token + CRYPTO_TOKEN_NONCE_AT, CRYPTO_NONCE_BYTES);
		ck_assert_int_gt(aef_guuid_cmp(&grant.conn_id, &last), 0);
		last = grant.conn_id;
	}
	qsort(nonces, NB, CRYPTO_NONCE_BYTES, compare_nonces);
	for (unsigned i = 1; i < NB; i++)
		ck_assert_mem_ne(nonces[i - 1], nonces[i], CRYPTO_NONCE_BYTES);
	stop();
}
END_TEST

START_TEST(token_beyond_its_limits_is_not_issued)
{
	struct crypto_token want = wanted();
	struct protect_grant grant;

	start();
	ck_assert_int_eq(protect_token_issue(protect, &want, 120000, NOW, &grant), 0);
	ck_assert_int_eq(protect_token_issue(protect, &want, 120001, NOW, &grant), AEF_ERR_INVALID);
	want.addr_prefix = 33;
	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &grant), AEF_ERR_INVALID);
	want = wanted();
	want.addr[3] = 1; /* beyond the prefix */
	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &grant), AEF_ERR_INVALID);
	want = wanted();
	for (unsigned i = 0; i < PROTECT_RING_CELLS; i++)
		atomic_store(&ring->cells[i].nb_seals, PROTECT_RING_SEALS_MAX);
	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &grant), AEF_ERR_LIMIT);
	protect->ring = NULL;
	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &grant), AEF_ERR_NOTFOUND);
	stop();
}
END_TEST

/* */
START_TEST(token_is_issued_under_the_current_epoch_and_refused_after_its_revocation)
{
	const struct crypto_token want = wanted();
	char error[PROTECT_ERROR_MAX];
	struct protect_grant old, new;
	struct crypto_token got;

	start();
	const struct crypto_provider *c = protect_provider(protect);

	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &old), 0);
	ck_assert_int_eq(protect_ring_revoke(ring, 1, error), 0);
	ck_assert_int_eq(protect_token_issue(protect, &want, 0, NOW, &new), 0);
	ck_assert_int_eq(c->token_open(c->ctx, old.token, NOW, &got), AEF_ERR_DENIED);
	ck_assert_int_eq(c->token_open(c->ctx, new.token, NOW, &got), 0);
	ck_assert_uint_eq(got.epoch, 2);
	stop();
}
END_TEST

TEST_SUITE(token, &token_issued_opens_and_says_what_was_wanted,
           &token_for_a_session_that_exists_keeps_its_id, &token_nonces_and_ids_do_not_repeat,
           &token_beyond_its_limits_is_not_issued,
           &token_is_issued_under_the_current_epoch_and_refused_after_its_revocation)
