/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-pcap FILE PORT KEYLOG - write one datagram of each class and one of each frame type as a
 * capture, for the test of the Wireshark dissector (tests/lab/dissector.sh). The bytes are the
 * encoders' own, sealed under keys that KEYLOG names.
 * quantum-pcap --talk FILE PORT KEYLOG - the same of a real conversation over loopback.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <crypto/epoch.h>
#include <keylog/keylog.h>
#include <protect/provider.h>
#include <wire/frame.h>

#include "capture.h"
#include "talk.h"

static uint32_t nb_packets;
static uint16_t port;
static const struct crypto_provider *crypto;
static struct crypto_tx_keys server_keys, client_keys;

static const struct aef_guuid cid = { { 0x01, 0x8f, 1, 2, 3, 4, 0x70, 5, 0x80, 6, 7, 8, 9, 10, 11,
	                                12 } };

static void
put_datagram(const uint8_t *data, size_t len)
{
	nb_packets++;
	capture_put((const uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, port, (uint16_t)(port + 1), data,
	            len);
}

static void
seal(struct crypto_tx_keys *keys, uint8_t *data, uint64_t pn, size_t text_at, size_t len)
{
	struct crypto_op op = { .key = crypto_tx_keys_get(keys, pn),
		                .pn = pn,
		                .aad = data,
		                .aad_len = (uint32_t)text_at,
		                .text = data + text_at,
		                .text_len = (uint32_t)(len - text_at),
		                .tag = data + len };

	crypto->seal(crypto->ctx, &op, 1);
}

/* Protected datagram of the server around what @p fill writes. */
static void
put_protected(uint8_t flags, unsigned nb_sacks, void (*fill)(struct aef_writer *w))
{
	uint8_t data[WIRE_MTU_BASE];
	struct wire_header hdr = { .version = WIRE_VERSION,
		                   .flags = flags,
		                   .seq = 100 + nb_packets,
		                   .ack = 40,
		                   .cid = cid };
	uint8_t *text = data + WIRE_HEADER_BYTES + (size_t)nb_sacks * WIRE_SACK_BYTES;
	struct aef_writer w = aef_writer_make(text, 900);

	fill(&w);
	hdr.payload_len = (uint16_t)(w.p - text);
	wire_header_encode(data, &hdr);
	for (unsigned i = 0; i < nb_sacks; i++) {
		const struct wire_sack sack = { 50 + 10 * i, 55 + 10 * i };

		wire_sacks_encode(data + WIRE_HEADER_BYTES + (size_t)i * WIRE_SACK_BYTES, &sack, 1);
	}
	seal(&server_keys, data, hdr.seq, (size_t)(text - data), (size_t)(w.p - data));
	put_datagram(data, (size_t)(w.p - data) + WIRE_TAG_BYTES);
}

/* ---- frames ---- */

static void
ping_padding(struct aef_writer *w)
{
	aef_write_u8(w, WIRE_FRAME_PING);
	aef_write_bytes(w, "\0\0\0\0\0", 5);
}

static void
ack_info_floor(struct aef_writer *w)
{
	static const uint8_t ranges[16] = { 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 9 };
	static const uint8_t recovered[4] = { 0, 0, 0, 77 };
	const struct wire_frame_ack_info info = { .has_delay = true,
		                                  .delay_us = 1500,
		                                  .has_ce = true,
		                                  .ce_count = 3,
		                                  .nb_ranges = 2,
		                                  .ranges = ranges,
		                                  .nb_recovered = 1,
		                                  .recovered = recovered };

	wire_ack_info_encode(w, &info);
	wire_floor_encode(w, 0x100000005ull);
}

static const struct wire_limits limits = { 60000, 1 << 24, 65536, 4 << 20, 1 << 20 };

static void
accept_frame(struct aef_writer *w)
{
	static const uint8_t reset[WIRE_RESET_BYTES] = { 0xab };

	wire_accept_encode(w, &cid, reset, &limits);
}

static void
limits_credit(struct aef_writer *w)
{
	wire_limits_encode(w, &limits);
	wire_credit_encode(w, 5u << 20);
	wire_credit_channel_encode(w, 300, 2u << 20);
	wire_expired_encode(w, 301, 1234, 999);
}

static void
paths(struct aef_writer *w)
{
	wire_path_encode(w, WIRE_FRAME_PATH_CHALLENGE, (const uint8_t *)"CHALLENG");
	wire_path_encode(w, WIRE_FRAME_PATH_RESPONSE, (const uint8_t *)"RESPONSE");
}

static void
close_frame(struct aef_writer *w)
{
	wire_close_encode(w, 42 << 4, "gone fishing", 12);
}

static void
data_frames(struct aef_writer *w)
{
	struct wire_frame_data d = { .order = WIRE_ORDERED, .channel = 7, .message = 70000 };

	wire_fec_source_encode(w, 513, 4);
	d.len = 5;
	wire_data_header_encode(w, &d, false);
	aef_write_bytes(w, "hello", 5);
	d = (struct wire_frame_data){ .order = WIRE_UNORDERED,
		                      .fragment = true,
		                      .channel = 8,
		                      .offset = 20000,
		                      .total = 30000,
		                      .len = 4 };
	wire_data_header_encode(w, &d, false);
	aef_write_bytes(w, "part", 4);
	d = (struct wire_frame_data){ .order = WIRE_LATEST, .channel = 9, .key = 4711, .len = 6 };
	wire_data_header_encode(w, &d, true);
	aef_write_bytes(w, "cursor", 6);
}

static void
repair(struct aef_writer *w)
{
	const struct wire_frame_fec_repair r = {
		.block = 513, .k = 3, .m = 2, .idx = 1, .pn = { 0xfffffffe, 1, 5 }
	};

	wire_fec_repair_encode(w, &r);
	aef_write_bytes(w, "symbol", 6);
}

static void
unknown_frame(struct aef_writer *w)
{
	aef_write_u8(w, WIRE_FRAME_PING);
	aef_write_u8(w, 0x7f);
}

static void
cut_frame(struct aef_writer *w)
{
	aef_write_u8(w, WIRE_FRAME_PATH_CHALLENGE);
	aef_write_u8(w, 1);
}

/* ---- handshake ---- */

static void
handshake(void)
{
	struct wire_syn syn = { { 1 }, { 'Q', 'T', 'K', '1' } };
	struct wire_syn_ack syn_ack = { .cookie_epoch = 5, .dh_epoch = 6 };
	struct wire_busy busy = { .reason = 1, .retry_after_ms = 1500 };
	struct wire_ack ack = { .cookie_epoch = 5, .dh_epoch = 6 };
	uint8_t data[WIRE_MTU_BASE] = { 0 };
	struct wire_header hdr = { .version = 9, .cid = cid };

	aef_store_be64(syn.token + 8, 1700000000123ull);
	memcpy(ack.token, syn.token, sizeof(ack.token));
	wire_syn_encode(data, &cid, &syn);
	put_datagram(data, WIRE_SYN_BYTES);
	wire_syn_ack_encode(data, &cid, &syn_ack);
	put_datagram(data, WIRE_SYN_ACK_BYTES);
	wire_busy_encode(data, &cid, &busy);
	put_datagram(data, WIRE_BUSY_BYTES);
	wire_ack_encode(data, &cid, 1, &ack);
	data[WIRE_ACK_TEXT_AT] = WIRE_FRAME_PING;
	aef_store_be16(data + 30, WIRE_ACK_CLEAR_BYTES + 1);
	seal(&client_keys, data, 1, WIRE_ACK_TEXT_AT, WIRE_ACK_TEXT_AT + 1);
	put_datagram(data, WIRE_ACK_TEXT_AT + 1 + WIRE_TAG_BYTES);
	wire_rst_encode(data, &cid, (const uint8_t *)"reset reset rese");
	put_datagram(data, WIRE_RST_BYTES);
	put_datagram(data, wire_version_reply_encode(data, &cid));
	memset(data, 0, sizeof(data));
	wire_header_encode(data, &hdr);
	put_datagram(data, WIRE_VERSION_FLOOR);
	hdr.version = WIRE_VERSION;
	hdr.flags = WIRE_FLAG_SYN | WIRE_FLAG_RST;
	wire_header_encode(data, &hdr);
	put_datagram(data, 48);
	/* Another magic is not ours. */
	data[0] = 'X';
	put_datagram(data, 48);
}

/* Keys of both directions, derived as a handshake does, so that the tap can name their connection.
 */
static void
derive(void)
{
	static const uint8_t psk[CRYPTO_PSK_BYTES] = "not a secret";
	const uint8_t label = 1;
	const struct crypto_bytes parts[] = { { &label, 1 }, { cid.b, sizeof(cid.b) } };
	uint8_t ikm[64] = "not a secret", mac[CRYPTO_MAC_BYTES], prk[32], secret[32];

	crypto->mac(crypto->ctx, psk, parts, AEF_DIM(parts), mac);
	crypto->hkdf_extract(crypto->ctx, "salt", 4, ikm, sizeof(ikm), prk);
	crypto->hkdf_expand(crypto->ctx, prk, "c2s", 3, secret, sizeof(secret));
	crypto_tx_keys_init(&client_keys, crypto, secret);
	crypto->hkdf_expand(crypto->ctx, prk, "s2c", 3, secret, sizeof(secret));
	crypto_tx_keys_init(&server_keys, crypto, secret);
}

static int
golden(void)
{
	const struct protect_conf conf = { .keys_max = 4 };
	struct protect *protect = NULL;
	int rc = protect_create(&conf, &protect);

	if (rc != 0) {
		fprintf(stderr, "quantum-pcap: %s\n", protect_create_text(rc));
		return rc;
	}
	crypto = protect_provider(protect);
	derive();
	handshake();
	put_protected(0, 0, ping_padding);
	put_protected(WIRE_FLAG_ECE, 8, ack_info_floor);
	put_protected(0, 1, accept_frame);
	put_protected(0, 0, limits_credit);
	put_protected(0, 0, paths);
	put_protected(WIRE_FLAG_FIN, 0, close_frame);
	put_protected(WIRE_FLAG_PSH | WIRE_FLAG_URG, 2, data_frames);
	put_protected(WIRE_FLAG_FEC, 0, repair);
	put_protected(0, 0, unknown_frame);
	put_protected(0, 0, cut_frame);
	crypto_tx_keys_fini(&client_keys, crypto);
	crypto_tx_keys_fini(&server_keys, crypto);
	protect_destroy(protect);
	return 0;
}

int
main(int argc, char **argv)
{
	const bool live = argc == 5 && strcmp(argv[1], "--talk") == 0;
	int rc;

	if (argc != 4 && !live) {
		fprintf(stderr, "usage: quantum-pcap [--talk] FILE PORT KEYLOG\n");
		return 2;
	}
	argv += live;
	port = (uint16_t)strtoul(argv[2], NULL, 10);
	if (!capture_open(argv[1]) || keylog_open(argv[3]) != 0) {
		perror("quantum-pcap");
		return 1;
	}
	rc = live ? talk(port) : golden();
	if (keylog_close() != 0 || !capture_close()) {
		perror("quantum-pcap");
		return 1;
	}
	return rc == 0 ? 0 : 1;
}
