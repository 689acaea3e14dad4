/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"
#include "want.c"

static struct token_want want;
static char error_buf[256];

static int
set(const char *name, const char *value)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));

	return token_want_set(&want, name, value, &error);
}

START_TEST(want_values_reach_the_token)
{
	char id[AEF_GUUID_TEXT_LEN + 1];

	token_want_init(&want);
	ck_assert_uint_eq(want.life_ms, CRYPTO_TOKEN_LIFE_DEFAULT_MS);
	ck_assert_int_eq(set("life", "120"), 0);
	ck_assert_int_eq(set("max-kbps", "4294967295"), 0);
	ck_assert_int_eq(set("max-pps", "7"), 0);
	ck_assert_int_eq(set("max-docs", "65535"), 0);
	ck_assert_int_eq(set("tenant", "0190f3c2-7b1e-7000-8000-0123456789ab"), 0);
	ck_assert_int_eq(set("subject", "0190f3c2-7b1e-7000-8000-0123456789ac"), 0);
	ck_assert_int_eq(set("session", "0190f3c2-7b1e-7000-8000-0123456789ad"), 0);

	ck_assert_uint_eq(want.life_ms, 120000);
	ck_assert_uint_eq(want.token.max_kbps, UINT32_MAX);
	ck_assert_uint_eq(want.token.max_pps, 7);
	ck_assert_uint_eq(want.token.max_docs, 65535);
	aef_guuid_format(&want.token.tenant_id, id);
	ck_assert_str_eq(id, "0190f3c2-7b1e-7000-8000-0123456789ab");
	aef_guuid_format(&want.token.session_id, id);
	ck_assert_str_eq(id, "0190f3c2-7b1e-7000-8000-0123456789ad");
}
END_TEST

START_TEST(want_address_is_a_valid_hint)
{
	static const struct {
		const char *text;
		uint8_t family, prefix, first, last;
	} good[] = {
		{ "192.0.2.0/24", 4, 24, 192, 0 },  { "192.0.2.7", 4, 32, 192, 7 },
		{ "128.0.0.0/1", 4, 1, 128, 0 },    { "2001:db8::/32", 6, 32, 0x20, 0 },
		{ "2001:db8::1", 6, 128, 0x20, 1 }, { "::ffff:1.2.3.4/128", 6, 128, 0, 4 },
		{ "fe80::/10", 6, 10, 0xfe, 0 },
	};
	static const char *const bad[] = {
		"",
		"x",
		"192.0.2",
		"192.0.2.1/24",
		"192.0.2.0/33",
		"192.0.2.0/",
		"1.2.3.4/0",
		"1.2.3.4/-1",
		"2001:db8::1/64",
		"2001:db8::/129",
		"/24",
		"1.2.3.4/ 8",
		"1.2.3.4/32x",
		"1.2.3.4:80",
		"fe80::1%eth0",
		"2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8/32",
	};

	for (size_t i = 0; i < AEF_DIM(good); i++) {
		const struct crypto_token *t = &want.token;
		uint8_t body[CRYPTO_TOKEN_BODY_BYTES];

		token_want_init(&want);
		ck_assert_msg(set("addr", good[i].text) == 0, "%s: %s", good[i].text, error_buf);
		ck_assert_uint_eq(t->addr_family, good[i].family);
		ck_assert_uint_eq(t->addr_prefix, good[i].prefix);
		ck_assert_uint_eq(t->addr[0], good[i].first);
		ck_assert_uint_eq(t->addr[good[i].family == 4 ? 3 : 15], good[i].last);
		ck_assert_int_eq(crypto_token_body_encode(t, body), 0); /* the codec agrees */
	}
	for (size_t i = 0; i < AEF_DIM(bad); i++) {
		token_want_init(&want);
		ck_assert_msg(set("addr", bad[i]) == AEF_ERR_INVALID, "%s", bad[i]);
		ck_assert_uint_eq(want.token.addr_family, CRYPTO_ADDR_NONE);
		ck_assert_ptr_nonnull(strchr(error_buf, '\n'));
	}
}
END_TEST

START_TEST(want_bad_value_or_name_is_refused_with_a_sentence)
{
	static const char *const bad[][2] = {
		{ "life", "0" },
		{ "life", "121" },
		{ "life", "-1" },
		{ "life", "" },
		{ "life", "1.5" },
		{ "life", "0x10" },
		{ "max-docs", "65536" },
		{ "max-kbps", "4294967296" },
		{ "max-pps", "99999999999999999999" },
		{ "tenant", "7" },
		{ "subject", "0190f3c2-7b1e-7000-8000-0123456789a" },
		{ "session", "zzzzzzzz-7b1e-7000-8000-0123456789ab" },
	};

	token_want_init(&want);
	for (size_t i = 0; i < AEF_DIM(bad); i++)
		ck_assert_msg(set(bad[i][0], bad[i][1]) == AEF_ERR_INVALID, "%s=%s", bad[i][0],
		              bad[i][1]);
	ck_assert_uint_eq(want.life_ms, CRYPTO_TOKEN_LIFE_DEFAULT_MS);
	ck_assert_int_eq(set("colour", "red"), AEF_ERR_NOTFOUND);
}
END_TEST

START_TEST(want_word_is_name_and_value)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));

	token_want_init(&want);
	ck_assert_int_eq(token_want_word(&want, "life=9", &error), 0);
	ck_assert_uint_eq(want.life_ms, 9000);
	ck_assert_int_eq(token_want_word(&want, "life", &error), AEF_ERR_INVALID);
	ck_assert_int_eq(token_want_word(&want, "=9", &error), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(token_want_word(&want, "life=", &error), AEF_ERR_INVALID);
	ck_assert_int_eq(token_want_word(&want, "averyveryverylongname=1", &error),
	                 AEF_ERR_INVALID);
}
END_TEST

START_TEST(want_ticket_holds_what_was_granted)
{
	struct protect_grant grant = { .conn_id = { .b = { 7 } } };
	char text[CLIENT_TICKET_TEXT_LEN + 1];
	struct client_ticket ticket;

	memset(grant.token, 1, sizeof(grant.token));
	memset(grant.psk, 2, sizeof(grant.psk));
	token_grant_ticket(&grant, text);

	ck_assert_int_eq(client_ticket_parse(text, strlen(text), &ticket), 0);
	ck_assert_mem_eq(ticket.token, grant.token, sizeof(grant.token));
	ck_assert_mem_eq(ticket.psk, grant.psk, sizeof(grant.psk));
	ck_assert_int_eq(aef_guuid_cmp(&ticket.cid, &grant.conn_id), 0);
}
END_TEST

TEST_SUITE(want, &want_values_reach_the_token, &want_address_is_a_valid_hint,
           &want_bad_value_or_name_is_refused_with_a_sentence, &want_word_is_name_and_value,
           &want_ticket_holds_what_was_granted)
