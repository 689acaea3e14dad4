/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <crypto_null/null_provider.h>

#include "harness.h"
#include "server_priv.h"

static int
broken_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
              uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	(void)ctx;
	(void)seed;
	memset(ret_priv, 0xee, CRYPTO_PRIV_BYTES);
	memset(ret_pub, 0xee, CRYPTO_PUB_BYTES);
	return AEF_ERR_IO;
}

/* Cookie key and handshake key change together; the ones before stay, older ones do not. */
START_TEST(server_keys_rotate_replaces_the_older_of_two)
{
	static const uint8_t reset_key[32] = { 5 };
	const struct crypto_provider *crypto = crypto_null_provider();
	struct quantum_server_keys keys, before;
	uint8_t random[64] = { 1 };

	ck_assert_int_eq(quantum_server_keys_init(&keys, crypto, random, reset_key), 0);
	ck_assert(server_epoch_valid(&keys, 0) && server_epoch_valid(&keys, 255));
	ck_assert(!server_epoch_valid(&keys, 1) && !server_epoch_valid(&keys, 254));
	for (unsigned e = 1; e < 600; e++) {
		before = keys;
		random[0] = random[32] = (uint8_t)e;
		random[1] = random[33] = (uint8_t)(e >> 8);
		ck_assert_int_eq(quantum_server_keys_rotate(&keys, crypto, random), 0);
		ck_assert_uint_eq(keys.epoch, (uint8_t)e);
		ck_assert_mem_eq(keys.dh_priv[before.epoch & 1], before.dh_priv[before.epoch & 1],
		                 32);
		ck_assert_mem_eq(keys.cookie_key[before.epoch & 1],
		                 before.cookie_key[before.epoch & 1], 16);
		ck_assert_mem_ne(keys.dh_priv[e & 1], before.dh_priv[e & 1], 32);
		ck_assert_mem_ne(keys.dh_pub[e & 1], before.dh_pub[e & 1], 32);
		ck_assert_mem_ne(keys.cookie_key[e & 1], before.cookie_key[e & 1], 16);
		ck_assert_mem_eq(keys.reset_key, reset_key, 32);
	}
}
END_TEST

/* A rotation that fails leaves keys with which clients still connect. */
START_TEST(server_keys_failed_rotation_changes_nothing)
{
	static const uint8_t random[64] = { 1 }, reset_key[32] = { 5 };
	struct crypto_provider broken = *crypto_null_provider();
	struct quantum_server_keys keys, before;

	ck_assert_int_eq(quantum_server_keys_init(&keys, &broken, random, reset_key), 0);
	before = keys;
	broken.dh_keygen = broken_keygen;
	ck_assert_int_eq(quantum_server_keys_rotate(&keys, &broken, random), AEF_ERR_IO);
	ck_assert_mem_eq(&keys, &before, sizeof(keys));
	ck_assert_int_eq(quantum_server_keys_init(&keys, &broken, random, reset_key), AEF_ERR_IO);
}
END_TEST

/* The cookie depends on each thing that it is made of. */
START_TEST(server_keys_cookie_binds_address_port_id_random_and_epoch)
{
	static const uint8_t random[64] = { 1 }, reset_key[32] = { 5 };
	const struct quantum_addr from = { .ip = { 7 }, .port = 80 };
	const struct aef_guuid cid = { .b = { 1 } };
	const uint8_t client[WIRE_RANDOM_BYTES] = { 3 };
	struct quantum_server_keys keys;
	uint8_t cookie[WIRE_COOKIE_BYTES], other[WIRE_COOKIE_BYTES];

	ck_assert_int_eq(quantum_server_keys_init(&keys, crypto_null_provider(), random, reset_key),
	                 0);
	server_cookie_make(&keys, 0, &from, &cid, client, cookie);
	for (unsigned i = 0; i < 16; i++) {
		struct quantum_addr f = from;
		struct aef_guuid c = cid;
		uint8_t r[WIRE_RANDOM_BYTES];

		memcpy(r, client, sizeof(r));
		f.ip[i] ^= 1;
		server_cookie_make(&keys, 0, &f, &cid, client, other);
		ck_assert_mem_ne(cookie, other, sizeof(cookie));
		c.b[i] ^= 1;
		server_cookie_make(&keys, 0, &from, &c, client, other);
		ck_assert_mem_ne(cookie, other, sizeof(cookie));
		r[i] ^= 1;
		server_cookie_make(&keys, 0, &from, &cid, r, other);
		ck_assert_mem_ne(cookie, other, sizeof(cookie));
	}
	struct quantum_addr f = from;

	f.port++;
	server_cookie_make(&keys, 0, &f, &cid, client, other);
	ck_assert_mem_ne(cookie, other, sizeof(cookie));
	server_cookie_make(&keys, 2, &from, &cid, client, other); /* the same key */
	ck_assert_mem_ne(cookie, other, sizeof(cookie));
	server_cookie_make(&keys, 1, &from, &cid, client, other);
	ck_assert_mem_ne(cookie, other, sizeof(cookie));
}
END_TEST

TEST_SUITE(server_keys, &server_keys_rotate_replaces_the_older_of_two,
           &server_keys_failed_rotation_changes_nothing,
           &server_keys_cookie_binds_address_port_id_random_and_epoch)
