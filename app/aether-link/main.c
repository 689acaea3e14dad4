/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aether-link: a network link between two interfaces, in user space.
 *
 *   [ns A] veth --- left |aether-link| right --- veth [ns B]
 *
 * For kernels without netem. One thread: wait, receive a burst from each side into the link towards
 * the other, send what is due. Exit code 0 after its time or a signal, 1 when something failed, 2
 * for a bad command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <link/link.h>

#include "options.h"
#include "port.h"

#define RX_BURST 64 /* frames of one side before the other and the deliveries get their turn */

struct direction {
	const char *name;
	struct link link;
	struct aef_pool frames;
	struct frame *spare; /* the next frame is received into this one */
	struct port *from;
	struct port *to;
	void *link_mem;
	void *frame_mem;
	bool warned;
};

struct emulator {
	struct port left, right;
	struct direction dirs[2];
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t next_stats_ns;
	uint64_t stats_ns;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static uint64_t
clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int
direction_init(struct direction *dir, const struct link_conf *conf, uint64_t seed, uint32_t slots,
               uint64_t now_ns)
{
	/* One more than the link holds, so that there is always one to receive into. */
	const uint32_t nb_frames = slots + 1;

	dir->link_mem = malloc(link_mem_bytes(slots));
	dir->frame_mem = malloc(aef_pool_mem_bytes(sizeof(struct frame), nb_frames));
	if (dir->link_mem == NULL || dir->frame_mem == NULL)
		return AEF_ERR_NOMEM;
	aef_pool_init(&dir->frames, dir->name, dir->frame_mem, sizeof(struct frame), nb_frames);
	dir->spare = aef_pool_get(&dir->frames);
	return link_init(&dir->link, conf, seed, now_ns, dir->link_mem, slots);
}

/* Frames from one side into its link. @return false when the interface is gone */
static bool
receive(struct direction *dir, uint64_t now_ns)
{
	for (unsigned i = 0; i < RX_BURST; i++) {
		struct frame *f = dir->spare;
		const int len = port_recv(dir->from, f);

		if (len == AEF_ERR_AGAIN)
			return true;
		if (len < 0)
			return false;
		if (len == 0)
			continue;

		const uint8_t *data = f->buf + f->off;
		const uint32_t flags = frame_is_ect(data, (uint32_t)len) ? LINK_SEND_ECT : 0;

		/* Any drop leaves the frame with us, to be used again for the next one. */
		if (link_send(&dir->link, now_ns, f, (uint32_t)len, flags) == LINK_TAKEN)
			dir->spare = aef_pool_get(&dir->frames);
	}
	return true;
}

static void
deliver(struct direction *dir, uint64_t now_ns)
{
	struct link_delivery d;

	while (link_pop(&dir->link, now_ns, &d)) {
		struct frame *f = d.pkt;
		uint8_t *data = f->buf + f->off;

		if (d.ce)
			frame_set_ce(data, d.len);
		/* Another copy may still be on its way: flip, send, flip back. */
		link_flip(&d, data, d.cut_len);
		port_send(dir->to, data, d.cut_len);
		link_flip(&d, data, d.cut_len);
		if (d.last)
			aef_pool_put(&dir->frames, f);
	}
}

static void
print_stats(const struct emulator *emu, uint64_t now_ns)
{
	for (size_t i = 0; i < AEF_DIM(emu->dirs); i++) {
		const struct direction *dir = &emu->dirs[i];
		const struct link_stats *st = &dir->link.stats;

		printf("%6.1f s %-8s sent %llu (%llu bytes) delivered %llu in-flight %u lost",
		       (double)(now_ns - emu->start_ns) / 1e9, dir->name,
		       (unsigned long long)st->sent, (unsigned long long)st->sent_bytes,
		       (unsigned long long)st->delivered, link_in_flight(&dir->link));
		for (unsigned v = LINK_TAKEN + 1; v < LINK_NB_VERDICTS; v++)
			printf(" %s %llu", link_verdict_name(v),
			       (unsigned long long)st->verdicts[v]);
		printf(" dup %llu reordered %llu corrupted %llu truncated %llu ce %llu queue-max "
		       "%llu",
		       (unsigned long long)st->duplicated, (unsigned long long)st->reordered,
		       (unsigned long long)st->corrupted, (unsigned long long)st->truncated,
		       (unsigned long long)st->ce_marked, (unsigned long long)st->queue_bytes_max);
		printf(" too-long %llu rx-errors %llu tx-errors %llu\n",
		       (unsigned long long)dir->from->rx_too_long,
		       (unsigned long long)dir->from->rx_errors,
		       (unsigned long long)dir->to->tx_errors);
	}
	fflush(stdout);
}

static void
warn_once(struct direction *dir)
{
	if (dir->warned || dir->from->rx_too_long == 0)
		return;
	dir->warned = true;
	fprintf(stderr,
	        "aether-link: frames from %s are dropped because they are above %u bytes or not "
	        "yet "
	        "segmented: ethtool -K DEV tso off gso off gro off on the interface behind it.\n",
	        dir->from->name, FRAME_MAX);
}

/* Sleep until a frame, a delivery, a statistics line, the end or a signal. */
static int
wait_for_work(struct emulator *emu, uint64_t now_ns, const sigset_t *mask)
{
	struct pollfd fds[2] = { { .fd = emu->left.fd, .events = POLLIN },
		                 { .fd = emu->right.fd, .events = POLLIN } };
	uint64_t until_ns = aef_min_u64(emu->end_ns, emu->next_stats_ns);

	for (size_t i = 0; i < AEF_DIM(emu->dirs); i++)
		until_ns = aef_min_u64(until_ns, link_next_ns(&emu->dirs[i].link));

	const uint64_t left_ns = aef_min_u64(aef_sub_sat_u64(until_ns, now_ns), AEF_NS_PER_S);
	const struct timespec timeout = { .tv_sec = (time_t)(left_ns / AEF_NS_PER_S),
		                          .tv_nsec = (long)(left_ns % AEF_NS_PER_S) };

	return ppoll(fds, 2, &timeout, mask) < 0 && errno != EINTR ? AEF_ERR_IO : 0;
}

static int
run(struct emulator *emu, const sigset_t *mask)
{
	uint64_t now_ns = clock_ns();

	while (!stopped && now_ns < emu->end_ns) {
		if (wait_for_work(emu, now_ns, mask) != 0) {
			fprintf(stderr, "aether-link: cannot wait for frames: %s.\n",
			        strerror(errno));
			return 1;
		}
		now_ns = clock_ns();
		for (size_t i = 0; i < AEF_DIM(emu->dirs); i++) {
			if (!receive(&emu->dirs[i], now_ns)) {
				fprintf(stderr, "aether-link: interface %s is gone.\n",
				        emu->dirs[i].from->name);
				return 1;
			}
			warn_once(&emu->dirs[i]);
		}
		for (size_t i = 0; i < AEF_DIM(emu->dirs); i++)
			deliver(&emu->dirs[i], now_ns);
		if (now_ns >= emu->next_stats_ns) {
			print_stats(emu, now_ns);
			emu->next_stats_ns += emu->stats_ns;
		}
	}
	return 0;
}

static int
emulator_init(struct emulator *emu, const struct options *o)
{
	uint64_t seed = o->seed;
	char err[256];

	emu->left.fd = emu->right.fd = -1;
	if (port_open(&emu->left, o->left, err, sizeof(err)) != 0 ||
	    port_open(&emu->right, o->right, err, sizeof(err)) != 0) {
		fprintf(stderr, "aether-link: %s\n", err);
		return 1;
	}
	emu->start_ns = clock_ns();
	emu->end_ns =
		o->duration_s != 0 ? emu->start_ns + o->duration_s * AEF_NS_PER_S : AEF_TIME_NEVER;
	emu->stats_ns = o->stats_s * AEF_NS_PER_S;
	emu->next_stats_ns = o->stats_s != 0 ? emu->start_ns + emu->stats_ns : AEF_TIME_NEVER;
	emu->dirs[0] =
		(struct direction){ .name = "to-right", .from = &emu->left, .to = &emu->right };
	emu->dirs[1] =
		(struct direction){ .name = "to-left", .from = &emu->right, .to = &emu->left };
	for (size_t i = 0; i < AEF_DIM(emu->dirs); i++) {
		const int rc = direction_init(&emu->dirs[i], i == 0 ? &o->to_right : &o->to_left,
		                              aef_splitmix64(&seed), o->slots, emu->start_ns);

		if (rc != 0) {
			fprintf(stderr, "aether-link: %s: choose fewer --slots.\n",
			        rc == AEF_ERR_NOMEM ? "there is not enough memory"
			                            : aef_err_text(rc));
			return 1;
		}
	}
	return 0;
}

static void
emulator_fini(struct emulator *emu)
{
	for (size_t i = 0; i < AEF_DIM(emu->dirs); i++) {
		free(emu->dirs[i].link_mem);
		free(emu->dirs[i].frame_mem);
	}
	port_close(&emu->left);
	port_close(&emu->right);
}

/*
 * Whoever starts us with a standard stream closed would have the next file that is opened, a socket
 * or a device, read as input or written to as output.
 */
static void
standard_fds_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	static struct emulator emu;
	const struct sigaction action = { .sa_handler = on_signal };
	struct options options;
	sigset_t blocked, before;
	int rc;

	standard_fds_open();
	if (!options_parse(argc, argv, &options, &rc))
		return rc;

	/* Signals arrive in ppoll() only, so none is missed between the test and the sleep. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigdelset(&before, SIGINT);
	sigdelset(&before, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul,
	      0ul); /* the default, 50 us, is added to each delay */

	rc = emulator_init(&emu, &options);
	if (rc == 0) {
		printf("aether-link: forwarding between %s and %s, seed %llu\n", emu.left.name,
		       emu.right.name, (unsigned long long)options.seed);
		fflush(stdout);
		rc = run(&emu, &before);
		print_stats(&emu, clock_ns());
	}
	emulator_fini(&emu);
	return rc;
}
