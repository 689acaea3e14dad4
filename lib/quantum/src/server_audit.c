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

void
audit_note(struct audit_queue *queue, const struct quantum_audit *event,
           const struct quantum_now *now)
{
	const enum quantum_audit_type type = event->type;
	struct quantum_audit *slot;

	queue->held[type]++;
	if (type != QUANTUM_AUDIT_TOKEN_REUSED && now->ns < queue->next_ns[type])
		return;
	queue->next_ns[type] = now->ns + QUIET_NS;
	if (queue->nb == AUDIT_EVENTS_MAX) { /* what is there already tells how it began */
		queue->nb_lost++;
		return;
	}
	slot = &queue->events[(queue->head + queue->nb) % AUDIT_EVENTS_MAX];
	queue->nb++;
	*slot = *event;
	slot->count = queue->held[type];
	slot->unix_ms = now->unix_ms;
	queue->held[type] = 0;
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
