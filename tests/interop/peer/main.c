/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * interop-peer - one end of a Quantum connection on stdin and stdout: a command a line, an answer a
 * line. All randomness and all times come in with the commands, so the answers are a function of
 * them. Bytes are hexadecimal, "-" for none.
 *
 *   provider DIR GROUP                        token keys of that folder         ok
 *   server SEED RANDOM64 CIDKEY16 RESETKEY32 FIRST_PN                           ok
 *   client SEED C TOKEN PSK RANDOM16 DHSEED32 FIRST_PN                          ok
 *   now NS UNIX_MS                                                              ok
 *   in IP16 PORT DATAGRAM                     VERDICT, and the direct reply
 *   take                                      the next datagram, sealed
 *   send CHANNEL MESSAGE                      ok, or the name of an error
 *   event                                     the next event, or none
 *   close CODE TEXT                                                             ok
 *   tick                                      run timers; ns of the next one
 *   token TOKEN                               ok, or why the ring refuses it
 *   seal KEY32 IV12 NUMBER AAD TEXT           text and tag
 *   open KEY32 IV12 NUMBER AAD TEXT           ok and the text, or refused
 *   dh PRIVATE PUBLIC                         the shared value, or why not
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#include "line.h"
#include "world.h"

static struct world world;
static struct line line;

static void
do_server(void)
{
	const uint64_t seed = line_number(&line);
	struct world_random random;

	line_exact(&line, random.keys, sizeof(random.keys));
	line_exact(&line, random.cid_key, sizeof(random.cid_key));
	line_exact(&line, random.reset_key, sizeof(random.reset_key));
	world.conf.first_pn = line_number(&line);
	world_serve(&world, seed, &random);
	puts("ok");
}

static void
do_client(void)
{
	const uint64_t seed = line_number(&line);
	struct quantum_client_conf client = { .server = { .ip = { 2 }, .port = 2000 } };

	line_exact(&line, client.cid.b, sizeof(client.cid.b));
	line_exact(&line, client.token, sizeof(client.token));
	line_exact(&line, client.psk, sizeof(client.psk));
	line_exact(&line, client.random, sizeof(client.random));
	line_exact(&line, client.dh_seed, sizeof(client.dh_seed));
	world.conf.first_pn = line_number(&line);
	world_dial(&world, seed, &client);
	puts("ok");
}

static void
do_now(void)
{
	world.now.ns = line_number(&line);
	world.now.unix_ms = line_number(&line);
	puts("ok");
}

static void
do_in(void)
{
	static uint8_t data[LINE_MAX_BYTES / 2], out[WIRE_MTU_MAX];
	struct quantum_tx reply = { .data = out, .cap = sizeof(out) };
	struct quantum_addr from = { .zero = 0 };
	uint32_t len;
	enum quantum_verdict verdict;

	line_exact(&line, from.ip, sizeof(from.ip));
	from.port = (uint16_t)line_number(&line);
	len = (uint32_t)line_bytes(&line, data, sizeof(data));
	if (world.server == NULL && world.conn == NULL)
		line_fail("there is no end to take a datagram");
	verdict = world_in(&world, &from, data, len, &reply);
	fputs(quantum_verdict_name(verdict), stdout);
	putchar(' ');
	line_put(stdout, out, reply.len);
	putchar('\n');
}

static void
do_take(void)
{
	uint8_t data[WIRE_MTU_MAX];
	struct quantum_tx tx = { .data = data, .cap = sizeof(data) };

	if (!world_out(&world, &tx))
		tx.len = 0;
	line_put(stdout, data, tx.len);
	putchar('\n');
}

static void
do_send(void)
{
	uint8_t data[WIRE_MTU_MAX];
	const uint16_t channel = (uint16_t)line_number(&line);
	const uint32_t len = (uint32_t)line_bytes(&line, data, sizeof(data));
	const int err = world_send(&world, channel, data, len);

	puts(err == 0 ? "ok" : aef_err_name(err));
}

static void
put_message(const struct quantum_msg *msg)
{
	printf("MESSAGE %u %llu ", msg->channel, (unsigned long long)msg->message);
	if (msg->len == 0)
		putchar('-');
	for (struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next)
		if (seg->slice.len > 0)
			line_put(stdout, seg->slice.data, seg->slice.len);
	putchar('\n');
}

static void
do_event(void)
{
	struct quantum_event ev;

	if (world.conn == NULL || quantum_conn_poll(world.conn, &ev) != 0) {
		puts("none");
		return;
	}
	switch (ev.type) {
	case QUANTUM_EVENT_CONNECTED:
		puts("CONNECTED");
		break;
	case QUANTUM_EVENT_MESSAGE:
		put_message(&ev.msg);
		world_consume(&world, &ev.msg);
		break;
	case QUANTUM_EVENT_BUSY:
		printf("BUSY %u\n", ev.busy_ms);
		break;
	case QUANTUM_EVENT_CLOSED:
		printf("CLOSED %u %u %llu\n", ev.closed.why, ev.closed.by_peer,
		       (unsigned long long)ev.closed.code);
		break;
	default:
		puts("other");
	}
}

static void
do_close(void)
{
	const uint64_t code = line_number(&line);

	if (world.conn == NULL)
		line_fail("there is no connection to close");
	quantum_conn_close(world.conn, code, line_word(&line), world.now.ns);
	puts("ok");
}

static void
do_tick(void)
{
	if (world.conn == NULL) {
		puts("none");
		return;
	}
	quantum_conn_on_deadline(world.conn, world.now.ns);
	printf("%llu\n", (unsigned long long)quantum_conn_deadline_ns(world.conn));
}

static void
do_token(void)
{
	uint8_t bytes[CRYPTO_TOKEN_BYTES];
	struct crypto_token token;
	int err;

	line_exact(&line, bytes, sizeof(bytes));
	err = world.crypto->token_open(world.crypto->ctx, bytes, world.now.unix_ms, &token);
	puts(err == 0 ? "ok" : aef_err_name(err));
}

/* Seal or open one text. */
static void
do_aead(bool seal)
{
	static uint8_t aad[WIRE_MTU_MAX], text[WIRE_MTU_MAX + WIRE_TAG_BYTES];
	struct crypto_key key = { .slot = 0 };
	struct crypto_op op = { .key = &key, .aad = aad, .text = text };

	line_exact(&line, key.key, sizeof(key.key));
	line_exact(&line, key.iv, sizeof(key.iv));
	op.pn = line_number(&line);
	op.aad_len = (uint32_t)line_bytes(&line, aad, sizeof(aad));
	op.text_len = (uint32_t)line_bytes(&line, text, seal ? WIRE_MTU_MAX : sizeof(text));
	if (seal) {
		op.tag = text + op.text_len;
		world.crypto->seal(world.crypto->ctx, &op, 1);
		line_put(stdout, text, op.text_len + WIRE_TAG_BYTES);
	} else {
		if (op.text_len < WIRE_TAG_BYTES)
			line_fail("a sealed text has a tag");
		op.text_len -= WIRE_TAG_BYTES;
		op.tag = text + op.text_len;
		world.crypto->open(world.crypto->ctx, &op, 1);
		fputs(op.ok ? "ok " : "refused ", stdout);
		line_put(stdout, text, op.ok ? op.text_len : 0);
	}
	world.crypto->key_release(world.crypto->ctx, &key);
	putchar('\n');
}

static void
do_dh(void)
{
	uint8_t priv[CRYPTO_PRIV_BYTES], pub[CRYPTO_PUB_BYTES], shared[CRYPTO_SHARED_BYTES];
	int err;

	line_exact(&line, priv, sizeof(priv));
	line_exact(&line, pub, sizeof(pub));
	err = world.crypto->dh(world.crypto->ctx, priv, pub, shared);
	if (err != 0) {
		puts(aef_err_name(err));
		return;
	}
	line_put(stdout, shared, sizeof(shared));
	putchar('\n');
}

static void
do_provider(void)
{
	const char *dir = line_word(&line);

	world_provider(&world, dir, (uint16_t)line_number(&line));
	puts("ok");
}

static void
command(const char *name)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} commands[] = {
		{ "provider", do_provider }, { "server", do_server }, { "client", do_client },
		{ "now", do_now },           { "in", do_in },         { "take", do_take },
		{ "send", do_send },         { "event", do_event },   { "close", do_close },
		{ "tick", do_tick },         { "token", do_token },   { "dh", do_dh },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0) {
			commands[i].run();
			return;
		}
	if (strcmp(name, "seal") != 0 && strcmp(name, "open") != 0)
		line_fail("the command is unknown");
	do_aead(name[0] == 's');
}

int
main(void)
{
	while (line_read(&line, stdin)) {
		command(line_word(&line));
		fflush(stdout);
	}
	world_fini(&world);
	return 0;
}
