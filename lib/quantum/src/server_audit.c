/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "server_priv.h"

#define QUIET_NS AEF_NS_PER_S /* between two events that a stranger can cause */

#define AUDIT_WORD(name, word, text) word,
#define AUDIT_TEXT(name, word, text) text,
static const char *const audit_words[] = { QUANTUM_AUDITS(AUDIT_WORD) };
static const char *const audit_texts[] = { QUANTUM_AUDITS(AUDIT_TEXT) };

const char *
quantum_audit_word(enum quantum_audit_type type)
{
	return (unsigned)type < QUANTUM_NB_AUDITS ? audit_words[type] : "?";
}

const char *
quantum_audit_text(enum quantum_audit_type type)
{
	return (unsigned)type < QUANTUM_NB_AUDITS ? audit_texts[type] : "?";
}

static void
tell(struct audit_queue *queue, enum quantum_audit_type type, uint64_t now_ns)
{
	struct quantum_audit *slot;

	queue->next_ns[type] = now_ns + QUIET_NS;
	if (queue->nb == AUDIT_EVENTS_MAX) { /* what is there already tells how it began */
		queue->nb_lost++;
		return;
	}
	slot = &queue->events[(queue->head + queue->nb) % AUDIT_EVENTS_MAX];
	queue->nb++;
	*slot = queue->last[type];
	slot->count = queue->held[type];
	queue->held[type] = 0;
}

void
audit_note(struct audit_queue *queue, const struct quantum_audit *event,
           const struct quantum_now *now)
{
	const enum quantum_audit_type type = event->type;

	queue->held[type]++;
	queue->last[type] = *event;
	queue->last[type].unix_ms = now->unix_ms;
	if (type == QUANTUM_AUDIT_TOKEN_REUSED || now->ns >= queue->next_ns[type])
		tell(queue, type, now->ns);
}

void
audit_flush(struct audit_queue *queue, uint64_t now_ns, bool all)
{
	for (unsigned type = 0; type < QUANTUM_NB_AUDITS; type++)
		if (queue->held[type] > 0 && queue->nb < AUDIT_EVENTS_MAX &&
		    (all || now_ns >= queue->next_ns[type]))
			tell(queue, (enum quantum_audit_type)type, now_ns);
}

int
audit_take(struct audit_queue *queue, struct quantum_audit *ret_audit)
{
	if (queue->nb == 0)
		return AEF_ERR_AGAIN;
	*ret_audit = queue->events[queue->head];
	queue->head = (queue->head + 1) % AUDIT_EVENTS_MAX;
	queue->nb--;
	return 0;
}
