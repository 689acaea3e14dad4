/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "doc_priv.h"
#include "statesync.pb-c.h"

/* Memory of the bodies while one message is packed: protobuf-c wants everything by pointer. */
struct scratch {
	ProtobufCBinaryData ops[DOCMSG_OPS_MAX];
	char text[DOCMSG_TEXT_MAX + 1];
};

static ProtobufCBinaryData
bytes_of(const uint8_t *data, size_t len)
{
	/* protobuf-c takes a pointer to mutable bytes; packing only reads them. */
	return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)data };
}

static ProtobufCBinaryData
guuid_of(const struct aef_guuid *id)
{
	return bytes_of(id->b, sizeof(id->b));
}

static ProtobufCBinaryData
digest_of(const struct docmsg_digest *digest)
{
	return bytes_of(digest->b, digest->present ? sizeof(digest->b) : 0);
}

static int
ops_of(struct scratch *scratch, const struct docmsg_bytes *data, uint32_t nb)
{
	if (nb > DOCMSG_OPS_MAX)
		return AEF_ERR_INVALID;
	for (uint32_t i = 0; i < nb; i++)
		scratch->ops[i] = bytes_of(data[i].data, data[i].len);
	return 0;
}

static char *
text_of(struct scratch *scratch, const struct docmsg_bytes *text)
{
	const uint32_t len = text->len < DOCMSG_TEXT_MAX ? text->len : DOCMSG_TEXT_MAX;

	if (len > 0)
		memcpy(scratch->text, text->data, len);
	scratch->text[len] = '\0';
	return scratch->text;
}

/* Pack an envelope with its one element. */
static int64_t
pack(const ProtobufCMessage *envelope, uint8_t *buf, size_t cap_bytes)
{
	const size_t bytes = protobuf_c_message_get_packed_size(envelope);

	if (bytes > cap_bytes)
		return AEF_ERR_FULL;
	return (int64_t)protobuf_c_message_pack(envelope, buf);
}

static int64_t
pack_request(Aetherflow__V1__Request *request, const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__ClientMessage envelope = AETHERFLOW__V1__CLIENT_MESSAGE__INIT;

	request->document = guuid_of(&msg->doc);
	envelope.n_requests = 1;
	envelope.requests = &request;
	return pack(&envelope.base, buf, cap);
}

static int64_t
pack_event(Aetherflow__V1__Event *event, const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__ServerMessage envelope = AETHERFLOW__V1__SERVER_MESSAGE__INIT;

	event->document = guuid_of(&msg->doc);
	envelope.n_events = 1;
	envelope.events = &event;
	return pack(&envelope.base, buf, cap);
}

static int64_t
encode_create(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Request request = AETHERFLOW__V1__REQUEST__INIT;
	Aetherflow__V1__CreateDocument body = AETHERFLOW__V1__CREATE_DOCUMENT__INIT;

	body.type = (Aetherflow__V1__DocumentType)msg->u.create.type;
	body.content = bytes_of(msg->u.create.content.data, msg->u.create.content.len);
	request.body_case = AETHERFLOW__V1__REQUEST__BODY_CREATE;
	request.create = &body;
	return pack_request(&request, msg, buf, cap);
}

static int64_t
encode_open(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Request request = AETHERFLOW__V1__REQUEST__INIT;
	Aetherflow__V1__OpenDocument body = AETHERFLOW__V1__OPEN_DOCUMENT__INIT;
	const struct docmsg_open *open = &msg->u.open;

	body.client_id = guuid_of(&open->client_id);
	body.have_state = open->have_state;
	body.from_version = open->from_version;
	body.digest = digest_of(&open->digest);
	body.has_pending = open->has_pending;
	body.create = open->create;
	body.ack_only = open->ack_only;
	request.body_case = AETHERFLOW__V1__REQUEST__BODY_OPEN;
	request.open = &body;
	return pack_request(&request, msg, buf, cap);
}

static int64_t
encode_apply(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Request request = AETHERFLOW__V1__REQUEST__INIT;
	Aetherflow__V1__Apply body = AETHERFLOW__V1__APPLY__INIT;
	struct scratch scratch;

	if (ops_of(&scratch, msg->u.apply.data, msg->u.apply.nb) != 0)
		return AEF_ERR_INVALID;
	body.base_version = msg->u.apply.base;
	body.first_seq = msg->u.apply.first_seq;
	body.n_data = msg->u.apply.nb;
	body.data = scratch.ops;
	request.body_case = AETHERFLOW__V1__REQUEST__BODY_APPLY;
	request.apply = &body;
	return pack_request(&request, msg, buf, cap);
}

static int64_t
encode_bare(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Request request = AETHERFLOW__V1__REQUEST__INIT;
	Aetherflow__V1__Subscribe subscribe = AETHERFLOW__V1__SUBSCRIBE__INIT;
	Aetherflow__V1__Unsubscribe unsubscribe = AETHERFLOW__V1__UNSUBSCRIBE__INIT;
	Aetherflow__V1__CloseDocument close = AETHERFLOW__V1__CLOSE_DOCUMENT__INIT;

	if (msg->kind == DOCMSG_SUBSCRIBE) {
		subscribe.from_version = msg->u.from_version;
		request.body_case = AETHERFLOW__V1__REQUEST__BODY_SUBSCRIBE;
		request.subscribe = &subscribe;
	} else if (msg->kind == DOCMSG_UNSUBSCRIBE) {
		request.body_case = AETHERFLOW__V1__REQUEST__BODY_UNSUBSCRIBE;
		request.unsubscribe = &unsubscribe;
	} else {
		request.body_case = AETHERFLOW__V1__REQUEST__BODY_CLOSE;
		request.close = &close;
	}
	return pack_request(&request, msg, buf, cap);
}

static int64_t
encode_created(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__DocumentCreated body = AETHERFLOW__V1__DOCUMENT_CREATED__INIT;

	body.version = msg->u.version;
	event.body_case = AETHERFLOW__V1__EVENT__BODY_CREATED;
	event.created = &body;
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_opened(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__DocumentOpened body = AETHERFLOW__V1__DOCUMENT_OPENED__INIT;
	const struct docmsg_opened *opened = &msg->u.opened;

	body.version = opened->version;
	body.start_version = opened->start_version;
	body.snapshot = opened->snapshot;
	body.snapshot_bytes = opened->snapshot_bytes;
	body.digest = digest_of(&opened->digest);
	body.last_seq = opened->last_seq;
	body.min_base = opened->min_base;
	body.window = opened->window;
	body.op_bytes_max = opened->op_bytes_max;
	body.doc_bytes_max = opened->doc_bytes_max;
	event.body_case = AETHERFLOW__V1__EVENT__BODY_OPENED;
	event.opened = &body;
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_snapshot(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__Snapshot body = AETHERFLOW__V1__SNAPSHOT__INIT;

	body.offset = msg->u.snapshot.offset;
	body.data = bytes_of(msg->u.snapshot.data.data, msg->u.snapshot.data.len);
	event.body_case = AETHERFLOW__V1__EVENT__BODY_SNAPSHOT;
	event.snapshot = &body;
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_operations(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__Operations body = AETHERFLOW__V1__OPERATIONS__INIT;
	const struct docmsg_operations *ops = &msg->u.operations;
	struct scratch scratch;

	if (ops_of(&scratch, ops->data, ops->nb) != 0)
		return AEF_ERR_INVALID;
	body.first_version = ops->first_version;
	body.client_id = guuid_of(&ops->client_id);
	body.first_seq = ops->first_seq;
	body.n_data = ops->nb;
	body.data = scratch.ops;
	body.digest = digest_of(&ops->digest);
	event.body_case = AETHERFLOW__V1__EVENT__BODY_OPERATIONS;
	event.operations = &body;
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_applied(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__Applied body = AETHERFLOW__V1__APPLIED__INIT;

	body.first_version = msg->u.applied.first_version;
	body.first_seq = msg->u.applied.first_seq;
	body.count = msg->u.applied.count;
	body.digest = digest_of(&msg->u.applied.digest);
	event.body_case = AETHERFLOW__V1__EVENT__BODY_APPLIED;
	event.applied = &body;
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_refusal(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__Nack nack = AETHERFLOW__V1__NACK__INIT;
	Aetherflow__V1__Error error = AETHERFLOW__V1__ERROR__INIT;
	const struct docmsg_refusal *refusal = &msg->u.refusal;
	struct scratch scratch;

	if (msg->kind == DOCMSG_NACK) {
		nack.seq = refusal->seq;
		nack.reason = (Aetherflow__V1__Reason)refusal->reason;
		nack.text = text_of(&scratch, &refusal->text);
		nack.head = refusal->head;
		event.body_case = AETHERFLOW__V1__EVENT__BODY_NACK;
		event.nack = &nack;
	} else {
		error.reason = (Aetherflow__V1__Reason)refusal->reason;
		error.text = text_of(&scratch, &refusal->text);
		event.body_case = AETHERFLOW__V1__EVENT__BODY_ERROR;
		event.error = &error;
	}
	return pack_event(&event, msg, buf, cap);
}

static int64_t
encode_resync(const struct docmsg *msg, uint8_t *buf, size_t cap)
{
	Aetherflow__V1__Event event = AETHERFLOW__V1__EVENT__INIT;
	Aetherflow__V1__Resync body = AETHERFLOW__V1__RESYNC__INIT;

	body.from = msg->u.resync.from;
	body.head = msg->u.resync.head;
	event.body_case = AETHERFLOW__V1__EVENT__BODY_RESYNC;
	event.resync = &body;
	return pack_event(&event, msg, buf, cap);
}

int64_t
msg_doc_encode(const struct docmsg *msg, uint8_t *buf, size_t cap_bytes)
{
	static int64_t (*const encoders[])(const struct docmsg *, uint8_t *, size_t) = {
		[DOCMSG_CREATE] = encode_create,     [DOCMSG_OPEN] = encode_open,
		[DOCMSG_APPLY] = encode_apply,       [DOCMSG_SUBSCRIBE] = encode_bare,
		[DOCMSG_UNSUBSCRIBE] = encode_bare,  [DOCMSG_CLOSE] = encode_bare,
		[DOCMSG_CREATED] = encode_created,   [DOCMSG_OPENED] = encode_opened,
		[DOCMSG_SNAPSHOT] = encode_snapshot, [DOCMSG_OPERATIONS] = encode_operations,
		[DOCMSG_APPLIED] = encode_applied,   [DOCMSG_NACK] = encode_refusal,
		[DOCMSG_RESYNC] = encode_resync,     [DOCMSG_ERROR] = encode_refusal,
	};

	if ((unsigned)msg->kind >= AEF_DIM(encoders) || encoders[msg->kind] == NULL)
		return AEF_ERR_INVALID;
	return encoders[msg->kind](msg, buf, cap_bytes);
}

const struct docmsg_codec msg_doc_codec = { msg_doc_decode, msg_doc_encode };
