/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rights_test.c - every tenant x role x verb x document, and lists of members.
 */
#include <stdlib.h>

#include <base/bytes.h>

#include "harness.h"
#include "rights_priv.h"

#define TENANTS 3u

/* What the table of rights must say, written out once more and differently. */
static const char *const allowed[RIGHTS_NB_ROLES] = {
	[RIGHTS_NOBODY] = "",
	[RIGHTS_VIEWER] = "rp",
	[RIGHTS_EDITOR] = "rpelc",
	[RIGHTS_OWNER] = "rpelcmd",
};
static const char letters[RIGHTS_NB_VERBS] = "rpelcmd";

static void *
heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_put(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static struct aef_alloc alloc;

static void
alloc_start(uint64_t budget)
{
	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = budget };
}

static struct aef_guuid
id(uint8_t kind, uint32_t nr)
{
	struct aef_guuid g = { .b = { kind } };

	aef_store_be32(g.b + 12, nr);
	return g;
}

static struct rights_principal
who(uint32_t tenant, uint32_t user, uint32_t caps)
{
	return (struct rights_principal){ id('t', tenant), id('u', user), caps };
}

/* User n has role n. */
static void
document(struct rights *rights, uint32_t tenant)
{
	const struct aef_guuid t = id('t', tenant), owner = id('u', RIGHTS_OWNER);
	const struct aef_guuid viewer = id('u', RIGHTS_VIEWER), editor = id('u', RIGHTS_EDITOR);

	rights_init(rights, &t, &owner);
	ck_assert_int_eq(rights_set(rights, &alloc, &viewer, RIGHTS_VIEWER), 0);
	ck_assert_int_eq(rights_set(rights, &alloc, &editor, RIGHTS_EDITOR), 0);
}

START_TEST(rights_of_every_tenant_role_verb_and_document_are_as_the_table_says)
{
	unsigned nb = 0, nb_allowed = 0;

	alloc_start(1u << 20);
	for (uint32_t tenant = 0; tenant < TENANTS; tenant++) {
		struct rights own, foreign;

		document(&own, tenant);
		document(&foreign, (tenant + 1) % TENANTS);
		for (unsigned role = 0; role < RIGHTS_NB_ROLES; role++) {
			const struct rights_principal p = who(tenant, role, 0);

			for (unsigned verb = 0; verb < RIGHTS_NB_VERBS; verb++) {
				const bool may = strchr(allowed[role], letters[verb]) != NULL;
				const int want = may                     ? 0
				                 : role == RIGHTS_NOBODY ? AEF_ERR_NOTFOUND
				                                         : AEF_ERR_DENIED;

				ck_assert_int_eq(rights_may(&own, &p, verb), want);
				/* What is another's looks as what is not there. */
				ck_assert_int_eq(rights_may(&foreign, &p, verb), AEF_ERR_NOTFOUND);
				ck_assert_int_eq(rights_may(NULL, &p, verb), AEF_ERR_NOTFOUND);
				nb += 3;
				nb_allowed += may;
			}
		}
		rights_fini(&own, &alloc);
		rights_fini(&foreign, &alloc);
	}
	ck_assert_uint_eq(nb, TENANTS * RIGHTS_NB_ROLES * RIGHTS_NB_VERBS * 3);
	ck_assert_uint_eq(nb_allowed, TENANTS * (2 + 5 + 7));
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

START_TEST(rights_to_a_public_document_end_at_its_tenant)
{
	struct rights_principal p = who(0, RIGHTS_NOBODY, 0);
	struct rights rights;

	alloc_start(1u << 20);
	document(&rights, 0);
	rights.is_public = true;
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_READ), 0);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_EDIT), AEF_ERR_DENIED);
	p = who(1, RIGHTS_OWNER, RIGHTS_CAP_ADMIN);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_READ), AEF_ERR_NOTFOUND);
	rights_fini(&rights, &alloc);
}
END_TEST

START_TEST(rights_follow_the_capabilities_of_the_session)
{
	struct rights rights;
	struct rights_principal p = who(0, RIGHTS_NOBODY, RIGHTS_CAP_ADMIN);

	alloc_start(1u << 20);
	document(&rights, 0);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_DELETE), 0);
	p.caps |= RIGHTS_CAP_READ_ONLY;
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_READ), 0);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_EDIT), AEF_ERR_DENIED);
	p = who(0, RIGHTS_NOBODY, RIGHTS_CAP_READ_ONLY); /* gives nothing */
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_READ), AEF_ERR_NOTFOUND);
	rights_fini(&rights, &alloc);
}
END_TEST

START_TEST(rights_are_revoked_and_changed_at_once)
{
	const struct aef_guuid user = id('u', RIGHTS_EDITOR), owner = id('u', RIGHTS_OWNER);
	const struct rights_principal p = who(0, RIGHTS_EDITOR, 0), o = who(0, RIGHTS_OWNER, 0);
	struct rights rights;

	alloc_start(1u << 20);
	document(&rights, 0);
	ck_assert_int_eq(rights_set(&rights, &alloc, &user, RIGHTS_VIEWER), 0);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_EDIT), AEF_ERR_DENIED);
	ck_assert_int_eq(rights_set(&rights, &alloc, &user, RIGHTS_NOBODY), 0);
	ck_assert_int_eq(rights_may(&rights, &p, RIGHTS_READ), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(rights_set(&rights, &alloc, &user, RIGHTS_NOBODY), 0);
	ck_assert_int_eq(rights_set(&rights, &alloc, &user, RIGHTS_OWNER), AEF_ERR_INVALID);
	ck_assert_int_eq(rights_set(&rights, &alloc, &owner, RIGHTS_VIEWER), 0);
	ck_assert_int_eq(rights_may(&rights, &o, RIGHTS_DELETE), 0); /* stays the owner */
	rights_fini(&rights, &alloc);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

/* Against a plain array of roles. */
START_TEST(rights_of_many_members_agree_with_a_list_and_are_bounded)
{
	static uint8_t roles[2 * RIGHTS_MEMBERS_MAX];
	const struct aef_guuid tenant = id('t', 0), owner = id('o', 0);
	struct aef_rng rng;
	struct rights rights;
	uint32_t nb = 0;

	alloc_start(RIGHTS_MEMBERS_MAX * sizeof(struct rights_member) * 2);
	aef_rng_init(&rng, 5);
	memset(roles, 0, sizeof(roles));
	rights_init(&rights, &tenant, &owner);
	for (unsigned i = 0; i < 40000; i++) {
		const uint32_t u = (uint32_t)aef_rng_below(&rng, AEF_DIM(roles));
		const uint8_t role = (uint8_t)aef_rng_below(&rng, i < 20000 ? 3 : 8) % 3;
		const struct aef_guuid user = id('u', u);
		const bool more = roles[u] == RIGHTS_NOBODY && role != RIGHTS_NOBODY;

		if (more && nb == RIGHTS_MEMBERS_MAX) {
			ck_assert_int_eq(rights_set(&rights, &alloc, &user, role), AEF_ERR_LIMIT);
			continue;
		}
		ck_assert_int_eq(rights_set(&rights, &alloc, &user, role), 0);
		nb = nb + more - (roles[u] != RIGHTS_NOBODY && role == RIGHTS_NOBODY);
		roles[u] = role;
		ck_assert_uint_eq(rights.nb, nb);
	}
	for (uint32_t u = 0; u < AEF_DIM(roles); u++) {
		const struct rights_principal p = who(0, u, 0);

		ck_assert_int_eq(rights_role_of(&rights, &p), roles[u]);
	}
	rights_fini(&rights, &alloc);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}
END_TEST

START_TEST(rights_without_memory_stay_as_they_were)
{
	const struct aef_guuid tenant = id('t', 0), owner = id('o', 0);
	struct rights rights;

	alloc_start(8 * sizeof(struct rights_member));
	rights_init(&rights, &tenant, &owner);
	for (uint32_t u = 0; u < 9; u++) {
		const struct aef_guuid user = id('u', u);

		ck_assert_int_eq(rights_set(&rights, &alloc, &user, RIGHTS_EDITOR),
		                 u < 8 ? 0 : AEF_ERR_FULL);
	}
	ck_assert_uint_eq(rights.nb, 8);
	rights_fini(&rights, &alloc);
}
END_TEST

TEST_SUITE(rights, &rights_of_every_tenant_role_verb_and_document_are_as_the_table_says,
           &rights_to_a_public_document_end_at_its_tenant,
           &rights_follow_the_capabilities_of_the_session, &rights_are_revoked_and_changed_at_once,
           &rights_of_many_members_agree_with_a_list_and_are_bounded,
           &rights_without_memory_stay_as_they_were)
