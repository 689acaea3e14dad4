/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <stdlib.h>

#include <base/bytes.h>
#include <base/err.h>
#include <msg/doc.h>
#include <protect/mem.h>
#include <protect/token.h>

#define CLIENT_BUDGET (2ull << 30)
#define RETRY_NS      (200 * AEF_NS_PER_MS)
#define TYPE_BURST    256u
#define BLOCKED_NS    AEF_NS_PER_MS

static void *
heap_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

/* ---- document ---------------------------------------------------------------------------------
 */

static int
doc_send(void *ctx, const uint8_t *data, size_t len)
{
	struct lab_client *client = ctx;
	const struct quantum_send send = { .channel = LAB_CHANNEL };
	struct quantum_slice slice = { .len = (uint32_t)len };
	int rc;

	if (client->conn == NULL || !client->connected)
		return AEF_ERR_CLOSED;
	slice.owner = lab_blob_make(data, len, &slice.data);
	if (slice.owner == NULL)
		return AEF_ERR_NOMEM;
	rc = quantum_conn_send(client->conn, &send, &slice, 1, client->host->now_ns);
	if (rc != 0)
		lab_buf_put(NULL, slice.owner);
	return rc;
}

/* From typing there to applied here: one clock serves all clients. */
static void
note_latency(struct lab_client *client, const struct docclient_change *change)
{
	struct lab_host *host = client->host;
	const uint32_t author = aef_load_be32(change->author.b + 12);
	const struct lab_client *from;
	uint64_t ns;

	if (author >= host->conf.nb_clients)
		return;
	from = &host->clients[author];
	if (from->typed_ns == NULL || change->seq == 0 ||
	    change->seq + LAB_TYPED_SLOTS <= docclient_last_seq(from->doc)) {
		host->latency_unknown++;
		return;
	}
	ns = aef_sub_sat_u64(change->now_ns, from->typed_ns[change->seq % LAB_TYPED_SLOTS]);
	aef_hist_add(&host->latency_all, ns);
	aef_hist_add(&host->latency_now, ns);
}

static void
on_change(void *ctx, const struct docclient_change *change)
{
	struct lab_client *client = ctx;

	switch (change->what) {
	case DOCCLIENT_CHANGED:
		client->host->ops_applied++;
		note_latency(client, change);
		client->typing.cursor = text_op_transform_pos(change->op, client->typing.cursor);
		break;
	case DOCCLIENT_ACKED:
		client->host->ops_acked++;
		break;
	case DOCCLIENT_LOST:
		client->lost += change->count;
		break;
	default:
		break;
	}
}

static void
note_typed(struct lab_client *client, uint64_t before, uint64_t now_ns)
{
	const uint64_t last = docclient_last_seq(client->doc);

	for (uint64_t seq = before + 1; seq <= last; seq++)
		client->typed_ns[seq % LAB_TYPED_SLOTS] = now_ns;
}

static unsigned
keystrokes(struct lab_client *client, uint64_t now_ns)
{
	unsigned nb = 0;

	while (client->typing.next_ns <= now_ns && nb < TYPE_BURST) {
		const struct lab_typing before = client->typing;
		struct lab_edit edit;
		int rc;

		if (docclient_in_flight(client->doc) >= client->host->conf.in_flight) {
			client->blocked++;
			client->typing.next_ns = now_ns + BLOCKED_NS;
			break;
		}
		lab_typing_next(&client->typing, docclient_text(client->doc)->total.cps, now_ns,
		                &edit);
		rc = docclient_replace(client->doc, edit.pos, edit.del, edit.ins, edit.ins_len,
		                       now_ns);
		if (rc == AEF_ERR_FULL) {
			client->typing = before;
			client->typing.next_ns = now_ns + BLOCKED_NS;
			client->blocked++;
			break;
		}
		if (rc != 0)
			client->error = rc;
		nb++;
	}
	return nb;
}

/* Editors go on without a connection; an author's next parent may be on its way. */
static bool
may_type(const struct lab_client *client)
{
	const enum docclient_state state = docclient_state(client->doc);

	return client->host->typing && client->error == 0 && client->connects > 0 &&
	       client->role != LAB_READER &&
	       (state == DOCCLIENT_LIVE ||
	        (state == DOCCLIENT_OFFLINE && client->role == LAB_EDITOR) ||
	        /* What is held back keeps a resumed replica from LIVE, and is let in by typing. */
	        (state == DOCCLIENT_CATCHUP && client->role == LAB_AUTHOR));
}

static unsigned
type(struct lab_client *client, uint64_t now_ns)
{
	const uint64_t before = docclient_last_seq(client->doc);
	int rc = 0;

	if (!may_type(client))
		return 0;
	if (client->role == LAB_EDITOR)
		rc = (int)keystrokes(client, now_ns);
	else if (client->role == LAB_AUTHOR)
		rc = lab_player_step(&client->player, client->doc, client->host->conf.in_flight,
		                     TYPE_BURST, now_ns);
	if (rc < 0)
		client->error = rc;
	if (client->typed_ns != NULL && docclient_last_seq(client->doc) > before)
		note_typed(client, before, now_ns);
	if (rc <= 0)
		return 0;
	docclient_flush(client->doc, now_ns);
	return (unsigned)rc;
}

/* ---- connection -------------------------------------------------------------------------------
 */

/* The lab issues its own tokens; the tenant says which document. */
static int
make_ticket(struct lab_client *client, struct quantum_client_conf *ret, uint64_t now_ns)
{
	struct lab_host *host = client->host;
	struct crypto_token want = { .subject_id = client->id, .session_epoch = 1 };
	struct protect_grant grant;
	int rc;

	aef_store_be32(want.tenant_id.b + 12, client->doc_idx + 1);
	rc = protect_token_issue(host->conf.protect, &want, 0,
	                         delivery_unix_ms(&host->conf.clock, now_ns), &grant);
	if (rc == 0)
		rc = protect_random(ret->random, sizeof(ret->random));
	if (rc == 0)
		rc = protect_random(ret->dh_seed, sizeof(ret->dh_seed));
	if (rc == 0) {
		memcpy(ret->token, grant.token, sizeof(ret->token));
		memcpy(ret->psk, grant.psk, sizeof(ret->psk));
		ret->cid = grant.conn_id;
		ret->server = client->server;
	}
	crypto_wipe(&grant, sizeof(grant));
	return rc;
}

static void
dial(struct lab_client *client, uint64_t now_ns)
{
	struct quantum_client_conf conf;

	client->retry_ns = now_ns + RETRY_NS;
	if (make_ticket(client, &conf, now_ns) != 0 ||
	    quantum_conn_connect(client->host->env, &client->host->conf.conn, &conf, now_ns,
	                         &client->conn) != 0)
		client->conn = NULL;
	else
		quantum_conn_set_user(client->conn, client);
	crypto_wipe(&conf, sizeof(conf));
}

static void
add_counters(struct quantum_stats *into, const struct quantum_stats *from)
{
	into->tx_pkts += from->tx_pkts;
	into->tx_bytes += from->tx_bytes;
	into->rx_pkts += from->rx_pkts;
	into->rx_bytes += from->rx_bytes;
	into->tx_data_bytes += from->tx_data_bytes;
	into->tx_retransmit_bytes += from->tx_retransmit_bytes;
	into->rx_data_bytes += from->rx_data_bytes;
	into->tx_msgs += from->tx_msgs;
	into->rx_msgs += from->rx_msgs;
	into->lost_pkts += from->lost_pkts;
	into->spurious_pkts += from->spurious_pkts;
	into->probes += from->probes;
	into->rtos += from->rtos;
	into->fec_repair_pkts += from->fec_repair_pkts;
	into->fec_recovered_pkts += from->fec_recovered_pkts;
	into->fec_peer_recovered_pkts += from->fec_peer_recovered_pkts;
	into->ce_pkts += from->ce_pkts;
}

static void
hang_up(struct lab_client *client, uint64_t now_ns)
{
	struct quantum_stats stats;

	quantum_conn_stats(client->conn, &stats);
	add_counters(&client->ended, &stats);
	quantum_conn_free(client->conn);
	client->conn = NULL;
	client->connected = false;
	client->closes++;
	client->retry_ns = now_ns + RETRY_NS;
	docclient_disconnected(client->doc, now_ns);
}

static void
on_message(struct lab_client *client, const struct quantum_msg *msg, uint64_t now_ns)
{
	struct lab_host *host = client->host;
	const uint8_t *data = host->scratch;
	uint32_t at = 0;

	if (msg->nb_segs == 1)
		data = msg->segs->slice.data;
	else
		for (struct quantum_seg *s = msg->segs; s != NULL; s = s->next) {
			if (at + s->slice.len <= DOCMSG_MSG_MAX)
				memcpy(host->scratch + at, s->slice.data, s->slice.len);
			at += s->slice.len;
		}
	if (msg->len <= DOCMSG_MSG_MAX &&
	    docclient_receive(client->doc, &host->arena, data, msg->len, now_ns) != 0)
		client->error = AEF_ERR_MALFORMED;
	for (struct quantum_seg *s = msg->segs; s != NULL; s = s->next)
		lab_buf_put(NULL, s->slice.owner);
	quantum_conn_consume(client->conn, msg);
}

static unsigned
events(struct lab_client *client, uint64_t now_ns)
{
	struct quantum_event ev;
	unsigned nb = 0;

	for (; nb < TYPE_BURST && quantum_conn_poll(client->conn, &ev) == 0; nb++) {
		switch (ev.type) {
		case QUANTUM_EVENT_CONNECTED:
			client->connected = true;
			client->connects++;
			docclient_connected(client->doc, now_ns);
			break;
		case QUANTUM_EVENT_MESSAGE:
			on_message(client, &ev.msg, now_ns);
			break;
		case QUANTUM_EVENT_CLOSED:
			client->last_close = ev.closed.why;
			break;
		default:
			break;
		}
	}
	/* There may be room now, or edits kept over a reconnect. */
	if (nb > 0 && client->connected)
		docclient_poll(client->doc, now_ns);
	return nb;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void
plan_next(struct lab_client *client, uint64_t now_ns, bool more)
{
	uint64_t next = more ? now_ns : AEF_TIME_NEVER;

	if (client->conn == NULL)
		next = client->host->parting ? AEF_TIME_NEVER : client->retry_ns;
	else if (!more)
		next = quantum_conn_deadline_ns(client->conn);
	if (may_type(client)) {
		if (client->role == LAB_EDITOR)
			next = aef_min_u64(next, client->typing.next_ns);
		else if (client->role == LAB_AUTHOR)
			next = aef_min_u64(next, lab_player_next_ns(&client->player));
	}
	client->next_ns = next;
}

unsigned
lab_client_serve(struct lab_client *client, uint64_t now_ns)
{
	unsigned work = 0, sent;

	if (client->conn == NULL) {
		if (client->host->parting || client->retry_ns > now_ns) {
			work = type(client, now_ns);
			plan_next(client, now_ns, false);
			return work;
		}
		dial(client, now_ns);
		work++;
	}
	if (client->conn != NULL) {
		if (quantum_conn_deadline_ns(client->conn) <= now_ns) {
			quantum_conn_on_deadline(client->conn, now_ns);
			work++;
		}
		work += events(client, now_ns);
		work += type(client, now_ns);
		sent = lab_client_transmit(client, now_ns);
		work += sent;
		if (quantum_conn_finished(client->conn))
			hang_up(client, now_ns);
		else if (sent == LAB_BATCH || quantum_conn_has_event(client->conn)) {
			plan_next(client, now_ns, true);
			return work;
		}
	}
	plan_next(client, now_ns, false);
	return work;
}

bool
lab_client_idle(const struct lab_client *client)
{
	return docclient_state(client->doc) == DOCCLIENT_LIVE &&
	       docclient_in_flight(client->doc) == 0;
}

void
lab_client_type_from(struct lab_client *client, uint64_t now_ns)
{
	uint64_t seed = client->host->conf.seed * 1000003 + client->idx;

	/* Same person, next sitting: the random sequence goes on where there is one. */
	if (client->typing.mean_ns == 0)
		lab_typing_init(&client->typing, aef_splitmix64(&seed),
		                client->host->conf.rate_milli, now_ns);
	client->typing.next_ns = aef_max_u64(client->typing.next_ns, now_ns);
	client->next_ns = now_ns;
}

static enum lab_role
role_of(const struct lab_host_conf *conf, uint32_t idx)
{
	if (conf->trace == NULL)
		return LAB_EDITOR;
	return idx < conf->nb_authors ? LAB_AUTHOR : LAB_READER;
}

int
lab_client_init(struct lab_client *client, struct lab_host *host, uint32_t idx)
{
	struct docclient_conf conf = { .codec = &msg_doc_codec,
		                       .alloc = &client->alloc,
		                       .window = host->conf.in_flight,
		                       .create = true,
		                       .manual_flush = true };

	client->host = host;
	client->idx = idx;
	client->doc_idx = idx % host->conf.nb_docs;
	client->role = role_of(&host->conf, idx);
	client->queue = (uint16_t)(idx % host->conf.nb_queues);
	client->id = lab_host_guuid(host);
	aef_store_be32(client->id.b + 12, idx);
	client->alloc = (struct aef_alloc){ .alloc = heap_alloc,
		                            .free = heap_free,
		                            .budget_bytes = CLIENT_BUDGET };
	lab_client_addresses(client);
	if (client->role != LAB_READER) {
		client->typed_ns = calloc(LAB_TYPED_SLOTS, sizeof(*client->typed_ns));
		if (client->typed_ns == NULL)
			return AEF_ERR_NOMEM;
	}
	if (client->role == LAB_AUTHOR)
		lab_player_init(&client->player, host->conf.trace, idx, host->conf.pace_milli,
		                1000 * AEF_NS_PER_S / host->conf.rate_milli);
	conf.doc = host->docs[client->doc_idx];
	conf.client_id = client->id;
	conf.io = (struct docclient_io){ doc_send, on_change, client };
	return docclient_create(&conf, &client->doc);
}

void
lab_client_fini(struct lab_client *client)
{
	struct quantum_event ev;

	while (client->conn != NULL && quantum_conn_poll(client->conn, &ev) == 0)
		if (ev.type == QUANTUM_EVENT_MESSAGE) {
			for (struct quantum_seg *s = ev.msg.segs; s != NULL; s = s->next)
				lab_buf_put(NULL, s->slice.owner);
			quantum_conn_consume(client->conn, &ev.msg);
		}
	quantum_conn_free(client->conn);
	docclient_destroy(client->doc);
	free(client->typed_ns);
	client->conn = NULL;
	client->doc = NULL;
	client->typed_ns = NULL;
}
