/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict.h"

#include <stdio.h>

#include <base/err.h>

void
lab_hex(const uint8_t digest[AEF_SHA256_BYTES], char ret_text[2 * AEF_SHA256_BYTES + 1])
{
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++)
		(void)snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
}

static void
rope_sha256(const struct text_rope *rope, uint8_t ret_digest[AEF_SHA256_BYTES])
{
	struct text_rope_iter it;
	struct aef_sha256 sha;
	const uint8_t *data;
	size_t len;

	aef_sha256_init(&sha);
	text_rope_iter_init(&it, rope, 0);
	while (text_rope_iter_next(&it, &data, &len))
		aef_sha256_update(&sha, data, len);
	aef_sha256_final(&sha, ret_digest);
}

static void say(struct lab_verdict *v, const char *fmt, ...) AEF_PRINTF(2, 3);

/* The first reason stands. */
static void
say(struct lab_verdict *v, const char *fmt, ...)
{
	va_list ap;

	v->in_sync = false;
	if (v->why[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
}

static void
judge_client(const struct lab_client *c, struct lab_doc_verdict *d, struct lab_verdict *v)
{
	uint8_t sha256[AEF_SHA256_BYTES];

	rope_sha256(docclient_text(c->doc), sha256);
	d->nb_replicas++;
	d->ops_made += docclient_last_seq(c->doc);
	v->lost += c->lost;
	if (docclient_state(c->doc) == DOCCLIENT_FAILED)
		say(v, "client %u failed: %s (the server said: %s)", c->idx + 1,
		    docclient_error_name(docclient_error(c->doc)),
		    docmsg_reason_name(docclient_reason(c->doc)));
	if (c->error != 0)
		say(v, "client %u could not go on typing: %s", c->idx + 1, aef_err_text(c->error));
	if (docclient_in_flight(c->doc) > 0)
		say(v, "client %u still has %u operations without an acknowledgement", c->idx + 1,
		    docclient_in_flight(c->doc));
	if (memcmp(sha256, d->sha256, sizeof(sha256)) == 0)
		return;
	d->nb_different++;
	say(v, "client %u has another text than the server: version %llu of %llu", c->idx + 1,
	    (unsigned long long)docclient_version(c->doc), (unsigned long long)d->version);
	/* Behind is not diverged: only equal histories with different texts are. */
	v->diverged = v->diverged ||
	              (docclient_version(c->doc) == d->version && docclient_in_flight(c->doc) == 0);
}

static void
judge_doc(struct lab *lab, uint32_t idx, bool cut, struct lab_verdict *v)
{
	struct lab_doc_verdict *d = &v->docs[idx];
	struct statesync_doc_info info;

	if (statesync_doc(lab_service_of(lab, idx), &lab->host.docs[idx], &info) != 0) {
		say(v, "the server does not hold document %u", idx + 1);
		return;
	}
	d->found = true;
	d->version = info.version;
	d->bytes = info.rope->total.bytes;
	d->cps = info.rope->total.cps;
	d->nb_replicas = 1;
	rope_sha256(info.rope, d->sha256);
	for (uint32_t i = 0; i < lab->opts.clients; i++)
		if (lab->host.clients[i].doc_idx == idx)
			judge_client(&lab->host.clients[i], d, v);
	d->ops_missing = aef_sub_sat_u64(d->ops_made, d->version);
	if (d->ops_missing > 0)
		say(v, "%llu operations never reached the server",
		    (unsigned long long)d->ops_missing);
	/* With a time limit a part of the trace is enough. */
	if (lab->opts.trace == NULL ||
	    ((cut || lab->opts.duration_set) && !lab->progress.authors_done))
		return;
	d->trace_checked = true;
	d->trace_equal = memcmp(d->sha256, lab->trace.end_sha256, sizeof(d->sha256)) == 0;
	if (!lab->progress.authors_done)
		say(v, "the trace was not typed to its end");
	else if (!d->trace_equal) {
		v->diverged = true;
		say(v, "the text is not the trace's final text");
	}
}

void
lab_verdict_take(struct lab *lab, bool cut, struct lab_verdict *ret_verdict)
{
	struct lab_verdict *v = ret_verdict;

	memset(v, 0, sizeof(*v));
	v->in_sync = true;
	v->nb_docs = lab->opts.docs;
	v->complete = !cut;
	/* Also when cut short: what nobody took part in was not in sync. */
	if (lab->progress.nb_live == 0 && lab->progress.ops_made == 0)
		say(v, "nobody came in");
	else if (lab->progress.nb_live < lab->opts.clients && lab->progress.ops_made == 0)
		say(v, "only %u of %u clients came in", lab->progress.nb_live, lab->opts.clients);
	for (uint32_t i = 0; i < v->nb_docs; i++)
		judge_doc(lab, i, cut, v);
	if (v->lost > 0)
		say(v, "%llu operations were refused or could not be resumed",
		    (unsigned long long)v->lost);
}

void
lab_verdict_print(const struct lab *lab, const struct lab_verdict *v)
{
	char hex[2 * AEF_SHA256_BYTES + 1];

	for (uint32_t i = 0; i < v->nb_docs; i++) {
		const struct lab_doc_verdict *d = &v->docs[i];

		if (!d->found) {
			(void)printf("document %u: not there\n", i + 1);
			continue;
		}
		lab_hex(d->sha256, hex);
		(void)printf("document %u: version %llu, %u bytes, SHA-256 %s, ", i + 1,
		             (unsigned long long)d->version, d->bytes, hex);
		if (d->nb_different == 0)
			(void)printf("%u replicas equal", d->nb_replicas);
		else
			(void)printf("%u of %u replicas DIFFER", d->nb_different, d->nb_replicas);
		if (d->trace_checked)
			(void)printf(", %s the trace's final text",
			             d->trace_equal ? "equal to" : "NOT");
		(void)printf("\n");
	}
	if (lab->opts.trace != NULL && !lab->progress.authors_done)
		(void)printf("the trace was cut short: %llu of %u patches were typed\n",
		             (unsigned long long)lab->progress.ops_made, lab->trace.nb_patches);
	if (v->in_sync)
		(void)printf("in sync\n");
	else
		(void)printf("%s: %s; seed %llu\n",
		             v->diverged   ? "DIVERGED"
		             : v->lost > 0 ? "LOST"
		                           : "NOT IN SYNC",
		             v->why, (unsigned long long)lab->opts.seed);
	(void)fflush(stdout);
}
