/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors_test.c - tests/golden/protection.txt: what another implementation, written from the text
 * alone, makes of fixed inputs. The real provider computes, the engine's own functions lay out.
 */
#include <base/err.h>
#include <base/siphash.h>
#include <crypto/epoch.h>
#include <crypto/token.h>
#include <protect/provider.h>

#include "handshake_priv.h"
#include "harness.h"

#define VECTORS    "tests/golden/protection.txt"
#define FIELDS_MAX 512u

struct field {
	char vector[32];
	char name[24];
	uint64_t number;
	size_t len;
	uint8_t *bytes; /* NULL: a number */
};

static struct field fields[FIELDS_MAX];
static unsigned nb_fields;
static struct protect *protect;
static const struct crypto_provider *crypto;

static void
take_bytes(struct field *f, const char *hex)
{
	unsigned byte;

	f->bytes = malloc(strlen(hex) / 2 + 1);
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		f->bytes[f->len++] = (uint8_t)byte;
}

static void
take_line(char *line, char vector[32])
{
	struct field *f = &fields[nb_fields];
	unsigned long long number;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "[%31[^]]", vector) == 1 || line[0] == '#' || line[0] == '\0')
		return;
	ck_assert_uint_lt(nb_fields, FIELDS_MAX);
	*f = (struct field){ .len = 0 };
	memcpy(f->vector, vector, sizeof(f->vector));
	if (sscanf(line, "%23[a-z0-9_] = %llu", f->name, &number) == 2) {
		f->number = number;
	} else {
		ck_assert_msg(sscanf(line, "%23[a-z0-9_]:%n", f->name, &at) == 1 && at > 0,
		              "a line is neither: %s", line);
		take_bytes(f, line + at + (line[at] == ' '));
	}
	nb_fields++;
}

static void
setup(void)
{
	static char line[32768];
	char vector[32] = "";
	FILE *file = fopen(VECTORS, "r");
	const struct protect_conf conf = { .keys_max = 64 };

	ck_assert_msg(file != NULL, "run the tests from the project's root");
	nb_fields = 0;
	while (fgets(line, sizeof(line), file) != NULL)
		take_line(line, vector);
	fclose(file);
	ck_assert_int_eq(protect_create(&conf, &protect), 0);
	crypto = protect_provider(protect);
}

static void
teardown(void)
{
	for (unsigned i = 0; i < nb_fields; i++)
		free(fields[i].bytes);
	protect_destroy(protect);
}

static const struct field *
get(const char *vector, const char *name)
{
	for (unsigned i = 0; i < nb_fields; i++)
		if (strcmp(fields[i].vector, vector) == 0 && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	ck_abort_msg("there is no %s in [%s]", name, vector);
	return NULL;
}

static uint64_t
number(const char *vector, const char *name)
{
	const struct field *f = get(vector, name);

	ck_assert_ptr_null(f->bytes);
	return f->number;
}

/* Copy a field whose length is known. */
static void
bytes(const char *vector, const char *name, void *ret, size_t len)
{
	const struct field *f = get(vector, name);

	ck_assert_msg(f->bytes != NULL && f->len == len, "[%s] %s: %zu bytes, not %zu", vector,
	              name, f->len, len);
	memcpy(ret, f->bytes, len);
}

static void
same(const char *vector, const char *name, const void *got, size_t len)
{
	const struct field *f = get(vector, name);

	ck_assert_msg(f->len == len && memcmp(f->bytes, got, len) == 0,
	              "[%s] %s is %zu bytes and not the %zu of the library", vector, name, f->len,
	              len);
}

static void
token_fields(const char *v, struct crypto_token *ret)
{
	*ret = (struct crypto_token){
		.epoch = (uint16_t)number(v, "epoch"),
		.group = (uint16_t)number(v, "group"),
		.expires_ms = number(v, "expiry_ms"),
		.issued_ms = number(v, "issued_ms"),
		.session_epoch = number(v, "session_epoch"),
		.caps = (uint32_t)number(v, "capabilities"),
		.max_kbps = (uint32_t)number(v, "limit_kbps"),
		.max_pps = (uint32_t)number(v, "limit_pps"),
		.max_docs = (uint16_t)number(v, "limit_documents"),
		.addr_family = (uint8_t)number(v, "family"),
		.addr_prefix = (uint8_t)number(v, "prefix"),
	};
	bytes(v, "session_id", ret->session_id.b, 16);
	bytes(v, "conn_id", ret->conn_id.b, 16);
	bytes(v, "tenant", ret->tenant_id.b, 16);
	bytes(v, "subject", ret->subject_id.b, 16);
	bytes(v, "psk", ret->psk, sizeof(ret->psk));
	bytes(v, "address", ret->addr, sizeof(ret->addr));
}

static void
check_token(const char *v)
{
	uint8_t out[CRYPTO_TOKEN_BYTES];
	struct crypto_token token, back = { .epoch = 0 };
	struct crypto_key key = { .slot = 0 };
	struct crypto_op op = { .key = &key,
		                .aad = out,
		                .aad_len = CRYPTO_TOKEN_CLEAR_BYTES,
		                .text = out + CRYPTO_TOKEN_BODY_AT,
		                .text_len = CRYPTO_TOKEN_BODY_BYTES,
		                .tag = out + CRYPTO_TOKEN_TAG_AT };

	token_fields(v, &token);
	crypto_token_clear_encode(&token, out);
	same(v, "clear", out, CRYPTO_TOKEN_CLEAR_BYTES);
	ck_assert_int_eq(crypto_token_body_encode(&token, out + CRYPTO_TOKEN_BODY_AT), 0);
	same(v, "body", out + CRYPTO_TOKEN_BODY_AT, CRYPTO_TOKEN_BODY_BYTES);

	/* The nonce of a token is the whole of it: number 0 leaves it as it is. */
	bytes(v, "key", key.key, sizeof(key.key));
	bytes(v, "nonce", key.iv, sizeof(key.iv));
	bytes(v, "nonce", out + CRYPTO_TOKEN_NONCE_AT, sizeof(key.iv));
	crypto->seal(crypto->ctx, &op, 1);
	same(v, "token", out, sizeof(out));

	crypto->open(crypto->ctx, &op, 1);
	ck_assert(op.ok);
	ck_assert_int_eq(crypto_token_clear_decode(out, &back), 0);
	ck_assert_int_eq(crypto_token_body_decode(out + CRYPTO_TOKEN_BODY_AT, &back), 0);
	memcpy(token.nonce, key.iv, sizeof(token.nonce));
	ck_assert_mem_eq(&back, &token, sizeof(token));
	crypto->key_release(crypto->ctx, &key);
}

/* */
START_TEST(vectors_tokens_are_sealed_and_opened_as_published)
{
	check_token("token");
	check_token("token-ipv4-hint");
}
END_TEST

/* [Q-4.1] [Q-4.2] */
START_TEST(vectors_unsealed_datagrams_are_built_as_published)
{
	uint8_t out[WIRE_SYN_BYTES], psk[CRYPTO_PSK_BYTES], token[WIRE_RESET_BYTES];
	struct aef_guuid cid;
	struct wire_syn syn;
	struct wire_syn_ack syn_ack = { .cookie_epoch = (uint8_t)number("syn-ack", "cookie_epoch"),
		                        .dh_epoch = (uint8_t)number("syn-ack", "dh_epoch") };
	struct wire_busy busy = { .reason = (uint8_t)number("busy", "reason"),
		                  .retry_after_ms = (uint32_t)number("busy", "retry_ms") };

	bytes("syn", "conn_id", cid.b, sizeof(cid.b));
	bytes("syn", "random", syn.client_random, sizeof(syn.client_random));
	bytes("syn", "token", syn.token, sizeof(syn.token));
	wire_syn_encode(out, &cid, &syn);
	same("syn", "datagram", out, WIRE_SYN_BYTES);

	bytes("syn-ack", "psk", psk, sizeof(psk));
	bytes("syn-ack", "random", syn_ack.client_random, sizeof(syn_ack.client_random));
	bytes("syn-ack", "cookie", syn_ack.cookie, sizeof(syn_ack.cookie));
	bytes("syn-ack", "server_public", syn_ack.server_pub, sizeof(syn_ack.server_pub));
	wire_syn_ack_encode(out, &cid, &syn_ack);
	handshake_mac(crypto, psk, MAC_LABEL_SYN_ACK, out, WIRE_SYN_ACK_MAC_AT,
	              out + WIRE_SYN_ACK_MAC_AT);
	same("syn-ack", "datagram", out, WIRE_SYN_ACK_BYTES);

	bytes("busy", "random", busy.client_random, sizeof(busy.client_random));
	wire_busy_encode(out, &cid, &busy);
	handshake_mac(crypto, psk, MAC_LABEL_BUSY, out, WIRE_BUSY_MAC_AT, out + WIRE_BUSY_MAC_AT);
	same("busy", "datagram", out, WIRE_BUSY_BYTES);

	bytes("rst", "guuid", cid.b, sizeof(cid.b));
	bytes("rst", "reset_token", token, sizeof(token));
	wire_rst_encode(out, &cid, token);
	same("rst", "datagram", out, WIRE_RST_BYTES);
	same("version", "datagram", out, wire_version_reply_encode(out, &cid));
}
END_TEST

static void
check_cookie(const char *v)
{
	uint8_t key[16], text[53] = { 0 }, cookie[WIRE_COOKIE_BYTES];

	bytes(v, "key", key, sizeof(key));
	bytes(v, "address", text, 16);
	text[16] = (uint8_t)(number(v, "port") >> 8);
	text[17] = (uint8_t)number(v, "port");
	bytes(v, "conn_id", text + 20, 16);
	bytes(v, "random", text + 36, 16);
	text[52] = (uint8_t)number(v, "epoch");
	aef_siphash128(key, text, sizeof(text), cookie);
	same(v, "cookie", cookie, sizeof(cookie));
}

/* that a server puts this together, too, is seen in tests/interop. */
START_TEST(vectors_cookies_are_siphash_of_what_is_published)
{
	check_cookie("cookie");
	check_cookie("cookie-ipv6");
}
END_TEST

static void
derive(struct conn_secrets *ret)
{
	uint8_t token[WIRE_TOKEN_BYTES], random[16], cookie[16], psk[32], priv[32], pub[32];
	uint8_t server_pub[32], client_pub[32], shared[32], again[32];

	bytes("schedule", "token", token, sizeof(token));
	bytes("schedule", "random", random, sizeof(random));
	bytes("schedule", "cookie", cookie, sizeof(cookie));
	bytes("schedule", "psk", psk, sizeof(psk));
	bytes("schedule", "server_public", server_pub, sizeof(server_pub));
	bytes("schedule", "client_public", client_pub, sizeof(client_pub));
	ck_assert_int_eq(
		crypto->dh_keygen(crypto->ctx, get("schedule", "client_private")->bytes, priv, pub),
		0);
	ck_assert_mem_eq(pub, client_pub, sizeof(pub));
	ck_assert_int_eq(crypto->dh(crypto->ctx, priv, server_pub, shared), 0);
	ck_assert_int_eq(
		crypto->dh_keygen(crypto->ctx, get("schedule", "server_private")->bytes, priv, pub),
		0);
	ck_assert_mem_eq(pub, server_pub, sizeof(pub));
	ck_assert_int_eq(crypto->dh(crypto->ctx, priv, client_pub, again), 0);
	ck_assert_mem_eq(again, shared, sizeof(shared));
	same("schedule", "shared", shared, sizeof(shared));
	handshake_secrets(crypto,
	                  &(struct conn_transcript){
				  .token = token,
				  .random = random,
				  .cookie = cookie,
				  .server_pub = server_pub,
				  .client_pub = client_pub,
				  .psk = psk,
				  .shared = shared,
				  .cookie_epoch = (uint8_t)number("schedule", "cookie_epoch"),
				  .dh_epoch = (uint8_t)number("schedule", "dh_epoch"),
			  },
	                  ret);
}

static void
check_epochs(const char *way, const uint8_t secret[CRYPTO_SECRET_BYTES])
{
	struct crypto_tx_keys tx;
	char vector[32];

	crypto_tx_keys_init(&tx, crypto, secret);
	for (uint64_t epoch = 0; epoch < 3; epoch++) {
		struct crypto_key *key = crypto_tx_keys_get(&tx, crypto_epoch_first_pn(epoch));

		ck_assert_ptr_nonnull(key);
		snprintf(vector, sizeof(vector), "keys-%s-%u", way, (unsigned)epoch);
		same(vector, "key", key->key, sizeof(key->key));
		same(vector, "iv", key->iv, sizeof(key->iv));
		if (epoch < 2) {
			snprintf(vector, sizeof(vector), "keys-%s-%u", way, (unsigned)epoch + 1);
			same(vector, "secret", tx.next_secret, sizeof(tx.next_secret));
		}
		crypto_tx_keys_on_acked(&tx, crypto_epoch_first_pn(epoch));
		ck_assert_int_eq(crypto_tx_keys_advance(&tx, crypto), 0);
	}
	crypto_tx_keys_fini(&tx, crypto);
}

/* */
START_TEST(vectors_the_key_schedule_gives_the_published_secrets_and_keys)
{
	struct conn_secrets secrets;

	derive(&secrets);
	same("keys-c2s-0", "secret", secrets.c2s, sizeof(secrets.c2s));
	same("keys-s2c-0", "secret", secrets.s2c, sizeof(secrets.s2c));
	check_epochs("c2s", secrets.c2s);
	check_epochs("s2c", secrets.s2c);
}
END_TEST

/* Seal what stands in the first `aad_len` bytes of @p out; compare; open; a changed bit is refused.
 */
static void
check_sealed(const char *v, struct crypto_key *key, uint8_t *out, uint32_t aad_len)
{
	const struct field *text = get(v, "frames");
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	struct crypto_op op = { .key = key,
		                .pn = number(v, "number"),
		                .aad = out,
		                .aad_len = aad_len,
		                .text = out + aad_len,
		                .text_len = (uint32_t)text->len,
		                .tag = out + aad_len + text->len };
	const size_t len = aad_len + text->len + CRYPTO_TAG_BYTES;

	crypto_nonce(key->iv, op.pn, nonce);
	same(v, "nonce", nonce, sizeof(nonce));
	same(v, "aad", out, aad_len);
	memcpy(op.text, text->bytes, text->len);
	crypto->seal(crypto->ctx, &op, 1);
	same(v, "datagram", out, len);

	crypto->open(crypto->ctx, &op, 1);
	ck_assert(op.ok);
	ck_assert_mem_eq(op.text, text->bytes, text->len);
	bytes(v, "datagram", out, len);
	out[len - 1] ^= 1;
	crypto->open(crypto->ctx, &op, 1);
	ck_assert(!op.ok);
	crypto->key_release(crypto->ctx, key);
}

static void
check_ack(const char *v)
{
	uint8_t out[WIRE_MTU_BASE], psk[CRYPTO_PSK_BYTES];
	struct aef_guuid cid;
	struct wire_ack ack = { .cookie_epoch = (uint8_t)number(v, "cookie_epoch"),
		                .dh_epoch = (uint8_t)number(v, "dh_epoch") };
	struct crypto_key key = { .slot = 0 };

	bytes("syn-ack", "psk", psk, sizeof(psk));
	bytes(v, "conn_id", cid.b, sizeof(cid.b));
	bytes(v, "random", ack.client_random, sizeof(ack.client_random));
	bytes(v, "token", ack.token, sizeof(ack.token));
	bytes(v, "cookie", ack.cookie, sizeof(ack.cookie));
	bytes(v, "client_public", ack.client_pub, sizeof(ack.client_pub));
	bytes("keys-c2s-0", "key", key.key, sizeof(key.key));
	bytes("keys-c2s-0", "iv", key.iv, sizeof(key.iv));
	wire_ack_encode(out, &cid, (uint32_t)number(v, "number"), &ack);
	handshake_mac(crypto, psk, MAC_LABEL_ACK, out, WIRE_ACK_MAC_AT, out + WIRE_ACK_MAC_AT);
	same(v, "mac", out + WIRE_ACK_MAC_AT, WIRE_MAC_BYTES);
	aef_store_be16(out + 30, (uint16_t)(WIRE_ACK_CLEAR_BYTES + get(v, "frames")->len));
	check_sealed(v, &key, out, WIRE_ACK_TEXT_AT);
}

/* */
START_TEST(vectors_handshake_acks_are_sealed_as_published)
{
	check_ack("ack");
	check_ack("ack-again");
	check_ack("ack-empty");
}
END_TEST

static void
check_packet(const char *v)
{
	static uint8_t out[WIRE_MTU_MAX];
	const struct field *blocks = get(v, "blocks");
	const uint64_t pn = number(v, "number");
	struct wire_sack sacks[WIRE_SACKS_MAX];
	struct crypto_key key = { .slot = 0 };
	struct wire_header hdr = { .version = WIRE_VERSION,
		                   .flags = (uint8_t)number(v, "flags"),
		                   .seq = (uint32_t)pn,
		                   .ack = (uint32_t)number(v, "ack"),
		                   .payload_len = (uint16_t)get(v, "frames")->len };
	struct wire_header back;

	bytes(v, "guuid", hdr.cid.b, sizeof(hdr.cid.b));
	bytes(v, "key", key.key, sizeof(key.key));
	bytes(v, "iv", key.iv, sizeof(key.iv));
	wire_header_encode(out, &hdr);
	wire_sacks_decode(blocks->bytes, (unsigned)(blocks->len / WIRE_SACK_BYTES), sacks);
	wire_sacks_encode(out + WIRE_HEADER_BYTES, sacks,
	                  (unsigned)(blocks->len / WIRE_SACK_BYTES));
	check_sealed(v, &key, out, WIRE_HEADER_BYTES + (uint32_t)blocks->len);
	ck_assert_int_eq(wire_classify(out, get(v, "datagram")->len, &back), WIRE_CLASS_PROTECTED);
	ck_assert_uint_eq(crypto_pn_expand(pn + 2, back.seq), pn);
}

/* */
START_TEST(vectors_protected_packets_are_sealed_as_published)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < nb_fields; i++) {
		if (strncmp(fields[i].vector, "packet-", 7) == 0 &&
		    strcmp(fields[i].name, "datagram") == 0) {
			check_packet(fields[i].vector);
			nb++;
		}
	}
	ck_assert_uint_ge(nb, 14);
}
END_TEST

Suite *vectors_suite(void);
Suite *
vectors_suite(void)
{
	Suite *suite = suite_create("vectors");
	TCase *tcase = tcase_create("vectors");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, vectors_tokens_are_sealed_and_opened_as_published);
	tcase_add_test(tcase, vectors_unsealed_datagrams_are_built_as_published);
	tcase_add_test(tcase, vectors_cookies_are_siphash_of_what_is_published);
	tcase_add_test(tcase, vectors_the_key_schedule_gives_the_published_secrets_and_keys);
	tcase_add_test(tcase, vectors_handshake_acks_are_sealed_as_published);
	tcase_add_test(tcase, vectors_protected_packets_are_sealed_as_published);
	suite_add_tcase(suite, tcase);
	return suite;
}
