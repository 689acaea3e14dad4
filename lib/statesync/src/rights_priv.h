/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rights_priv.h - who may do what with a document: one question, asked at every entry.
 *
 * Each document belongs to one tenant and one owner; it names editors and viewers, and may be
 * public, which is: every user of its tenant may read it. Another tenant's document does not exist.
 * So "absent" is also the answer to whoever may not even read: nobody learns that an id is in use.
 *
 * Source:  MISSION 4 (permissions); issue "Session and StateSync services", Authorisation.
 * Context: the worker that owns the document; pure.
 */
#ifndef STATESYNC_RIGHTS_PRIV_H
#define STATESYNC_RIGHTS_PRIV_H

#include <base/alloc.h>
#include <base/err.h>
#include <base/guuid.h>

#define RIGHTS_MEMBERS_MAX 1024u /* editors and viewers of one document */

/* Capability bits of a session, as its connect token carries them. */
#define RIGHTS_CAP_ADMIN     (1u << 0) /* as the owner of every document of its tenant */
#define RIGHTS_CAP_READ_ONLY (1u << 1) /* never more than a viewer */

enum rights_role {
	RIGHTS_NOBODY,
	RIGHTS_VIEWER,
	RIGHTS_EDITOR,
	RIGHTS_OWNER,
	RIGHTS_NB_ROLES,
};

enum rights_verb {
	RIGHTS_READ,    /* content, history, presence, events */
	RIGHTS_PRESENT, /* show presence and cursor of its own */
	RIGHTS_EDIT,    /* operations, undo */
	RIGHTS_LOCK,
	RIGHTS_RESOLVE, /* conflicts */
	RIGHTS_MANAGE,  /* metadata, state, strategy, permissions */
	RIGHTS_DELETE,
	RIGHTS_NB_VERBS,
};

struct rights_principal {
	struct aef_guuid tenant, user;
	uint32_t caps; /* RIGHTS_CAP_* */
};

struct rights_member {
	struct aef_guuid user;
	uint8_t role; /* RIGHTS_VIEWER or RIGHTS_EDITOR */
};

struct rights {
	struct aef_guuid tenant, owner;
	bool is_public;
	uint32_t nb, cap;
	struct rights_member *members; /* in order of user; owned, from the allocator */
};

/** A document of which only the owner knows. */
void rights_init(struct rights *rights, const struct aef_guuid *tenant,
                 const struct aef_guuid *owner);

/** Give the memory back. */
void rights_fini(struct rights *rights, struct aef_alloc *alloc);

/**
 * Make @p user a viewer or an editor, or nobody again. The owner stays the owner.
 *
 * @return 0; AEF_ERR_INVALID: @p role is no member's; AEF_ERR_LIMIT: RIGHTS_MEMBERS_MAX;
 *         AEF_ERR_FULL: memory. On error nothing has changed.
 */
AEF_MUST_CHECK int rights_set(struct rights *rights, struct aef_alloc *alloc,
                              const struct aef_guuid *user, enum rights_role role);

/** What @p who is to the document; NULL: there is none. */
enum rights_role rights_role_of(const struct rights *rights, const struct rights_principal *who);

/**
 * May @p who do that?
 *
 * @param rights NULL: no such document
 * @return 0; AEF_ERR_NOTFOUND: may not know whether it exists; AEF_ERR_DENIED: may read it, but not
 *         do that
 */
AEF_MUST_CHECK int rights_may(const struct rights *rights, const struct rights_principal *who,
                              enum rights_verb verb);

#endif
