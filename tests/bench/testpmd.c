/* SPDX-License-Identifier: BSD-3-Clause */
#include "testpmd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ANSWER_MS 10000
#define WARM_NS   20000000
#define PROMPT    "testpmd> "

struct testpmd {
	pid_t pid;
	int to, from;
	size_t len;
	char out[65536]; /* since the last command */
};

/* Read until the prompt. False: it ended, or took too long. */
static bool
await(struct testpmd *t)
{
	const uint64_t end = bench_now_ns() + (uint64_t)ANSWER_MS * 1000000;
	struct pollfd fd = { .fd = t->from, .events = POLLIN };

	t->len = 0;
	for (;;) {
		const uint64_t now = bench_now_ns();
		ssize_t got;

		if (now >= end || poll(&fd, 1, (int)((end - now) / 1000000) + 1) <= 0)
			return false;
		got = read(t->from, t->out + t->len, sizeof(t->out) - 1 - t->len);
		if (got <= 0 || t->len + (size_t)got >= sizeof(t->out) - 1)
			return false;
		t->len += (size_t)got;
		t->out[t->len] = '\0';
		if (t->len >= strlen(PROMPT) &&
		    strcmp(t->out + t->len - strlen(PROMPT), PROMPT) == 0)
			return true;
	}
}

static bool
command(struct testpmd *t, const char *text)
{
	char line[64];
	const int len = snprintf(line, sizeof(line), "%s\n", text);

	return write(t->to, line, (size_t)len) == len && await(t);
}

static void
child(int in, int out)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "--file-prefix=aefb%d", (int)getpid());
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	/* It writes its prompt at once, but its answers when a buffer is full. */
	execlp("stdbuf", "stdbuf", "-o0", "dpdk-testpmd", "-l", "0,1", "--no-huge", "-m", "128",
	       "--no-pci", "--no-shconf", "--no-telemetry", prefix, "--vdev=net_ring0", "--", "-i",
	       "--total-num-mbufs=4096", "--nb-cores=1", (char *)NULL);
	_exit(127);
}

struct testpmd *
testpmd_open(void)
{
	struct testpmd *t = bench_alloc(sizeof(*t));
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return NULL;
	signal(SIGPIPE, SIG_IGN); /* a child that is gone is an answer */
	t->pid = fork();
	if (t->pid == 0)
		child(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	t->to = in[1];
	t->from = out[0];
	if (t->pid > 0 && await(t))
		return t;
	testpmd_close(t);
	return NULL;
}

/* Packets received so far and CPU time of the child; its one forwarding lcore polls all the time.
 */
static bool
look(struct testpmd *t, struct bench_sample *ret)
{
	struct timespec ts;
	clockid_t clock;
	const char *at;

	if (!command(t, "show port stats 0"))
		return false;
	at = strstr(t->out, "RX-packets:");
	if (at == NULL || clock_getcpuclockid(t->pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		return false;
	ret->ops = strtoull(at + strlen("RX-packets:"), NULL, 10);
	ret->ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return true;
}

struct bench_sample
testpmd_run(struct testpmd *t, const char *mode, uint64_t ns)
{
	const struct timespec warm = { 0, WARM_NS };
	const struct timespec round = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	struct bench_sample begin = { 0 }, end = { 0 };
	char set[32];
	bool ok;

	snprintf(set, sizeof(set), "set fwd %s", mode);
	/* One burst of 32 goes round and round; a start throws away what the ring held. */
	ok = command(t, set) && command(t, "start tx_first 1");
	(void)nanosleep(&warm, NULL);
	ok = ok && look(t, &begin);
	(void)nanosleep(&round, NULL);
	ok = ok && look(t, &end);
	if (!command(t, "stop") || !ok)
		return (struct bench_sample){ 0, 0 };
	return (struct bench_sample){ end.ops - begin.ops, end.ns - begin.ns };
}

void
testpmd_close(struct testpmd *t)
{
	if (t == NULL)
		return;
	if (t->pid > 0) {
		(void)!write(t->to, "quit\n", 5);
		for (unsigned i = 0; i < 50 && waitpid(t->pid, NULL, WNOHANG) == 0; i++) {
			const struct timespec wait = { 0, 100000000 };

			(void)nanosleep(&wait, NULL);
			if (i == 49) {
				kill(t->pid, SIGKILL);
				(void)waitpid(t->pid, NULL, 0);
			}
		}
	}
	close(t->to);
	close(t->from);
	free(t);
}
