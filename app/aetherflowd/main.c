/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aetherflowd: the appliance. Reads one file, starts ports and lcores, runs until SIGINT or
 * SIGTERM; SIGHUP opens the audit log again.
 *
 * Exit code 0 after a signal (or a good --check), 1 when something could not be started, 2 for a
 * bad command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>

#include "aetherflowd.h"

#define SHUT_MS     3000u
#define STATS_BYTES 65536u
#define EVENTS_NS   (100 * AEF_NS_PER_MS) /* between two looks at the lcores' events */

struct options {
	const char *config;
	const char *list;
	bool check;
	uint32_t stats_s; /* 0: none */
};

static void
usage(FILE *out)
{
	fputs("Usage: aetherflowd --config FILE [--stats SECONDS]\n"
	      "       aetherflowd --check FILE\n"
	      "  -c, --config FILE    run with this configuration\n"
	      "      --check FILE     read and judge a configuration, start nothing\n"
	      "      --stats SECONDS  print counters that often to standard error\n"
	      "      --list WHAT      print every key, metric or verdict: keys, metrics, verdicts\n"
	      "      --version        print the version\n"
	      "  -h, --help           this text\n"
	      "A documented example is drivers-conf/aetherflowd.example.yaml.\n",
	      out);
}

static int
bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "aetherflowd: %s%s%s%s; see aetherflowd --help.\n", what,
	        arg != NULL ? " '" : "", arg != NULL ? arg : "", arg != NULL ? "'" : "");
	return 2;
}

/* @return -1 to go on, else the exit code */
static int
options_parse(struct options *opt, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'k' },
		{ "stats", required_argument, NULL, 's' },
		{ "list", required_argument, NULL, 'l' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *end;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
		case 'k':
			opt->config = optarg;
			opt->check = c == 'k';
			break;
		case 's':
			opt->stats_s = (uint32_t)strtoul(optarg, &end, 10);
			if (*end != '\0' || opt->stats_s == 0 || opt->stats_s > 86400)
				return bad_usage("--stats wants 1 to 86400 seconds, not", optarg);
			break;
		case 'l':
			opt->list = optarg;
			break;
		case 'V':
			puts("aetherflowd " AEF_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		case ':':
			return bad_usage("a value is missing after", argv[optind - 1]);
		default:
			return bad_usage("unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return bad_usage("unexpected argument", argv[optind]);
	if (opt->list != NULL) {
		c = node_list(opt->list);
		return c == 2 ? bad_usage("--list wants keys, metrics or verdicts, not", opt->list)
		              : c;
	}
	if (opt->config == NULL)
		return bad_usage("--config FILE is missing", NULL);
	return -1;
}

static uint64_t
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static void
stats_print(void)
{
	static char buf[STATS_BYTES];
	struct aef_text text = aef_text_make(buf, sizeof(buf));

	node_stats_text(&text);
	fputs(buf, stderr);
}

static void
on_second(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	(void)now_ns;
	node_tick(now_s());
	audit_tick();
}

static void
on_events(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	audit_drain(now_ns / AEF_NS_PER_S);
}

static void
on_stats(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	(void)now_ns;
	stats_print();
}

static void
audit_move(void)
{
	char buf[512];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	if (audit_reopen(&error) < 0)
		AEF_LOG(AEF_LOG_ERROR, "audit", "%s", buf);
}

/* Signals are blocked in all threads and read here, so nothing runs inside a handler. */
static void
on_signal(void *ctx, uint32_t events)
{
	const int *fd = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(*fd, &info, sizeof(info)) != sizeof(info))
		return; /* none left: it does not block */
	if (info.ssi_signo == SIGHUP) {
		audit_move();
		return;
	}
	node.stop_why = info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM";
	control_loop_stop(node.loop);
}

/* @return exit code */
static int
run(const struct options *opt, const sigset_t *signals)
{
	int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	int rc = fd >= 0 ? control_loop_fd_add(node.loop, fd, EPOLLIN, on_signal, &fd) : AEF_ERR_IO;

	if (rc == 0)
		rc = control_loop_timer_add(node.loop, AEF_NS_PER_S, AEF_NS_PER_S, on_second, NULL,
		                            NULL);
	if (rc == 0)
		rc = control_loop_timer_add(node.loop, EVENTS_NS, EVENTS_NS, on_events, NULL, NULL);
	if (rc == 0 && opt->stats_s > 0)
		rc = control_loop_timer_add(node.loop, opt->stats_s * AEF_NS_PER_S,
		                            opt->stats_s * AEF_NS_PER_S, on_stats, NULL, NULL);
	if (rc == 0)
		rc = control_loop_run(node.loop);
	if (rc < 0) {
		fprintf(stderr, "aetherflowd: the event loop failed: %s.\n", aef_err_text(rc));
		node.stop_why = "event loop failed";
	}
	node_shut(SHUT_MS);
	audit_drain(now_s());
	audit_suppressed();
	if (opt->stats_s > 0)
		stats_print();
	if (fd >= 0) {
		control_loop_fd_del(node.loop, fd);
		(void)close(fd);
	}
	return rc < 0 ? 1 : 0;
}

static int
serve(const struct options *opt, struct aef_config *config, const sigset_t *signals)
{
	struct aef_runtime rt;
	char buf[512];
	struct aef_text banner = aef_text_make(buf, sizeof(buf));
	int rc = aef_runtime_start(&rt, modules, config, &node);

	if (rc < 0) {
		fprintf(stderr, "aetherflowd: %s\n", rt.error);
		return 1;
	}
	rc = node_launch();
	if (rc < 0) {
		fprintf(stderr, "aetherflowd: the lcores cannot be launched: %s.\n",
		        aef_err_text(rc));
		node_shut(0);
		rc = 1;
	} else {
		node_banner(&banner);
		audit_config(config);
		fprintf(stderr, "%s\n", buf);
		rc = run(opt, signals);
	}
	aef_runtime_stop(&rt);
	return rc;
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
	struct options opt = { 0 };
	struct aef_config config = { 0 };
	sigset_t signals;
	int rc;

	standard_fds_open();
	rc = options_parse(&opt, argc, argv);
	if (rc >= 0)
		return rc;
	aef_assert(opt.config != NULL); /* else it was bad usage */
	rc = aef_config_load(&config, opt.config, modules);
	if (rc == 0)
		rc = node_plan(&config);
	if (rc < 0) {
		if (rc == AEF_ERR_IO && access(opt.config, F_OK) != 0 && errno == ENOENT)
			fprintf(stderr,
			        "aetherflowd: there is no configuration %s; copy "
			        "drivers-conf/aetherflowd.example.yaml there and change it to your "
			        "ports, or try `make lab` first, which needs none.\n",
			        opt.config);
		else if (config.error[0] != '\0')
			fprintf(stderr, "aetherflowd: %s\n", config.error);
		else
			fprintf(stderr, "aetherflowd: %s cannot be read: %s.\n", opt.config,
			        aef_err_text(rc));
		aef_config_free(&config);
		return 1;
	}
	if (opt.check) {
		printf("%s: ok\n", opt.config);
		aef_config_free(&config);
		return 0;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL); /* cannot fail with these arguments */
	(void)signal(SIGPIPE, SIG_IGN);
	rc = serve(&opt, &config, &signals);
	aef_config_free(&config);
	return rc;
}
