/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <client/ticket.h>
#include <crypto/token.h>
#include <crypto_null/null_provider.h>

#include "harness.h"

static void
make(struct client_ticket *ret)
{
	for (unsigned i = 0; i < sizeof(*ret); i++)
		((uint8_t *)ret)[i] = (uint8_t)(i * 37 + 11);
}

START_TEST(ticket_text_form_round_trips)
{
	struct client_ticket in, out;
	char text[CLIENT_TICKET_TEXT_LEN + 1];

	make(&in);
	client_ticket_format(&in, text);
	ck_assert_uint_eq(strlen(text), CLIENT_TICKET_TEXT_LEN);
	ck_assert(strncmp(text, "qt1.", 4) == 0);
	ck_assert_int_eq(client_ticket_parse(text, CLIENT_TICKET_TEXT_LEN, &out), 0);
	ck_assert_mem_eq(&in, &out, sizeof(in));
}
END_TEST

START_TEST(ticket_any_changed_or_missing_character_is_refused)
{
	struct client_ticket in, out;
	char text[CLIENT_TICKET_TEXT_LEN + 1];

	make(&in);
	client_ticket_format(&in, text);
	for (unsigned i = 0; i < CLIENT_TICKET_TEXT_LEN; i++) {
		const char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		ck_assert_int_eq(client_ticket_parse(text, CLIENT_TICKET_TEXT_LEN, &out),
		                 AEF_ERR_MALFORMED);
		text[i] = '+';
		ck_assert_int_eq(client_ticket_parse(text, CLIENT_TICKET_TEXT_LEN, &out),
		                 AEF_ERR_MALFORMED);
		text[i] = was;
		ck_assert_int_eq(client_ticket_parse(text, i, &out), AEF_ERR_MALFORMED);
	}
	ck_assert_int_eq(client_ticket_parse(text, CLIENT_TICKET_TEXT_LEN, &out), 0);
}
END_TEST

START_TEST(ticket_issued_here_opens_here_and_names_its_id_and_secret)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	struct client_ticket a, b;
	struct crypto_token token;
	uint64_t now;

	ck_assert_int_eq(client_ticket_issue(crypto, 30000, &a), 0);
	ck_assert_int_eq(client_ticket_issue(crypto, 30000, &b), 0);
	now = aef_guuid_unix_ms(&a.cid);
	ck_assert_int_eq(crypto->token_open(crypto->ctx, a.token, now, &token), 0);
	ck_assert(aef_guuid_eq(&token.conn_id, &a.cid));
	ck_assert_mem_eq(token.psk, a.psk, sizeof(a.psk));
	ck_assert(!aef_guuid_eq(&a.cid, &b.cid));
	ck_assert_mem_ne(a.psk, b.psk, sizeof(a.psk));
	ck_assert_int_eq(client_ticket_issue(crypto, CRYPTO_TOKEN_LIFE_MAX_MS + 1, &a),
	                 AEF_ERR_INVALID);
}
END_TEST

START_TEST(ticket_wiped_is_all_zero)
{
	static const struct client_ticket zero;
	struct client_ticket ticket;

	make(&ticket);
	client_ticket_wipe(&ticket);
	ck_assert_mem_eq(&ticket, &zero, sizeof(zero));
}
END_TEST

TEST_SUITE(ticket, &ticket_text_form_round_trips,
           &ticket_any_changed_or_missing_character_is_refused,
           &ticket_issued_here_opens_here_and_names_its_id_and_secret, &ticket_wiped_is_all_zero)
