/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steady - what the lcores do once everything stands: N packets in the busy-poll profile on
 * net_ring, in which the transport lcore and the worker must make no allocation and no system call,
 * copy nothing on receive, and on transmit at most the payload.
 *
 *   main thread: two clients  <-- net_ring -->  lcore 1: transport   lcore 2: worker
 *
 * One client's messages are sunk, the other one's come back. With fewer than three CPUs one lcore
 * polls transport and worker in turn. After the warm-up each lcore arms its watch (watch.h), proves
 * that it sees, and is then never let out of it: at the end the process exits under it.
 *
 *   steady [--packets N] [--lcores 1|2]     default 1000000
 *
 * The last line is "N passed, N failed"; exit code 1 when something failed.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include <base/err.h>
#include <dpio/eal.h>

#include "appliance.h"
#include "peer.h"
#include "protection.h"
#include "service.h"
#include "watch.h"

#define NB_PEERS   2u
#define MSG_BYTES  1000u
#define SEND_BURST 32u
#define WARM_PKTS  20000u
#define KEYS_MAX   64u
#define SILENCE_NS (10 * AEF_NS_PER_S)

enum phase { PHASE_WARM, PHASE_ARM, PHASE_PARK };

/* One lcore of ours and what it polls. */
struct lcore {
	struct pipeline_lcore *transport; /* or NULL */
	struct worker *worker;            /* or NULL */
	struct watch watch;
	bool sees;                                /* the control */
	alignas(AEF_CACHE_LINE) atomic_int state; /* last phase reached; -1: cannot be armed */
};

static struct protection protection;
static struct appliance appliance;
static struct peer peers[NB_PEERS];
static struct lcore lcores[2];
static unsigned nb_lcores;
static atomic_int phase;
static struct delivery_clock clock_;
static uint8_t message[MSG_BYTES];
static unsigned nb_passed, nb_failed;

static void
expect(bool ok, const char *what)
{
	printf("%s  %s\n", ok ? "ok    " : "FAILED", what);
	*(ok ? &nb_passed : &nb_failed) += 1;
}

/* ---- lcores -----------------------------------------------------------------------------------
 */

static void
poll_until(const struct lcore *l, enum phase until)
{
	while (atomic_load_explicit(&phase, memory_order_relaxed) < (int)until) {
		if (l->transport != NULL)
			pipeline_lcore_poll(l->transport);
		if (l->worker != NULL)
			worker_poll(l->worker);
	}
}

static int
lcore_main(void *arg)
{
	struct lcore *l = arg;

	poll_until(l, PHASE_ARM);
	if (watch_arm(&l->watch) != 0) {
		atomic_store(&l->state, -1);
		return 0;
	}
	l->sees = watch_control();
	atomic_store(&l->state, PHASE_ARM);
	poll_until(l, PHASE_PARK);
	atomic_store(&l->state, PHASE_PARK);
	for (;;) /* returning would need a system call */
		rte_pause();
	return 0;
}

static bool
wait_state(int state)
{
	for (unsigned i = 0; i < nb_lcores; i++)
		while (atomic_load(&lcores[i].state) != state) {
			if (atomic_load(&lcores[i].state) < 0)
				return false;
			rte_pause();
		}
	return true;
}

/* ---- the clients' side ------------------------------------------------------------------------
 */

static void
peers_rx(uint64_t now_ns)
{
	void *frames[DPIO_BURST];
	const unsigned nb = rte_ring_dequeue_burst(appliance.wire_out, frames, DPIO_BURST, NULL);

	for (unsigned i = 0; i < nb; i++) {
		unsigned p = 0;

		while (p < NB_PEERS && !peer_rx(&peers[p], frames[i], now_ns))
			p++;
		if (p == NB_PEERS)
			rte_pktmbuf_free(frames[i]);
	}
}

static void
peer_step(struct peer *p, uint16_t channel, uint64_t now_ns)
{
	struct rte_mbuf *frames[DPIO_BURST];
	unsigned nb;

	peer_run(p, now_ns);
	for (unsigned i = 0; p->connected && i < SEND_BURST; i++)
		if (peer_send(p, channel, message, sizeof(message), now_ns) != 0)
			break;
	/* What the ring has no room for stays in the engine. */
	nb = rte_ring_free_count(appliance.wire_in);
	nb = peer_tx(p, frames, nb < DPIO_BURST ? nb : DPIO_BURST, now_ns);
	(void)rte_ring_enqueue_bulk(appliance.wire_in, (void *const *)frames, nb, NULL);
}

static uint64_t
pkts_received(void)
{
	return pipeline_lcore_burst(appliance.lcore, 0)->stats.rx_pkts;
}

/* Until the transport lcore has received @p nb packets more. @return false: nothing moves */
static bool
exchange(uint64_t nb)
{
	const uint64_t end = pkts_received() + nb;
	uint64_t last = 0, since_ns = delivery_now_ns(&clock_);

	while (pkts_received() < end) {
		const uint64_t now_ns = delivery_now_ns(&clock_);

		(void)pipeline_handshaker_poll(appliance.handshaker,
		                               protect_provider(protection.handshake));
		peers_rx(now_ns);
		peer_step(&peers[0], STEADY_SINK, now_ns);
		peer_step(&peers[1], STEADY_ECHO, now_ns);
		if (pkts_received() != last) {
			last = pkts_received();
			since_ns = now_ns;
		} else if (now_ns - since_ns > SILENCE_NS) {
			return false;
		}
	}
	return true;
}

/* ---- start and verdict ------------------------------------------------------------------------
 */

static int
start(struct delivery_tsc *tsc, struct aef_text *error)
{
	struct appliance_conf conf = {
		.name = "steady", .service = &steady_service, .conns = 16, .handshaker = true
	};
	struct peer_keys keys;
	struct dpio_conf eal;
	int rc;

	dpio_conf_defaults(&eal);
	eal.hugepages = DPIO_HUGEPAGES_NEVER;
	eal.memory_mb = 384;
	eal.lcores = (uint16_t)(1 + nb_lcores);
	rc = dpio_eal_start(&eal, error);
	if (rc != 0)
		return rc;
	clock_ = delivery_clock_tsc(tsc);
	conf.clock = clock_;
	rc = protection_open(&protection, KEYS_MAX);
	if (rc != 0) {
		aef_text_printf(error, "%s", protect_create_text(rc));
		return rc;
	}
	conf.provider = protect_provider(protection.server);
	keys.provider = protect_provider(protection.client);
	keys.issuer = protection.client;
	rc = appliance_open(&appliance, &conf, error);
	for (unsigned i = 0; rc == 0 && i < NB_PEERS; i++) {
		const uint64_t now_ns = delivery_now_ns(&clock_);

		rc = peer_open(&peers[i], i + 2, &keys, &appliance.port.local, appliance.pool.mp,
		               now_ns, delivery_unix_ms(&clock_, now_ns));
	}
	return rc;
}

static void
launch(void)
{
	unsigned lcore_id = rte_get_next_lcore(UINT32_MAX, 1, 0);

	lcores[0].transport = appliance.lcore;
	lcores[nb_lcores - 1].worker = appliance.worker;
	for (unsigned i = 0; i < nb_lcores; i++) {
		rte_eal_remote_launch(lcore_main, &lcores[i], lcore_id);
		lcore_id = rte_get_next_lcore(lcore_id, 1, 0);
	}
}

struct sums {
	struct quantum_stats sink, echo;
};

static void
add_conn(void *ctx, uint64_t handle, const struct quantum_conn *conn)
{
	struct sums *sums = ctx;
	struct quantum_stats stats;

	(void)handle;
	quantum_conn_stats(conn, &stats);
	*(stats.tx_msgs > 0 ? &sums->echo : &sums->sink) = stats;
}

static void
judge_lcore(unsigned i)
{
	const struct watch *w = &lcores[i].watch;
	char text[160];

	expect(lcores[i].sees, "control: a system call, an allocation and a copy were seen");
	if (watch_counts_allocs()) {
		snprintf(text, sizeof(text), "lcore %u: %" PRIu64 " allocations", i + 1, w->allocs);
		expect(w->allocs == 0, text);
	}
	snprintf(text, sizeof(text), "lcore %u: %" PRIu64 " system calls (first: %d)", i + 1,
	         w->syscalls, w->first_syscall);
	expect(w->syscalls == 0, text);
}

static void
judge(uint64_t nb_pkts, uint64_t ns, uint64_t tx_before)
{
	const uint64_t tx = pipeline_lcore_burst(appliance.lcore, 0)->stats.tx_pkts - tx_before;
	struct sums sums = { 0 };
	uint64_t seen = 0, payload;
	char text[200];

	pipeline_lcore_each(appliance.lcore, add_conn, &sums);
	printf("%" PRIu64 " packets received, %" PRIu64 " sent, in %.2f s (%.2f M/s both ways)\n",
	       nb_pkts, tx, (double)ns / 1e9, (double)(nb_pkts + tx) * 1e3 / (double)ns);
	for (unsigned i = 0; i < nb_lcores; i++) {
		judge_lcore(i);
		seen += lcores[i].watch.copied_bytes;
	}
	snprintf(text, sizeof(text),
	         "received only: copy helper counts %" PRIu64 " bytes for %" PRIu64 " delivered",
	         sums.sink.copied_bytes, sums.sink.rx_data_bytes);
	expect(sums.sink.copied_bytes == 0 && sums.sink.rx_data_bytes > 0, text);
	payload = sums.echo.tx_bytes - sums.echo.tx_pkts * (WIRE_HEADER_BYTES + WIRE_TAG_BYTES);
	snprintf(text, sizeof(text),
	         "echoed: copy helper counts %" PRIu64 " bytes for %" PRIu64 " of payload sent",
	         sums.echo.copied_bytes, payload);
	expect(sums.echo.copied_bytes <= payload && sums.echo.tx_data_bytes > 0, text);
	snprintf(text, sizeof(text),
	         "lcores: %" PRIu64 " bytes in copies of %u and more, of both directions", seen,
	         WATCH_COPY_MIN);
	expect(seen <= sums.echo.copied_bytes, text);
}

static int
finish(void)
{
	printf("%u passed, %u failed\n", nb_passed, nb_failed);
	fflush(stdout);
	_exit(nb_failed == 0 ? 0 : 1); /* lcores that cannot return end with the process */
}

static bool
parse(int argc, char **argv, uint64_t *nb_pkts)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--packets") == 0)
			*nb_pkts = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--lcores") == 0)
			nb_lcores = (unsigned)strtoul(argv[i + 1], NULL, 0);
		else
			return false;
	}
	return *nb_pkts > 0 && (nb_lcores == 1 || nb_lcores == 2);
}

int
main(int argc, char **argv)
{
	static struct delivery_tsc tsc;
	char buf[300] = "";
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	uint64_t nb_pkts = 1000000, begin_ns, tx_before;

	nb_lcores = sysconf(_SC_NPROCESSORS_ONLN) >= 3 ? 2 : 1;
	if (!parse(argc, argv, &nb_pkts)) {
		printf("usage: %s [--packets N] [--lcores 1|2]\n", argv[0]);
		return 2;
	}
	if (start(&tsc, &error) != 0) {
		printf("steady: cannot start: %s\n0 passed, 1 failed\n", buf);
		return 1;
	}
	launch();
	expect(exchange(WARM_PKTS), "warm-up");
	atomic_store(&phase, PHASE_ARM);
	expect(wait_state(PHASE_ARM), "every lcore is under its seccomp filter");
	if (nb_failed > 0)
		return finish();
	begin_ns = delivery_now_ns(&clock_);
	tx_before = pipeline_lcore_burst(appliance.lcore, 0)->stats.tx_pkts;
	expect(exchange(nb_pkts), "packets go on under it");
	begin_ns = delivery_now_ns(&clock_) - begin_ns;
	atomic_store(&phase, PHASE_PARK);
	(void)wait_state(PHASE_PARK);
	judge(nb_pkts, begin_ns, tx_before);
	return finish();
}
