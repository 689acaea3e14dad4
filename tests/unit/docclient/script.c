/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#define DOC 5
#define ME  1

static void *
sys_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes > 0 ? bytes : 1);
}

static void
sys_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

struct aef_guuid
script_id(uint64_t n)
{
	struct aef_guuid id = { .b = { 9 } };

	memcpy(id.b + 8, &n, sizeof(n));
	return id;
}

static int
on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct script *script = ctx;
	const struct docmsg *msgs;

	if (script->send_error != 0)
		return script->send_error;
	ck_assert_int_eq(msg_doc_codec.decode(&script->arena, true, data, len, &msgs), 1);
	script->nb_sent++;
	script->sent = msgs[0];
	for (uint32_t i = 0; msgs[0].kind == DOCMSG_APPLY && i < msgs[0].u.apply.nb; i++) {
		const struct docmsg_bytes *op = &msgs[0].u.apply.data[i];

		snprintf(script->ops[i], sizeof(script->ops[i]), "%.*s", (int)op->len,
		         (const char *)op->data);
	}
	return 0;
}

static void
on_change(void *ctx, const struct docclient_change *change)
{
	struct script *script = ctx;

	script->nb_changes++;
	script->what[change->what]++;
	if (change->what == DOCCLIENT_STATE)
		return;
	script->last = *change;
	script->last.op = NULL;
}

struct script *
script_create(uint32_t window, bool manual_flush)
{
	struct script *script = calloc(1, sizeof(*script));

	script->alloc = (struct aef_alloc){ sys_alloc, sys_free, NULL, 0, 1u << 28 };
	script->arena = (struct docmsg_arena){ malloc(DOCMSG_ARENA_BYTES), DOCMSG_ARENA_BYTES };
	script->now_ns = 1000;
	script->conf = (struct docclient_conf){
		.doc = script_id(DOC),
		.client_id = script_id(ME),
		.codec = &msg_doc_codec,
		.alloc = &script->alloc,
		.io = { on_send, on_change, script },
		.window = window,
		.create = true,
		.manual_flush = manual_flush,
	};
	ck_assert_int_eq(docclient_create(&script->conf, &script->dc), 0);
	return script;
}

void
script_destroy(struct script *script)
{
	docclient_destroy(script->dc);
	ck_assert_uint_eq(script->alloc.used_bytes, 0);
	free(script->arena.mem);
	free(script);
}

void
script_event(struct script *script, struct docmsg event)
{
	static uint8_t buf[DOCMSG_MSG_MAX];
	int64_t n;

	event.doc = script_id(DOC);
	n = msg_doc_codec.encode(&event, buf, sizeof(buf));
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(
		docclient_receive(script->dc, &script->arena, buf, (size_t)n, script->now_ns), 0);
}

void
script_opened(struct script *script, uint64_t start, uint64_t version, uint64_t last_seq)
{
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = version,
	                                                    .start_version = start,
	                                                    .last_seq = last_seq,
	                                                    .min_base = start,
	                                                    .window = 1024 } });
}

struct script *
script_live(uint32_t window)
{
	struct script *script = script_create(window, false);

	docclient_connected(script->dc, script->now_ns);
	script_opened(script, 0, 0, 0);
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	return script;
}

void
script_foreign(struct script *script, uint64_t version, uint64_t author, uint64_t seq,
               const char *json)
{
	const struct docmsg_bytes data = { (const uint8_t *)json, (uint32_t)strlen(json) };

	script_event(script, (struct docmsg){ .kind = DOCMSG_OPERATIONS,
	                                      .u.operations = { .first_version = version,
	                                                        .first_seq = seq,
	                                                        .client_id = script_id(author),
	                                                        .data = &data,
	                                                        .nb = 1 } });
}

void
script_acked(struct script *script, uint64_t version, uint64_t seq, uint32_t count)
{
	script_event(script, (struct docmsg){ .kind = DOCMSG_APPLIED,
	                                      .u.applied = { .first_version = version,
	                                                     .first_seq = seq,
	                                                     .count = count } });
}

void
script_text_is(const struct script *script, const char *want)
{
	const struct text_rope *rope = docclient_text(script->dc);
	char text[1024];
	const int64_t n =
		text_rope_read(rope, 0, rope->total.cps, (uint8_t *)text, sizeof(text) - 1);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, want);
}
