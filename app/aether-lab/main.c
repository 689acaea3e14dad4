/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aether-lab: editors on emulated links keep documents in sync through the appliance, in one
 * process. See docs/lab.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "console.h"
#include "report.h"
#include "table.h"
#include "verdict.h"

#define STEP_NS      (20 * AEF_NS_PER_MS)
#define EXIT_USAGE   2
#define EXIT_AT_ONCE 130

static volatile sig_atomic_t interrupts;

static void
on_interrupt(int signo)
{
	(void)signo;
	if (++interrupts > 1)
		_exit(EXIT_AT_ONCE);
}

static void
catch_interrupts(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt };

	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

static void
greet(const struct lab *lab)
{
	char buf[512];
	struct aef_text text = aef_text_make(buf, sizeof(buf));

	lab_link_text(&lab->opts.up, &text);
	aef_text_printf(&text, "; down: ");
	lab_link_text(&lab->opts.down, &text);
	(void)printf("aether-lab %s: packet protection: %s\n"
	             "%u clients, %u documents, %u transport and %u worker lcores, %s, "
	             "seed %llu\nlinks up: %s\n",
	             AEF_VERSION, lab->host.provider->name, lab->opts.clients, lab->opts.docs,
	             lab->opts.lcores, lab->opts.workers,
	             lab->opts.lockstep         ? "lockstep on a virtual clock"
	             : dpio_eal_has_hugepages() ? "hugepages"
	                                        : "no hugepages",
	             (unsigned long long)lab->opts.seed, buf);
	if (lab->opts.trace != NULL)
		(void)printf("trace %s: %u transactions, %u patches, %u authors, %u readers%s\n",
		             lab->opts.trace, lab->trace.nb_txns, lab->trace.nb_patches,
		             lab->trace.nb_agents, lab->opts.readers,
		             lab->opts.pace_milli > 0 && !lab->trace.has_times
		                     ? "; it has no times, --rate counts"
		                     : "");
	(void)fflush(stdout);
}

/* The end is near: somebody interrupted, or the console was quit. */
static void
end_early(struct lab *lab, const struct lab_console *con, bool *cut)
{
	const bool quit = lab->opts.console && con->quit;

	if ((interrupts == 0 && !quit) || *cut)
		return;
	*cut = true;
	lab->opts.console = false; /* the phases run to their end now */
	if (lab->phase == LAB_TYPE || lab->phase == LAB_IDLE)
		lab_stop_typing(lab);
	else if (lab->phase == LAB_CONNECT)
		lab->phase = LAB_END;
}

static bool
run(struct lab *lab, bool *ret_cut)
{
	static struct lab_table table; /* histograms: too large for the stack */
	static struct lab_console con;
	bool ok = true;

	*ret_cut = false;
	lab_table_init(&table, lab);
	if (lab->opts.console && lab_console_init(&con, lab) != 0)
		return false;
	while (ok && lab->phase != LAB_END) {
		ok = lab_advance(lab, STEP_NS);
		lab_step(lab);
		lab_table_step(&table, lab);
		if (lab->opts.console)
			lab_console_step(&con);
		end_early(lab, &con, ret_cut);
	}
	lab_table_end(&table);
	lab_console_fini(&con);
	if (!ok)
		(void)fprintf(stderr,
		              "aether-lab: something polls without end at one virtual time; "
		              "please report seed %llu.\n",
		              (unsigned long long)lab->opts.seed);
	return ok;
}

/* Files of the user: opened before anything else is done, so that a long run is not lost. */
struct outputs {
	FILE *datagrams, *json;
};

static bool
open_output(FILE **to, const char *path)
{
	if (path == NULL)
		return true;
	*to = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	if (*to == NULL)
		(void)fprintf(stderr, "aether-lab: Cannot write %s: %s; give another name.\n", path,
		              strerror(errno));
	return *to != NULL;
}

static bool
close_output(FILE *file, const char *path)
{
	bool whole;

	if (file == NULL || file == stdout)
		return true;
	errno = 0;
	whole = !ferror(file);
	if (fclose(file) == 0 && whole)
		return true;
	(void)fprintf(stderr, "aether-lab: %s is incomplete: %s.\n", path,
	              errno != 0 ? strerror(errno) : "an earlier write failed");
	return false;
}

/* A verdict that nobody can read is none. */
static int
status_of_stdout(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr,
	              "aether-lab: Cannot write to standard output: %s; what was "
	              "printed is incomplete.\n",
	              errno != 0 ? strerror(errno) : "an earlier write failed");
	return status != 0 ? status : 1;
}

/*
 * Whoever starts us with a standard stream closed would have the next file that is opened read as
 * input or written to as output.
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

static int
conclude(struct lab *lab, bool cut, FILE *json, struct aef_text *error)
{
	static struct lab_figures figures;
	static struct lab_verdict verdict;
	int rc = 0;

	lab_halt(lab);
	lab_figures_take(lab, &figures);
	lab_report_print(lab, &figures);
	lab_verdict_take(lab, cut, &verdict);
	if (json != NULL)
		rc = lab_report_json(lab, &figures, &verdict, json, error);
	lab_verdict_print(lab, &verdict);
	return rc == 0 && verdict.in_sync ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static struct lab lab;
	static struct lab_opts opts;
	static char buf[8192];
	struct aef_text text = aef_text_make(buf, sizeof(buf));
	struct outputs files = { NULL, NULL };
	bool cut;
	int status = 1;

	standard_fds_open();
	switch (lab_opts_parse(&opts, argc, argv, &text)) {
	case LAB_PARSE_DONE:
		(void)fputs(buf, stdout);
		return status_of_stdout(0);
	case LAB_PARSE_BAD:
		(void)fprintf(stderr, "aether-lab: %s\n", buf);
		return EXIT_USAGE;
	default:
		break;
	}
	catch_interrupts();
	if (!open_output(&files.datagrams, opts.datagrams) || !open_output(&files.json, opts.json))
		return 1;
	if (lab_init(&lab, &opts, &text) == 0) {
		lab.host.hub.dump = files.datagrams;
		greet(&lab);
		if ((opts.lockstep || lab_launch(&lab, &text) == 0) && run(&lab, &cut))
			status = conclude(&lab, cut, files.json, &text);
	}
	if (text.len > 0)
		(void)fprintf(stderr, "aether-lab: %s\n", buf);
	lab_fini(&lab);
	if (!close_output(files.datagrams, opts.datagrams))
		status = 1;
	if (!close_output(files.json, opts.json))
		status = 1;
	return status_of_stdout(status);
}
