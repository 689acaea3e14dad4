/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include <keylog/keylog.h>
#include <keylog/tap.h>
#include <protect/provider.h>

#include "harness.h"

#define HEARD_MAX 32u

static const struct aef_guuid conn_id = { { 1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15,
	                                    16 } };
static struct keylog_secret heard[HEARD_MAX];
static uint8_t bytes[HEARD_MAX][64];
static unsigned nb_heard;

static void
listener(void *arg, const struct keylog_secret *secret)
{
	(void)arg;
	ck_assert_uint_lt(nb_heard, HEARD_MAX);
	heard[nb_heard] = *secret;
	memcpy(bytes[nb_heard++], secret->bytes, secret->len);
}

/* What both ends do, up to the keys of two epochs of the server's direction. */
static void
schedule(const struct crypto_provider *crypto, uint8_t ret_key[44])
{
	const uint8_t psk[32] = "psk", label = 1;
	const struct crypto_bytes parts[] = { { &label, 1 },
		                              { conn_id.b, sizeof(conn_id.b) },
		                              { "rest", 4 } };
	uint8_t mac[16], ikm[64] = "psk", prk[32], secret[32], next[32];

	crypto->mac(crypto->ctx, psk, parts, 3, mac);
	crypto->hkdf_extract(crypto->ctx, "salt", 4, ikm, sizeof(ikm), prk);
	crypto->hkdf_expand(crypto->ctx, prk, "s2c", 3, secret, sizeof(secret));
	crypto->hkdf_expand(crypto->ctx, secret, "qts1 key", 8, ret_key, 44);
	crypto->hkdf_expand(crypto->ctx, secret, "qts1 ku", 7, next, sizeof(next));
	crypto->hkdf_expand(crypto->ctx, next, "qts1 key", 8, ret_key, 44);
}

START_TEST(tap_names_connection_direction_and_epoch_of_every_secret)
{
	static const enum keylog_kind kinds[] = { KEYLOG_PSK,    KEYLOG_PSK, KEYLOG_PRK,
		                                  KEYLOG_SECRET, KEYLOG_KEY, KEYLOG_SECRET,
		                                  KEYLOG_KEY };
	const struct protect_conf conf = { .keys_max = 1 };
	struct protect *protect = NULL;
	uint8_t key[44];

	ck_assert_int_eq(protect_create(&conf, &protect), 0);
	nb_heard = 0;
	keylog_tap(listener, NULL);
	schedule(protect_provider(protect), key);
	keylog_tap(NULL, NULL);

	ck_assert_uint_eq(nb_heard, AEF_DIM(kinds));
	for (unsigned i = 0; i < nb_heard; i++) {
		ck_assert_int_eq(heard[i].kind, kinds[i]);
		ck_assert(aef_guuid_eq(&heard[i].conn_id, &conn_id));
		ck_assert_int_eq(heard[i].by_server, i >= 3);
		ck_assert_uint_eq(heard[i].epoch, i >= 5);
	}
	ck_assert_mem_eq(bytes[6], key, sizeof(key));
	ck_assert_mem_ne(bytes[4], key, sizeof(key));
	protect_destroy(protect);
}
END_TEST

START_TEST(tap_changes_nothing_of_what_a_provider_computes)
{
	const struct protect_conf conf = { .keys_max = 1 };
	struct protect *protect = NULL;
	const struct crypto_provider *twice;
	uint8_t once_key[44], twice_key[44], text[20] = "text", tag[16];
	struct crypto_key key = { .key = { 1 } };
	struct crypto_op op = {
		.key = &key, .pn = 7, .text = text, .text_len = sizeof(text), .tag = tag
	};

	ck_assert_int_eq(protect_create(&conf, &protect), 0);
	twice = keylog_wrap(protect_provider(protect));
	schedule(protect_provider(protect), once_key);
	schedule(twice, twice_key);
	twice->seal(twice->ctx, &op, 1);
	protect_provider(protect)->open(protect_provider(protect)->ctx, &op, 1);

	ck_assert_mem_eq(once_key, twice_key, sizeof(once_key));
	ck_assert(op.ok);
	ck_assert_str_eq((const char *)text, "text");
	ck_assert_ptr_eq(keylog_wrap(protect_provider(protect)), twice);
	twice->key_release(twice->ctx, &key);
	protect_destroy(protect);
}
END_TEST

START_TEST(tap_key_log_has_a_line_for_each_key)
{
	const struct protect_conf conf = { .keys_max = 1 };
	struct protect *protect = NULL;
	char path[] = "/dev/shm/aef-keylog-XXXXXX", line[256], want[256];
	uint8_t key[44];
	FILE *file;
	int at, fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(protect_create(&conf, &protect), 0);
	ck_assert_int_eq(keylog_open(path), 0);
	schedule(protect_provider(protect), key);
	ck_assert_int_eq(keylog_close(), 0);
	file = fdopen(fd, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_int_eq(strncmp(line, "s2c 0102030405067008800a0b0c0d0e0f10 0 ", 39), 0);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	at = sprintf(want, "s2c 0102030405067008800a0b0c0d0e0f10 1 ");
	for (unsigned i = 0; i < sizeof(key); i++)
		at += sprintf(want + at, i == 32 ? " %02x" : "%02x", key[i]);
	strcpy(want + at, "\n");

	ck_assert_str_eq(line, want);
	ck_assert_ptr_null(fgets(line, sizeof(line), file));
	fclose(file);
	unlink(path);
	protect_destroy(protect);
}
END_TEST

TEST_SUITE(tap, &tap_names_connection_direction_and_epoch_of_every_secret,
           &tap_changes_nothing_of_what_a_provider_computes, &tap_key_log_has_a_line_for_each_key)
