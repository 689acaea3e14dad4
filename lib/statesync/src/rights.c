/* SPDX-License-Identifier: BSD-3-Clause */
#include "rights_priv.h"

#define MEMBERS_MIN 8u

void
rights_init(struct rights *rights, const struct aef_guuid *tenant, const struct aef_guuid *owner)
{
	*rights = (struct rights){ .tenant = *tenant, .owner = *owner };
}

void
rights_fini(struct rights *rights, struct aef_alloc *alloc)
{
	aef_alloc_put(alloc, rights->members, rights->cap * sizeof(*rights->members));
	rights->members = NULL;
	rights->nb = rights->cap = 0;
}

/* Index of the member, or of the place where it would stand. */
static uint32_t
member_at(const struct rights *rights, const struct aef_guuid *user, bool *ret_is)
{
	uint32_t low = 0, high = rights->nb;

	*ret_is = false;
	while (low < high && !*ret_is) {
		const uint32_t mid = low + (high - low) / 2;
		const int order = aef_guuid_cmp(&rights->members[mid].user, user);

		if (order == 0) {
			*ret_is = true;
			low = mid;
		} else if (order < 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

static int
members_grow(struct rights *rights, struct aef_alloc *alloc)
{
	const uint32_t cap = rights->cap == 0 ? MEMBERS_MIN : rights->cap * 2;
	const size_t size = sizeof(*rights->members);
	struct rights_member *members;

	if (rights->nb < rights->cap)
		return 0;
	if (rights->nb == RIGHTS_MEMBERS_MAX)
		return AEF_ERR_LIMIT;
	members = aef_alloc_grow(alloc, rights->members, rights->cap * size, cap * size,
	                         rights->nb * size);
	if (members == NULL)
		return AEF_ERR_FULL;
	rights->members = members;
	rights->cap = cap;
	return 0;
}

int
rights_set(struct rights *rights, struct aef_alloc *alloc, const struct aef_guuid *user,
           enum rights_role role)
{
	struct rights_member *at;
	bool is;
	const uint32_t i = member_at(rights, user, &is);
	int r;

	if (role >= RIGHTS_OWNER)
		return AEF_ERR_INVALID;
	if (!is && role == RIGHTS_NOBODY)
		return 0;
	if (is && role != RIGHTS_NOBODY) {
		rights->members[i].role = (uint8_t)role;
		return 0;
	}
	if (!is && (r = members_grow(rights, alloc)) != 0)
		return r;
	at = &rights->members[i];
	if (is) {
		rights->nb--;
		memmove(at, at + 1, (rights->nb - i) * sizeof(*at));
	} else {
		memmove(at + 1, at, (rights->nb - i) * sizeof(*at));
		*at = (struct rights_member){ *user, (uint8_t)role };
		rights->nb++;
	}
	return 0;
}

enum rights_role
rights_role_of(const struct rights *rights, const struct rights_principal *who)
{
	enum rights_role role = RIGHTS_NOBODY;
	uint32_t i;
	bool is;

	if (rights == NULL || !aef_guuid_eq(&rights->tenant, &who->tenant))
		return RIGHTS_NOBODY;
	if (aef_guuid_eq(&rights->owner, &who->user) || (who->caps & RIGHTS_CAP_ADMIN) != 0) {
		role = RIGHTS_OWNER;
	} else {
		i = member_at(rights, &who->user, &is);
		if (is)
			role = rights->members[i].role;
		else if (rights->is_public)
			role = RIGHTS_VIEWER;
	}
	return (who->caps & RIGHTS_CAP_READ_ONLY) != 0 && role > RIGHTS_VIEWER ? RIGHTS_VIEWER
	                                                                       : role;
}

int
rights_may(const struct rights *rights, const struct rights_principal *who, enum rights_verb verb)
{
	static const uint8_t least[RIGHTS_NB_VERBS] = {
		[RIGHTS_READ] = RIGHTS_VIEWER,    [RIGHTS_PRESENT] = RIGHTS_VIEWER,
		[RIGHTS_EDIT] = RIGHTS_EDITOR,    [RIGHTS_LOCK] = RIGHTS_EDITOR,
		[RIGHTS_RESOLVE] = RIGHTS_EDITOR, [RIGHTS_MANAGE] = RIGHTS_OWNER,
		[RIGHTS_DELETE] = RIGHTS_OWNER,
	};
	const enum rights_role role = rights_role_of(rights, who);

	aef_assert(verb < RIGHTS_NB_VERBS);
	if (role == RIGHTS_NOBODY)
		return AEF_ERR_NOTFOUND;
	return role >= least[verb] ? 0 : AEF_ERR_DENIED;
}
