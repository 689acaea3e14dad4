/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "arena_priv.h"
#include "doc_priv.h"
#include "statesync.pb-c.h"

/* Shorter names for what protoc-c generates. */
typedef Aetherflow__V1__Request pb_request;
typedef Aetherflow__V1__Event pb_event;

static int
read_guuid(const ProtobufCBinaryData *field, struct aef_guuid *ret_id)
{
	if (field->len != AEF_GUUID_BYTES)
		return AEF_ERR_MALFORMED;
	memcpy(ret_id->b, field->data, AEF_GUUID_BYTES);
	return 0;
}

static int
read_digest(const ProtobufCBinaryData *field, struct docmsg_digest *ret_digest)
{
	ret_digest->present = field->len > 0;
	memset(ret_digest->b, 0, sizeof(ret_digest->b));
	if (field->len == 0)
		return 0;
	if (field->len != DOCMSG_DIGEST_BYTES)
		return AEF_ERR_MALFORMED;
	memcpy(ret_digest->b, field->data, DOCMSG_DIGEST_BYTES);
	return 0;
}

static struct docmsg_bytes
read_bytes(const ProtobufCBinaryData *field)
{
	return (struct docmsg_bytes){ field->data, (uint32_t)field->len };
}

/* The operations of an Apply or Operations; an empty list means nothing and is refused. */
static int
read_ops(struct msg_arena *arena, const ProtobufCBinaryData *fields, size_t nb,
         const struct docmsg_bytes **ret_data, uint32_t *ret_nb)
{
	struct docmsg_bytes *data;

	if (nb == 0)
		return AEF_ERR_MALFORMED;
	data = msg_arena_get(arena, nb * sizeof(*data));
	if (data == NULL)
		return AEF_ERR_LIMIT;
	for (size_t i = 0; i < nb; i++)
		data[i] = read_bytes(&fields[i]);
	*ret_data = data;
	*ret_nb = (uint32_t)nb;
	return 0;
}

static int
read_open(const Aetherflow__V1__OpenDocument *pb, struct docmsg_open *ret_open)
{
	const int r = read_guuid(&pb->client_id, &ret_open->client_id);

	ret_open->from_version = pb->from_version;
	ret_open->have_state = pb->have_state;
	ret_open->has_pending = pb->has_pending;
	ret_open->create = pb->create;
	ret_open->ack_only = pb->ack_only;
	return r != 0 ? r : read_digest(&pb->digest, &ret_open->digest);
}

static int
read_request(struct msg_arena *arena, const pb_request *pb, struct docmsg *msg)
{
	const int r = read_guuid(&pb->document, &msg->doc);

	if (r != 0)
		return r;
	switch (pb->body_case) {
	case AETHERFLOW__V1__REQUEST__BODY_CREATE:
		msg->kind = DOCMSG_CREATE;
		msg->u.create.type = (uint32_t)pb->create->type;
		msg->u.create.content = read_bytes(&pb->create->content);
		return 0;
	case AETHERFLOW__V1__REQUEST__BODY_OPEN:
		msg->kind = DOCMSG_OPEN;
		return read_open(pb->open, &msg->u.open);
	case AETHERFLOW__V1__REQUEST__BODY_APPLY:
		msg->kind = DOCMSG_APPLY;
		msg->u.apply.base = pb->apply->base_version;
		msg->u.apply.first_seq = pb->apply->first_seq;
		return read_ops(arena, pb->apply->data, pb->apply->n_data, &msg->u.apply.data,
		                &msg->u.apply.nb);
	case AETHERFLOW__V1__REQUEST__BODY_SUBSCRIBE:
		msg->kind = DOCMSG_SUBSCRIBE;
		msg->u.from_version = pb->subscribe->from_version;
		return 0;
	case AETHERFLOW__V1__REQUEST__BODY_UNSUBSCRIBE:
		msg->kind = DOCMSG_UNSUBSCRIBE;
		return 0;
	case AETHERFLOW__V1__REQUEST__BODY_CLOSE:
		msg->kind = DOCMSG_CLOSE;
		return 0;
	default:
		return AEF_ERR_MALFORMED;
	}
}

static int
read_opened(const Aetherflow__V1__DocumentOpened *pb, struct docmsg_opened *ret_opened)
{
	ret_opened->version = pb->version;
	ret_opened->start_version = pb->start_version;
	ret_opened->snapshot = pb->snapshot;
	ret_opened->snapshot_bytes = pb->snapshot_bytes;
	ret_opened->last_seq = pb->last_seq;
	ret_opened->min_base = pb->min_base;
	ret_opened->window = pb->window;
	ret_opened->op_bytes_max = pb->op_bytes_max;
	ret_opened->doc_bytes_max = pb->doc_bytes_max;
	return read_digest(&pb->digest, &ret_opened->digest);
}

static int
read_operations(struct msg_arena *arena, const Aetherflow__V1__Operations *pb,
                struct docmsg_operations *ret_ops)
{
	int r = read_guuid(&pb->client_id, &ret_ops->client_id);

	if (r == 0)
		r = read_digest(&pb->digest, &ret_ops->digest);
	ret_ops->first_version = pb->first_version;
	ret_ops->first_seq = pb->first_seq;
	return r != 0 ? r : read_ops(arena, pb->data, pb->n_data, &ret_ops->data, &ret_ops->nb);
}

static struct docmsg_bytes
read_text(const char *text)
{
	const size_t len = text != NULL ? strlen(text) : 0;

	return (struct docmsg_bytes){ (const uint8_t *)text,
		                      (uint32_t)(len < DOCMSG_TEXT_MAX ? len : DOCMSG_TEXT_MAX) };
}

static int
read_event(struct msg_arena *arena, const pb_event *pb, struct docmsg *msg)
{
	const int r = read_guuid(&pb->document, &msg->doc);

	if (r != 0)
		return r;
	switch (pb->body_case) {
	case AETHERFLOW__V1__EVENT__BODY_CREATED:
		msg->kind = DOCMSG_CREATED;
		msg->u.version = pb->created->version;
		return 0;
	case AETHERFLOW__V1__EVENT__BODY_OPENED:
		msg->kind = DOCMSG_OPENED;
		return read_opened(pb->opened, &msg->u.opened);
	case AETHERFLOW__V1__EVENT__BODY_SNAPSHOT:
		msg->kind = DOCMSG_SNAPSHOT;
		msg->u.snapshot.offset = pb->snapshot->offset;
		msg->u.snapshot.data = read_bytes(&pb->snapshot->data);
		return 0;
	case AETHERFLOW__V1__EVENT__BODY_OPERATIONS:
		msg->kind = DOCMSG_OPERATIONS;
		return read_operations(arena, pb->operations, &msg->u.operations);
	case AETHERFLOW__V1__EVENT__BODY_APPLIED:
		msg->kind = DOCMSG_APPLIED;
		msg->u.applied.first_version = pb->applied->first_version;
		msg->u.applied.first_seq = pb->applied->first_seq;
		msg->u.applied.count = pb->applied->count;
		return read_digest(&pb->applied->digest, &msg->u.applied.digest);
	case AETHERFLOW__V1__EVENT__BODY_NACK:
		msg->kind = DOCMSG_NACK;
		msg->u.refusal = (struct docmsg_refusal){ pb->nack->seq, pb->nack->head,
			                                  (uint32_t)pb->nack->reason,
			                                  read_text(pb->nack->text) };
		return 0;
	case AETHERFLOW__V1__EVENT__BODY_RESYNC:
		msg->kind = DOCMSG_RESYNC;
		msg->u.resync = (struct docmsg_resync){ pb->resync->from, pb->resync->head };
		return 0;
	case AETHERFLOW__V1__EVENT__BODY_ERROR:
		msg->kind = DOCMSG_ERROR;
		msg->u.refusal = (struct docmsg_refusal){ 0, 0, (uint32_t)pb->error->reason,
			                                  read_text(pb->error->text) };
		return 0;
	default:
		return AEF_ERR_MALFORMED;
	}
}

static int
decode_requests(struct msg_arena *arena, const uint8_t *data, size_t len,
                const struct docmsg **ret_msgs)
{
	const Aetherflow__V1__ClientMessage *pb =
		aetherflow__v1__client_message__unpack(&arena->pb, len, data);
	struct docmsg *msgs;

	if (pb == NULL)
		return arena->failed ? AEF_ERR_LIMIT : AEF_ERR_MALFORMED;
	msgs = msg_arena_get(arena, pb->n_requests * sizeof(*msgs));
	if (msgs == NULL)
		return AEF_ERR_LIMIT;
	for (size_t i = 0; i < pb->n_requests; i++) {
		const int r = read_request(arena, pb->requests[i], &msgs[i]);

		if (r != 0)
			return r;
	}
	*ret_msgs = msgs;
	return (int)pb->n_requests;
}

static int
decode_events(struct msg_arena *arena, const uint8_t *data, size_t len,
              const struct docmsg **ret_msgs)
{
	const Aetherflow__V1__ServerMessage *pb =
		aetherflow__v1__server_message__unpack(&arena->pb, len, data);
	struct docmsg *msgs;

	if (pb == NULL)
		return arena->failed ? AEF_ERR_LIMIT : AEF_ERR_MALFORMED;
	msgs = msg_arena_get(arena, pb->n_events * sizeof(*msgs));
	if (msgs == NULL)
		return AEF_ERR_LIMIT;
	for (size_t i = 0; i < pb->n_events; i++) {
		const int r = read_event(arena, pb->events[i], &msgs[i]);

		if (r != 0)
			return r;
	}
	*ret_msgs = msgs;
	return (int)pb->n_events;
}

int
msg_doc_decode(struct docmsg_arena *arena, bool from_client, const uint8_t *data, size_t len,
               const struct docmsg **ret_msgs)
{
	struct msg_arena pb_arena;

	if (len > DOCMSG_MSG_MAX)
		return AEF_ERR_LIMIT;
	msg_arena_init(&pb_arena, arena->mem, arena->bytes);
	return from_client ? decode_requests(&pb_arena, data, len, ret_msgs)
	                   : decode_events(&pb_arena, data, len, ret_msgs);
}
