/* SPDX-License-Identifier: BSD-3-Clause */
#include "player.h"

#include <string.h>

#include <base/time.h>

/* The author's next transaction from `from` on. */
static uint32_t
next_of(const struct lab_trace *trace, uint32_t agent, uint32_t from)
{
	while (from < trace->nb_txns && trace->txns[from].agent != agent)
		from++;
	return from;
}

void
lab_player_init(struct lab_player *player, const struct lab_trace *trace, uint32_t agent,
                uint64_t pace_milli, uint64_t gap_ns)
{
	*player = (struct lab_player){
		.trace = trace, .agent = agent, .pace_milli = pace_milli, .gap_ns = gap_ns
	};
	player->next = next_of(trace, agent, 0);
	player->seq_base[0] = trace->start_len > 0 ? 1 : 0;
}

static void
schedule(struct lab_player *player, uint64_t now_ns)
{
	const struct lab_trace *t = player->trace;
	uint64_t at_ns;

	if (player->pace_milli == 0) {
		player->due_ns = 0;
		return;
	}
	/* Without times of its own every transaction takes one gap, counted over both authors. */
	at_ns = t->has_times ? t->txns[player->next].time_ms * AEF_NS_PER_MS
	                     : player->next * player->gap_ns;
	player->due_ns = player->start_ns + aef_mul_div_u64(at_ns, 1000, player->pace_milli);
	if (now_ns > player->due_ns)
		player->behind_ns_max = aef_max_u64(player->behind_ns_max, now_ns - player->due_ns);
}

/* Let in what he had seen and nothing else. @return true: all of it is here */
static bool
parents_here(struct lab_player *player, struct docclient *doc, uint64_t now_ns)
{
	const struct lab_trace *t = player->trace;
	const struct lab_txn *txn = &t->txns[player->next];
	bool here = true;

	for (uint32_t a = 0; a < t->nb_agents; a++) {
		const uint64_t seq = player->seq_base[a] + txn->seen[a];

		if (a == player->agent || seq == 0)
			continue;
		if (!player->prepared)
			docclient_allow(doc, &player->authors[a], seq, now_ns);
		here = here && docclient_author_seq(doc, &player->authors[a]) >= seq;
	}
	player->prepared = true;
	if (!here && !player->waited) {
		player->waited = true;
		player->waits++;
	}
	return here;
}

static int
type_patch(struct lab_player *player, struct docclient *doc, uint64_t now_ns)
{
	const struct lab_trace *t = player->trace;
	const struct lab_patch *p = &t->patches[t->txns[player->next].first_patch + player->at];

	return docclient_replace(doc, p->pos, p->del, t->text + p->ins_off, p->ins_len, now_ns);
}

static int
start(struct lab_player *player, struct docclient *doc, uint64_t now_ns)
{
	const struct lab_trace *t = player->trace;
	int rc = 0;

	if (t->nb_agents > 1)
		docclient_hold(doc, true, now_ns);
	if (player->agent == 0 && t->start_len > 0)
		rc = docclient_insert(doc, 0, (const uint8_t *)t->start, t->start_len, now_ns);
	if (rc != 0)
		return rc;
	player->start_ns = now_ns;
	player->started = true;
	return 0;
}

static void
finish(struct lab_player *player, struct docclient *doc, uint64_t now_ns)
{
	if (player->trace->nb_agents > 1)
		docclient_hold(doc, false, now_ns);
	player->done = true;
}

int
lab_player_step(struct lab_player *player, struct docclient *doc, uint32_t in_flight_max,
                uint32_t burst, uint64_t now_ns)
{
	const struct lab_trace *t = player->trace;
	int typed = 0, rc;

	if (player->done)
		return 0;
	if (!player->started && (rc = start(player, doc, now_ns)) != 0)
		return rc;
	while (player->next < t->nb_txns && (uint32_t)typed < burst) {
		if (!player->prepared)
			schedule(player, now_ns);
		if (player->due_ns > now_ns || !parents_here(player, doc, now_ns))
			return typed;
		for (; player->at < t->txns[player->next].nb_patches; player->at++, typed++) {
			if (docclient_in_flight(doc) >= in_flight_max)
				return typed;
			rc = type_patch(player, doc, now_ns);
			if (rc == AEF_ERR_FULL || rc == AEF_ERR_STATE) /* a snapshot comes in */
				return typed;
			if (rc != 0)
				return rc;
		}
		player->next = next_of(t, player->agent, player->next + 1);
		player->at = 0;
		player->prepared = player->waited = false;
	}
	if (player->next == t->nb_txns)
		finish(player, doc, now_ns);
	return typed;
}

uint64_t
lab_player_next_ns(const struct lab_player *player)
{
	if (player->done || !player->started)
		return AEF_TIME_NEVER;
	return player->due_ns > 0 && !player->waited ? player->due_ns : AEF_TIME_NEVER;
}
