/* SPDX-License-Identifier: BSD-3-Clause */
/* script.h - a document client against a server that is written down event by event. */
#ifndef TESTS_UNIT_DOCCLIENT_SCRIPT_H
#define TESTS_UNIT_DOCCLIENT_SCRIPT_H

#include <docclient/docclient.h>
#include <msg/doc.h>

#include "harness.h"

struct script {
	struct aef_alloc alloc;
	struct docclient_conf conf;
	struct docclient *dc;
	struct docmsg_arena arena;
	int send_error;     /* what the channel answers */
	uint32_t nb_sent;   /* messages */
	struct docmsg sent; /* the last one; ops below */
	char ops[256][64];  /* operations of the last Apply */
	uint32_t nb_changes;
	struct docclient_change last; /* without its operation */
	uint32_t what[8];             /* changes by kind */
	uint64_t now_ns;
};

/** A client that is not connected. Change script->conf by @p window, 0: default. */
struct script *script_create(uint32_t window, bool manual_flush);
void script_destroy(struct script *script);

/** Connected, and opened at version 0 as a new document. */
struct script *script_live(uint32_t window);

/** The server says this. */
void script_event(struct script *script, struct docmsg event);

/** DocumentOpened by operations from @p start on, head @p version. */
void script_opened(struct script *script, uint64_t start, uint64_t version, uint64_t last_seq);

/** One operation of client number @p author. */
void script_foreign(struct script *script, uint64_t version, uint64_t author, uint64_t seq,
                    const char *json);

/** The server acknowledges @p count own operations. */
void script_acked(struct script *script, uint64_t version, uint64_t seq, uint32_t count);

struct aef_guuid script_id(uint64_t n);

/** Assert what the client's text is. */
void script_text_is(const struct script *script, const char *want);

#endif
