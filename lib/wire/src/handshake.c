/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <wire/handshake.h>

static_assert(WIRE_SYN_ACK_BYTES * 4 < WIRE_SYN_BYTES, "the reply is under a quarter [Q-4.2]");
static_assert(WIRE_HEADER_BYTES + WIRE_RANDOM_BYTES + WIRE_COOKIE_BYTES + 4 + WIRE_PUB_BYTES +
                              WIRE_MAC_BYTES ==
                      WIRE_SYN_ACK_BYTES,
              "SYN+ACK layout");
static_assert(WIRE_HEADER_BYTES + WIRE_RANDOM_BYTES + 8 + WIRE_MAC_BYTES == WIRE_BUSY_BYTES,
              "BUSY layout");

static bool
all_zero(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum |= p[i];
	return sum == 0;
}

static struct aef_reader
body_reader(const uint8_t *data, size_t len)
{
	return aef_reader_make(data + WIRE_HEADER_BYTES, len - WIRE_HEADER_BYTES);
}

static void
take(struct aef_reader *r, uint8_t *ret, size_t len)
{
	const uint8_t *p = aef_read_bytes(r, len);

	if (p != NULL)
		memcpy(ret, p, len);
}

static struct aef_writer
start(uint8_t *data, size_t len, uint8_t flags, const struct aef_guuid *cid, uint32_t seq)
{
	wire_header_encode(data, &(struct wire_header){
					 .version = WIRE_VERSION,
					 .flags = flags,
					 .cid = *cid,
					 .seq = seq,
					 .payload_len = (uint16_t)(len - WIRE_HEADER_BYTES),
				 });
	return aef_writer_make(data + WIRE_HEADER_BYTES, len - WIRE_HEADER_BYTES);
}

int
wire_syn_decode(const uint8_t data[WIRE_SYN_BYTES], struct wire_syn *ret_syn)
{
	struct aef_reader r = body_reader(data, WIRE_SYN_BYTES);

	take(&r, ret_syn->client_random, WIRE_RANDOM_BYTES);
	take(&r, ret_syn->token, WIRE_TOKEN_BYTES);
	/* Sequence, ack and padding are zero. */
	return all_zero(data + 22, 8) && all_zero(r.p, aef_reader_left(&r)) ? 0 : AEF_ERR_MALFORMED;
}

void
wire_syn_encode(uint8_t ret_data[WIRE_SYN_BYTES], const struct aef_guuid *cid,
                const struct wire_syn *syn)
{
	struct aef_writer w = start(ret_data, WIRE_SYN_BYTES, WIRE_FLAG_SYN, cid, 0);

	aef_write_bytes(&w, syn->client_random, WIRE_RANDOM_BYTES);
	aef_write_bytes(&w, syn->token, WIRE_TOKEN_BYTES);
	memset(w.p, 0, aef_writer_left(&w));
}

int
wire_syn_ack_decode(const uint8_t data[WIRE_SYN_ACK_BYTES], struct wire_syn_ack *ret_syn_ack)
{
	struct aef_reader r = body_reader(data, WIRE_SYN_ACK_BYTES);

	take(&r, ret_syn_ack->client_random, WIRE_RANDOM_BYTES);
	take(&r, ret_syn_ack->cookie, WIRE_COOKIE_BYTES);
	ret_syn_ack->cookie_epoch = aef_read_u8(&r);
	ret_syn_ack->dh_epoch = aef_read_u8(&r);
	const uint16_t reserved = aef_read_be16(&r);

	take(&r, ret_syn_ack->server_pub, WIRE_PUB_BYTES);
	take(&r, ret_syn_ack->mac, WIRE_MAC_BYTES);
	return reserved == 0 && all_zero(data + 22, 8) ? 0 : AEF_ERR_MALFORMED;
}

void
wire_syn_ack_encode(uint8_t ret_data[WIRE_SYN_ACK_BYTES], const struct aef_guuid *cid,
                    const struct wire_syn_ack *syn_ack)
{
	struct aef_writer w =
		start(ret_data, WIRE_SYN_ACK_BYTES, WIRE_FLAG_SYN | WIRE_FLAG_ACK, cid, 0);

	aef_write_bytes(&w, syn_ack->client_random, WIRE_RANDOM_BYTES);
	aef_write_bytes(&w, syn_ack->cookie, WIRE_COOKIE_BYTES);
	aef_write_u8(&w, syn_ack->cookie_epoch);
	aef_write_u8(&w, syn_ack->dh_epoch);
	aef_write_be16(&w, 0);
	aef_write_bytes(&w, syn_ack->server_pub, WIRE_PUB_BYTES);
	aef_write_bytes(&w, syn_ack->mac, WIRE_MAC_BYTES);
	aef_assert(!w.err && aef_writer_left(&w) == 0);
}

int
wire_busy_decode(const uint8_t data[WIRE_BUSY_BYTES], struct wire_busy *ret_busy)
{
	struct aef_reader r = body_reader(data, WIRE_BUSY_BYTES);

	take(&r, ret_busy->client_random, WIRE_RANDOM_BYTES);
	ret_busy->reason = aef_read_u8(&r);
	const uint8_t *reserved = aef_read_bytes(&r, 3);

	ret_busy->retry_after_ms = aef_read_be32(&r);
	take(&r, ret_busy->mac, WIRE_MAC_BYTES);
	return all_zero(reserved, 3) && all_zero(data + 22, 8) ? 0 : AEF_ERR_MALFORMED;
}

void
wire_busy_encode(uint8_t ret_data[WIRE_BUSY_BYTES], const struct aef_guuid *cid,
                 const struct wire_busy *busy)
{
	struct aef_writer w =
		start(ret_data, WIRE_BUSY_BYTES, WIRE_FLAG_SYN | WIRE_FLAG_ACK, cid, 0);

	aef_write_bytes(&w, busy->client_random, WIRE_RANDOM_BYTES);
	aef_write_u8(&w, busy->reason);
	aef_write_u8(&w, 0);
	aef_write_be16(&w, 0);
	aef_write_be32(&w, busy->retry_after_ms);
	aef_write_bytes(&w, busy->mac, WIRE_MAC_BYTES);
	aef_assert(!w.err && aef_writer_left(&w) == 0);
}

int
wire_ack_decode(const uint8_t *data, struct wire_ack *ret_ack)
{
	struct aef_reader r = body_reader(data, WIRE_ACK_TEXT_AT);

	take(&r, ret_ack->client_random, WIRE_RANDOM_BYTES);
	take(&r, ret_ack->token, WIRE_TOKEN_BYTES);
	take(&r, ret_ack->cookie, WIRE_COOKIE_BYTES);
	ret_ack->cookie_epoch = aef_read_u8(&r);
	ret_ack->dh_epoch = aef_read_u8(&r);
	const uint16_t reserved = aef_read_be16(&r);

	take(&r, ret_ack->client_pub, WIRE_PUB_BYTES);
	take(&r, ret_ack->mac, WIRE_MAC_BYTES);
	return reserved == 0 && all_zero(data + 26, 4) ? 0 : AEF_ERR_MALFORMED;
}

void
wire_ack_encode(uint8_t ret_data[WIRE_ACK_TEXT_AT], const struct aef_guuid *cid, uint32_t seq,
                const struct wire_ack *ack)
{
	struct aef_writer w = start(ret_data, WIRE_ACK_TEXT_AT, WIRE_FLAG_ACK, cid, seq);

	aef_write_bytes(&w, ack->client_random, WIRE_RANDOM_BYTES);
	aef_write_bytes(&w, ack->token, WIRE_TOKEN_BYTES);
	aef_write_bytes(&w, ack->cookie, WIRE_COOKIE_BYTES);
	aef_write_u8(&w, ack->cookie_epoch);
	aef_write_u8(&w, ack->dh_epoch);
	aef_write_be16(&w, 0);
	aef_write_bytes(&w, ack->client_pub, WIRE_PUB_BYTES);
	aef_write_bytes(&w, ack->mac, WIRE_MAC_BYTES);
	aef_assert(!w.err && aef_writer_left(&w) == 0);
}

void
wire_rst_encode(uint8_t ret_data[WIRE_RST_BYTES], const struct aef_guuid *cid,
                const uint8_t reset_token[WIRE_RESET_BYTES])
{
	struct aef_writer w = start(ret_data, WIRE_RST_BYTES, WIRE_FLAG_RST, cid, 0);

	aef_write_bytes(&w, reset_token, WIRE_RESET_BYTES);
}
