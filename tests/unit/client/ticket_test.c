/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <client/ticket.h>
#include <protect/token.h>

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

START_TEST(ticket_of_a_grant_has_its_token_secret_and_id)
{
	struct protect_grant grant;
	struct client_ticket ticket;

	for (unsigned i = 0; i < sizeof(grant); i++)
		((uint8_t *)&grant)[i] = (uint8_t)(i * 29 + 3);
	client_ticket_from_grant(&grant, &ticket);

	ck_assert_mem_eq(ticket.token, grant.token, sizeof(grant.token));
	ck_assert_mem_eq(ticket.psk, grant.psk, sizeof(grant.psk));
	ck_assert(aef_guuid_eq(&ticket.cid, &grant.conn_id));
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
           &ticket_of_a_grant_has_its_token_secret_and_id, &ticket_wiped_is_all_zero)
