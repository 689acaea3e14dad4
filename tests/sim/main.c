/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim - the real engine in virtual time: many seeds, or one.
 *
 * Every run is a process of its own, so that a failed assertion is a result like any other.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define JOBS_MAX       16u
#define RUN_SECONDS    300u
#define TWICE_EVERY    50u
#define SHRINK_SECONDS 60
#define CANARY_SEEDS   50u

struct result {
	bool failed;
	uint64_t hash;
	uint64_t simulated_ns;
	struct sim_totals totals;
	char failure[512];
};

static double
wall_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static void
run_here(const struct sim_opts *opts, struct result *ret)
{
	struct sim_plan *plan = malloc(sizeof(*plan));
	struct sim_world *world;

	if (plan == NULL)
		abort();
	sim_plan_make(plan, opts);
	world = sim_world_create(plan, NULL);
	sim_world_run(world);
	ret->hash = sim_trace_hash(world);
	ret->simulated_ns = world->now_ns;
	sim_world_destroy(world);
	ret->failed = world->failed;
	ret->totals = world->totals;
	memcpy(ret->failure, world->failure, sizeof(ret->failure));
	free(world);
	free(plan);
}

struct job {
	pid_t pid;
	int fd;
	struct sim_opts opts;
};

static void
job_start(struct job *job, const struct sim_opts *opts)
{
	struct result result = { 0 };
	int fds[2];

	(void)fflush(stdout);
	if (pipe(fds) != 0) {
		perror("sim: pipe");
		exit(2);
	}
	job->opts = *opts;
	job->pid = fork();
	if (job->pid < 0) {
		perror("sim: fork");
		exit(2);
	}
	if (job->pid == 0) {
		(void)close(fds[0]);
		(void)alarm(RUN_SECONDS);
		run_here(opts, &result);
		(void)fflush(stdout);
		exit(write(fds[1], &result, sizeof(result)) == sizeof(result) ? 0 : 2);
	}
	(void)close(fds[1]);
	job->fd = fds[0];
}

/* Read what a finished child left, or say how it died. */
static void
job_result(struct job *job, int status, struct result *ret)
{
	size_t have = 0;
	ssize_t n;

	*ret = (struct result){ 0 };
	while (have < sizeof(*ret) &&
	       ((n = read(job->fd, (char *)ret + have, sizeof(*ret) - have)) > 0 ||
	        (n < 0 && errno == EINTR)))
		have += n > 0 ? (size_t)n : 0;
	(void)close(job->fd);
	job->pid = 0;
	if (have == sizeof(*ret) && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	ret->failed = true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		(void)snprintf(ret->failure, sizeof(ret->failure), "no end after %u s",
		               RUN_SECONDS);
	else if (WIFSIGNALED(status))
		(void)snprintf(ret->failure, sizeof(ret->failure), "died by signal %d",
		               WTERMSIG(status));
	else if (have < sizeof(*ret) || !ret->failed)
		(void)snprintf(ret->failure, sizeof(ret->failure), "ended with status %d",
		               WEXITSTATUS(status));
}

static void
run_apart(const struct sim_opts *opts, struct result *ret)
{
	struct job job;
	int status;

	job_start(&job, opts);
	/* The result fits into a pipe, so the child never waits for its reader. */
	while (waitpid(job.pid, &status, 0) < 0 && errno == EINTR)
		;
	job_result(&job, status, ret);
}

/* ---- a failure made small
 * ------------------------------------------------------------------------ */

static void
print_command(const char *what, const struct sim_opts *opts)
{
	printf("%s: sim --seed %llu", what, (unsigned long long)opts->seed);
	for (unsigned k = 0; k < SIM_NB_KEYS; k++)
		if (opts->value[k] != sim_key_default(k))
			printf(" --set %s=%u", sim_key_name(k), opts->value[k]);
	printf(" --verbose\n");
}

static bool
still_fails(struct sim_opts *best, enum sim_key key, uint32_t value, struct result *result)
{
	struct sim_opts try = *best;
	struct result r;

	if (try.value[key] == value)
		return false;
	try.value[key] = value;
	run_apart(&try, &r);
	if (!r.failed)
		return false;
	*best = try;
	*result = r;
	return true;
}

static void
shrink(const struct sim_opts *opts, struct result *result)
{
	static const uint32_t lengths[] = { 5, 10, 20, 40, 80 };
	const double until = wall_s() + SHRINK_SECONDS;
	struct sim_opts best = *opts;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)still_fails(&best, SIM_HEALTH, 20, result);
	for (unsigned i = 0; i < AEF_DIM(lengths) && wall_s() < until; i++)
		if (lengths[i] < best.value[SIM_TROUBLE] &&
		    still_fails(&best, SIM_TROUBLE, lengths[i], result))
			break;
	for (uint32_t n = 1; n <= 4 && wall_s() < until; n *= 2)
		if (still_fails(&best, SIM_CLIENTS, n, result))
			break;
	for (unsigned k = SIM_FIRST_FEATURE; k < SIM_NB_KEYS && wall_s() < until; k++)
		if (sim_key_default(k) == 1)
			(void)still_fails(&best, k, 0, result);
	for (uint32_t rate = 10; rate <= 100 && wall_s() < until; rate *= 10)
		if (still_fails(&best, SIM_RATE, rate, result))
			break;
	printf("  smallest: %s\n", result->failure);
	print_command("  again", &best);
}

/* ---- many seeds
 * ---------------------------------------------------------------------------------- */

struct tally {
	uint64_t passed, failed;
	double hours;
	struct sim_totals t;
	double start_s, last_print_s;
};

struct command {
	struct sim_opts opts;
	uint64_t seeds;
	unsigned jobs;
	uint64_t failures_max;
	bool no_shrink;
};

static void
add_totals(struct sim_totals *sum, const struct sim_totals *one)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)one;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		a[i] += b[i];
}

static void
take_result(struct tally *tally, const struct sim_opts *opts, struct result *r, bool do_shrink)
{
	struct result again;

	if (!r->failed && opts->seed % TWICE_EVERY == 0) {
		run_apart(opts, &again);
		if (again.failed || again.hash != r->hash) {
			r->failed = true;
			(void)snprintf(r->failure, sizeof(r->failure),
			               "two runs differ: trace hash %016llx and %016llx",
			               (unsigned long long)r->hash, (unsigned long long)again.hash);
		}
	}
	tally->hours += (double)r->simulated_ns / 3.6e12;
	add_totals(&tally->t, &r->totals);
	if (!r->failed) {
		tally->passed++;
		return;
	}
	tally->failed++;
	printf("FAIL seed %llu: %s\n", (unsigned long long)opts->seed, r->failure);
	print_command("  first", opts);
	if (do_shrink)
		shrink(opts, r);
	(void)fflush(stdout);
}

static void
progress(struct tally *tally, uint64_t nb, bool last)
{
	const double now = wall_s();
	const double spent = now - tally->start_s;

	if (!last && now - tally->last_print_s < 5)
		return;
	tally->last_print_s = now;
	fprintf(last ? stdout : stderr,
	        "%s%llu of %llu seeds, %.1f simulated hours, %.0f x real time\n",
	        last ? "figure: " : "", (unsigned long long)(tally->passed + tally->failed),
	        (unsigned long long)nb, tally->hours, spent > 0 ? tally->hours * 3600 / spent : 0);
}

static void
run_many(const struct command *cmd, struct tally *tally)
{
	const struct sim_opts *opts = &cmd->opts;
	uint64_t nb = cmd->seeds;
	struct job jobs[JOBS_MAX] = { { 0 } };
	uint64_t next = 0;
	unsigned running = 0;

	while (next < nb || running > 0) {
		struct sim_opts one = *opts;
		struct result result;
		int status;
		pid_t pid;

		if (tally->failed >= cmd->failures_max)
			nb = next;
		if (next < nb && running < cmd->jobs) {
			unsigned j = 0;

			while (jobs[j].pid != 0)
				j++;
			one.seed = opts->seed + next++;
			job_start(&jobs[j], &one);
			running++;
			continue;
		}
		if (running == 0)
			break;
		pid = wait(&status);
		for (unsigned j = 0; j < JOBS_MAX; j++) {
			if (pid <= 0 || jobs[j].pid != pid)
				continue;
			running--;
			job_result(&jobs[j], status, &result);
			take_result(tally, &jobs[j].opts, &result,
			            !cmd->no_shrink && cmd->jobs == 1 && tally->failed == 0);
		}
		progress(tally, nb, false);
	}
}

static void
print_totals(const struct sim_totals *t)
{
	printf("figure: %llu datagrams, %llu messages sent, %llu delivered, %llu refused, "
	       "%llu sessions, %llu address changes\n",
	       (unsigned long long)t->datagrams, (unsigned long long)t->messages,
	       (unsigned long long)t->delivered, (unsigned long long)t->refused,
	       (unsigned long long)t->sessions, (unsigned long long)t->moves);
	printf("figure: %llu declared lost, %llu of them spurious, %llu repaired by FEC, "
	       "%.1f %% of data sent again\n",
	       (unsigned long long)t->lost, (unsigned long long)t->spurious,
	       (unsigned long long)t->recovered,
	       t->data_bytes > 0 ? 100.0 * (double)t->retransmitted_bytes / (double)t->data_bytes
	                         : 0);
	printf("figure: ends closed by application %llu, idle %llu, reset %llu, handshake %llu, "
	       "refused %llu\n",
	       (unsigned long long)t->closes[QUANTUM_CLOSE_APP],
	       (unsigned long long)t->closes[QUANTUM_CLOSE_IDLE],
	       (unsigned long long)t->closes[QUANTUM_CLOSE_RESET],
	       (unsigned long long)t->closes[QUANTUM_CLOSE_HANDSHAKE],
	       (unsigned long long)t->closes[QUANTUM_CLOSE_REFUSED]);
}

/* ---- command line
 * --------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("sim --seeds N [--from S] [--jobs J] [--keep-going]   N seeds from S (1) on\n"
	       "sim --seed N [--verbose] [--no-shrink]               one seed\n"
	       "sim --canary                                         a fixed set, about 40 s\n"
	       "  --set key=value, any number of times:\n");
	for (unsigned k = 0; k < SIM_NB_KEYS; k++)
		printf("    %-10s %3u  %s\n", sim_key_name(k), sim_key_default(k), sim_key_help(k));
}

static bool
parse(struct command *cmd, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--verbose") == 0)
			cmd->opts.verbose = true;
		else if (strcmp(argv[i], "--keep-going") == 0)
			cmd->failures_max = UINT64_MAX;
		else if (strcmp(argv[i], "--no-shrink") == 0)
			cmd->no_shrink = true;
		else if (strcmp(argv[i], "--canary") == 0) {
			cmd->seeds = CANARY_SEEDS;
			cmd->failures_max = 1;
			cmd->no_shrink = true;
		} else if (value == NULL)
			return false;
		else if (strcmp(argv[i], "--seeds") == 0)
			cmd->seeds = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--from") == 0)
			cmd->opts.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--jobs") == 0)
			cmd->jobs = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--set") != 0 || !sim_opts_set(&cmd->opts, argv[++i]))
			return false;
	}
	return cmd->jobs >= 1 && cmd->jobs <= JOBS_MAX;
}

int
main(int argc, char **argv)
{
	struct command cmd = { .seeds = 1, .jobs = 1, .failures_max = 3 };
	struct tally tally = { .start_s = wall_s(), .last_print_s = wall_s() };

	sim_opts_default(&cmd.opts);
	cmd.opts.seed = 1;
	if (!parse(&cmd, argc, argv)) {
		usage();
		return 2;
	}
	if (cmd.seeds == 1 && (cmd.opts.verbose || cmd.no_shrink)) {
		struct result result;

		run_apart(&cmd.opts, &result);
		printf("%s seed %llu: %s, trace hash %016llx\n", result.failed ? "FAIL" : "ok",
		       (unsigned long long)cmd.opts.seed, result.failed ? result.failure : "passed",
		       (unsigned long long)result.hash);
		print_totals(&result.totals);
		printf("%d passed, %d failed\n", !result.failed, result.failed);
		return result.failed;
	}
	run_many(&cmd, &tally);
	progress(&tally, cmd.seeds, true);
	print_totals(&tally.t);
	printf("%llu passed, %llu failed\n", (unsigned long long)tally.passed,
	       (unsigned long long)tally.failed);
	return tally.failed > 0;
}
