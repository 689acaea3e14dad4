/* SPDX-License-Identifier: BSD-3-Clause */
#include <text/ot_client.h>

static inline struct text_client_entry *
entry_at(const struct text_client *client, uint32_t idx)
{
	const uint32_t at = client->head + idx;

	return &client->out[at < client->window ? at : at - client->window];
}

int
text_client_init(struct text_client *client, struct aef_alloc *alloc, uint32_t window,
                 uint64_t version, uint64_t last_seq, const struct text_digest *digest)
{
	memset(client, 0, sizeof(*client));
	client->alloc = alloc;
	client->window = window > 0 ? window : TEXT_CLIENT_WINDOW;
	client->version = version;
	client->next_seq = last_seq + 1;
	if (digest != NULL)
		client->digest = *digest;
	client->out = aef_alloc_get(alloc, client->window * sizeof(*client->out));
	return client->out != NULL ? 0 : AEF_ERR_FULL;
}

void
text_client_fini(struct text_client *client)
{
	if (client == NULL || client->out == NULL)
		return;
	for (uint32_t i = 0; i < client->nb_out; i++)
		text_op_fini(&entry_at(client, i)->op);
	aef_alloc_put(client->alloc, client->out, client->window * sizeof(*client->out));
	client->out = NULL;
	client->nb_out = 0;
}

int
text_client_send(struct text_client *client, struct text_op *op, struct text_client_msg *ret_msg)
{
	struct text_client_entry *entry;

	if (client->nb_out == client->window)
		return AEF_ERR_AGAIN;
	entry = entry_at(client, client->nb_out++);
	entry->seq = client->next_seq++;
	entry->op = *op;
	text_op_init(op, op->alloc);
	return text_client_pending(client, client->nb_out - 1, ret_msg);
}

/* The version of a committed operation that has just arrived must be the next one. */
static int
check_version(const struct text_client *client, uint64_t version)
{
	if (version <= client->version)
		return AEF_ERR_DUPLICATE;
	return version == client->version + 1 ? 0 : AEF_ERR_GAP;
}

AEF_HOT int
text_client_foreign(struct text_client *client, uint64_t version, struct text_op *op)
{
	int r = check_version(client, version);

	if (r != 0)
		return r;
	text_digest_fold(&client->digest, op);
	/* Ours reaches the server later than what is committed: it goes left (reference 3.3). */
	for (uint32_t i = 0; r == 0 && i < client->nb_out; i++)
		r = text_op_transform_pair(&entry_at(client, i)->op, op);
	client->version = version;
	return r;
}

int
text_client_ack(struct text_client *client, uint64_t version, uint64_t seq, struct text_op *ret_op)
{
	struct text_client_entry *entry = entry_at(client, 0);
	const int r = check_version(client, version);

	if (r != 0)
		return r;
	if (client->nb_out == 0 || seq != entry->seq)
		return AEF_ERR_PROTOCOL;
	/* Carried over all that was committed before it, it is now what the server committed. */
	text_digest_fold(&client->digest, &entry->op);
	if (ret_op != NULL) {
		text_op_fini(ret_op);
		*ret_op = entry->op;
	} else {
		text_op_fini(&entry->op);
	}
	client->head = client->head + 1 < client->window ? client->head + 1 : 0;
	client->nb_out--;
	client->version = version;
	return 0;
}

int
text_client_pending(const struct text_client *client, uint32_t idx, struct text_client_msg *ret_msg)
{
	if (idx >= client->nb_out)
		return AEF_ERR_RANGE;
	const struct text_client_entry *entry = entry_at(client, idx);

	*ret_msg = (struct text_client_msg){ client->version, entry->seq, &entry->op };
	return 0;
}
