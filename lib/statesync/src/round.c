/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

/* ---- operations as text ---- */

static int
load_ring(struct statesync *st, const struct doc *doc, uint64_t from, uint32_t max)
{
	uint32_t used = 0, nb = 0;

	while (nb < max) {
		const uint64_t version = from + 1 + nb;
		const struct entry *entry = sync_doc_entry(doc, version);
		struct json_writer w;

		json_writer_init(&w, st->json + used, JSON_SCRATCH - used);
		text_op_write(&entry->ref->op, &w);
		if (json_writer_failed(&w))
			break;
		st->records[nb] = (struct storeif_record){
			.version = version,
			.client = entry->client,
			.seq = entry->seq,
			.unix_ms = st->unix_ms,
			.data = st->json + used,
			.len = (uint32_t)json_writer_bytes(&w),
		};
		used += st->records[nb++].len;
	}
	/* A single operation was seen to fit before it was committed. */
	aef_assert(nb > 0);
	st->load_doc = doc;
	st->load_from = from;
	return (int)nb;
}

int
sync_ops_load(struct statesync *st, const struct doc *doc, uint64_t from, uint64_t to)
{
	const uint32_t max = (uint32_t)aef_min_u64(to - from, DOCMSG_OPS_MAX);
	int nb;

	if (st->load_doc == doc && st->load_from == from)
		return (int)aef_min_u32(st->nb_load, max);
	st->load_doc = NULL;
	if (from + 1 >= doc->ring_first) {
		nb = load_ring(st, doc, from, max);
	} else {
		/* What the store lends is good until its next change: used now, not kept. */
		nb = st->conf.store.ops->read_ops(st->conf.store.ctx, &doc->id, from + 1,
		                                  st->records, max);
		if (nb == 0)
			nb = AEF_ERR_GAP;
	}
	if (nb < 0)
		return nb;
	for (int i = 0; i < nb; i++)
		st->load_data[i] = (struct docmsg_bytes){ st->records[i].data, st->records[i].len };
	st->nb_load = (uint32_t)nb;
	return nb;
}

/* ---- buffers ---- */

static void
chain_drop(struct statesync *st, struct chain *chain)
{
	for (uint32_t i = 0; i < chain->nb; i++)
		st->env.buf.put(st->env.buf.ctx, chain->b[i].buf);
	chain->nb = 0;
	chain->bytes = 0;
}

static int
chain_more(struct statesync *st, struct chain *chain)
{
	uint32_t cap;
	uint8_t *data;
	void *buf;

	if (chain->nb == ROUND_BUFS_MAX)
		return AEF_ERR_LIMIT;
	buf = st->env.buf.alloc(st->env.buf.ctx, &data, &cap);
	if (buf == NULL) {
		st->stats.bufs_refused++;
		return AEF_ERR_FULL;
	}
	chain->b[chain->nb].buf = buf;
	chain->b[chain->nb].data = data;
	chain->b[chain->nb].len = 0;
	chain->b[chain->nb].cap = cap;
	chain->nb++;
	return 0;
}

/* Encode into the last buffer. AEF_ERR_FULL: does not fit there. */
static int64_t
encode_last(struct statesync *st, struct chain *chain, const struct docmsg *msg)
{
	const uint32_t at = chain->nb - 1;
	const int64_t n = st->conf.codec->encode(msg, chain->b[at].data + chain->b[at].len,
	                                         chain->b[at].cap - chain->b[at].len);

	if (n > 0) {
		chain->b[at].len += (uint32_t)n;
		chain->bytes += (uint64_t)n;
	}
	return n;
}

/* Append bytes, over as many buffers as it takes. */
static int
chain_copy(struct statesync *st, struct chain *chain, const uint8_t *data, size_t len)
{
	while (len > 0) {
		uint32_t at = chain->nb - 1;
		const size_t n =
			aef_min_u64(len, chain->nb > 0 ? chain->b[at].cap - chain->b[at].len : 0);

		if (n == 0) {
			const int r = chain_more(st, chain);

			if (r != 0)
				return r;
			continue;
		}
		memcpy(chain->b[at].data + chain->b[at].len, data, n);
		chain->b[at].len += (uint32_t)n;
		chain->bytes += n;
		data += n;
		len -= n;
	}
	return 0;
}

/* Append the encoding of @p msg. */
static int
chain_put(struct statesync *st, struct chain *chain, const struct docmsg *msg)
{
	int64_t n = chain->nb > 0 ? encode_last(st, chain, msg) : AEF_ERR_FULL;
	int r;

	if (n == AEF_ERR_FULL) {
		r = chain_more(st, chain);
		if (r != 0)
			return r;
		n = encode_last(st, chain, msg);
	}
	if (n == AEF_ERR_FULL) { /* larger than a buffer */
		n = st->conf.codec->encode(msg, st->event, EVENT_SCRATCH);
		if (n > 0) {
			r = chain_copy(st, chain, st->event, (size_t)n);
			if (r != 0)
				return r;
		}
	}
	return n < 0 ? (int)n : 0;
}

/* Append slices for the bytes [at, end) of a chain. */
static uint32_t
chain_slices(struct statesync *st, const struct chain *chain, uint64_t at, uint64_t end,
             uint32_t nb)
{
	uint64_t start = 0;

	for (uint32_t i = 0; i < chain->nb && start < end; i++) {
		const uint64_t stop = start + chain->b[i].len;
		const uint64_t lo = aef_max_u64(at, start), hi = aef_min_u64(end, stop);

		if (lo < hi) {
			aef_assert(nb < ROUND_SLICES_MAX);
			st->slices[nb++] = (struct service_slice){
				.data = chain->b[i].data + (lo - start),
				.len = (uint32_t)(hi - lo),
				.owner = chain->b[i].buf,
			};
		}
		start = stop;
	}
	return nb;
}

static int
send_slices(struct statesync *st, struct conn *conn, uint16_t channel, uint32_t nb)
{
	const struct service_send send = { .channel = channel };
	const int r = st->env.reply.send(st->env.reply.ctx, conn->handle, &send, st->slices, nb);

	if (r == 0) {
		st->stats.events_sent++;
	} else {
		st->stats.sends_refused++;
		/* AEF_ERR_CLOSED: on_disconnect is on its way; nothing more until then. */
		conn->blocked = true;
	}
	return r;
}

int
sync_event_send(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	struct chain *chain = &st->round.acks;
	int r;

	aef_assert(chain->nb == 0);
	r = chain_put(st, chain, msg);
	if (r == 0)
		r = send_slices(st, conn, channel, chain_slices(st, chain, 0, chain->bytes, 0));
	chain_drop(st, chain);
	return r;
}

/* ---- rounds ---- */

void
sync_round_drop(struct statesync *st)
{
	chain_drop(st, &st->round.ops);
	chain_drop(st, &st->round.acks);
	st->round.nb_runs = 0;
}

/* How many of the loaded operations from @p first on are consecutive ones of one author. */
static uint32_t
run_length(const struct statesync *st, uint32_t first, uint32_t nb)
{
	const struct storeif_record *rec = st->records;
	uint32_t i = first + 1;

	while (i < nb && rec[i].seq == rec[i - 1].seq + 1 &&
	       aef_guuid_eq(&rec[i].client, &rec[first].client))
		i++;
	return i - first;
}

static struct docmsg_digest
digest_at(const struct doc *doc, uint64_t version)
{
	struct docmsg_digest digest = { .present = version >= doc->ring_first };

	if (digest.present)
		memcpy(digest.b, sync_doc_entry(doc, version)->digest.b, sizeof(digest.b));
	return digest;
}

/* Encode what everybody gets, unless only the author is there, and what the author gets. */
static int
run_encode(struct statesync *st, struct run *run, const struct docmsg_bytes *data, bool last)
{
	struct doc *doc = st->round.doc;
	const struct docmsg_digest digest = digest_at(doc, run->first_version + run->count - 1);
	const struct replica *author = sync_replica_find(st, doc, &run->client);
	const bool alone = author != NULL && author->conn != NULL &&
	                   run->first_seq > author->foreign_seq &&
	                   doc->subs.next == &author->in_subs && doc->subs.prev == &author->in_subs;
	struct docmsg msg = { .doc = doc->id };
	int r = 0;

	run->ops_at = st->round.ops.bytes;
	if (!alone) {
		msg.kind = DOCMSG_OPERATIONS;
		msg.u.operations = (struct docmsg_operations){
			.first_version = run->first_version,
			.first_seq = run->first_seq,
			.client_id = run->client,
			.data = data,
			.nb = run->count,
		};
		if (last)
			msg.u.operations.digest = digest;
		r = chain_put(st, &st->round.ops, &msg);
		st->stats.runs_encoded++;
	}
	run->ops_end = st->round.ops.bytes;
	run->ack_at = st->round.acks.bytes;
	if (r == 0 && author != NULL && author->conn != NULL) {
		msg.kind = DOCMSG_APPLIED;
		msg.u.applied = (struct docmsg_applied){ run->first_version, run->first_seq, digest,
			                                 run->count };
		r = chain_put(st, &st->round.acks, &msg);
	}
	run->ack_end = st->round.acks.bytes;
	return r;
}

/* How many of @p nb loaded operations take at most about @p bytes on the wire; at least one. */
static uint32_t
fit(const struct statesync *st, uint32_t nb, uint64_t bytes_max)
{
	uint64_t bytes = 0;
	uint32_t i = 0;

	while (i < nb) {
		const bool new_run =
			i == 0 || !aef_guuid_eq(&st->records[i].client, &st->records[i - 1].client);

		bytes += st->records[i].len + DOCMSG_OP_OVERHEAD;
		bytes += new_run ? DOCMSG_OVERHEAD_MAX : 0;
		if (i > 0 && bytes > bytes_max)
			break;
		i++;
	}
	return i;
}

int
sync_round_build(struct statesync *st, struct doc *doc, uint64_t from, uint64_t to,
                 uint64_t bytes_max)
{
	struct round *round = &st->round;
	int nb = sync_ops_load(st, doc, from, to);
	uint32_t at = 0;
	int r = 0;

	if (nb < 0)
		return nb;
	nb = (int)fit(st, (uint32_t)nb, bytes_max);
	sync_round_drop(st);
	round->doc = doc;
	round->from = from;
	round->to = from + (uint32_t)nb;
	while (r == 0 && at < (uint32_t)nb) {
		struct run *run = &round->runs[round->nb_runs++];

		*run = (struct run){
			.first_version = st->records[at].version,
			.first_seq = st->records[at].seq,
			.client = st->records[at].client,
			.count = run_length(st, at, (uint32_t)nb),
		};
		for (uint32_t i = at; i < at + run->count; i++)
			run->bytes += st->records[i].len;
		at += run->count;
		r = run_encode(st, run, &st->load_data[at - run->count], at == (uint32_t)nb);
	}
	if (r != 0)
		sync_round_drop(st);
	return r;
}

AEF_HOT int
sync_round_send(struct statesync *st, struct replica *rep)
{
	const struct round *round = &st->round;
	uint64_t at = 0, end = 0, bytes = 0; /* of the operations not yet turned into slices */
	uint32_t nb = 0;
	int r = 0;

	aef_assert_hot(rep->cursor == round->from);
	for (uint32_t i = 0; i < round->nb_runs; i++) {
		const struct run *run = &round->runs[i];
		const bool own = run->first_seq > rep->foreign_seq &&
		                 aef_guuid_eq(&run->client, &rep->client);

		bytes += run->bytes;
		if (!own && !rep->ack_only) {
			at = end > at ? at : run->ops_at;
			end = run->ops_end;
			continue;
		}
		nb = chain_slices(st, &round->ops, at, end, nb);
		at = end = 0;
		if (own)
			nb = chain_slices(st, &round->acks, run->ack_at, run->ack_end, nb);
	}
	nb = chain_slices(st, &round->ops, at, end, nb);
	if (nb > 0)
		r = send_slices(st, rep->conn, rep->channel, nb);
	if (r == 0) {
		rep->cursor = round->to;
		rep->cursor_bytes += bytes;
	}
	return r;
}
