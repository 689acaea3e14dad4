/* SPDX-License-Identifier: BSD-3-Clause */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <base/err.h>

static const char prompt[] = "aether-lab> ";

/* ---- start, stop, quit ------------------------------------------------------------------------
 */

static int
cmd_start(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct lab_console *con = ctx;
	uint64_t ns = AEF_TIME_NEVER;

	if (argc > 0 && lab_parse_time(argv[0], &ns) != 0) {
		aef_text_printf(out, "Give a time such as 5s, or nothing to type until `stop`.\n");
		return AEF_ERR_INVALID;
	}
	if (con->lab->phase == LAB_TYPE) {
		aef_text_printf(out, "They are typing already; `stop` ends it.\n");
		return AEF_ERR_STATE;
	}
	lab_start_typing(con->lab, ns);
	con->phase = LAB_TYPE;
	aef_text_printf(out, "%u clients type in %u documents.\n", con->lab->opts.clients,
	                con->lab->opts.docs);
	return 0;
}

static int
cmd_stop(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct lab_console *con = ctx;

	(void)argc;
	(void)argv;
	if (con->lab->phase != LAB_TYPE) {
		aef_text_printf(out, "Nobody is typing; `start` begins.\n");
		return AEF_ERR_STATE;
	}
	lab_stop_typing(con->lab);
	aef_text_printf(out, "Typing has stopped; the replicas converge.\n");
	return 0;
}

static int
cmd_wait(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct lab_console *con = ctx;
	uint64_t ns = 0;

	if (argc > 0 && lab_parse_time(argv[0], &ns) != 0) {
		aef_text_printf(out, "Give a time such as 5s, or nothing to wait for the end.\n");
		return AEF_ERR_INVALID;
	}
	con->waiting = true;
	con->wait_until_ns = argc > 0 ? lab_now_ns(con->lab) + ns : 0;
	return 0;
}

static int
cmd_quit(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct lab_console *con = ctx;

	(void)argc;
	(void)argv;
	(void)out;
	con->quit = true;
	return 0;
}

/* ---- show -------------------------------------------------------------------------------------
 */

static int
cmd_show_port(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;
	static struct lab_figures f; /* too large for the stack; main thread */

	(void)argc;
	if (strcmp(argv[0], "all") != 0) {
		aef_text_printf(out, "Say `show port stats all`.\n");
		return AEF_ERR_INVALID;
	}
	lab_figures_take(con->lab, &f);
	dpio_port_stats_text(&con->lab->app.port, true, out);
	dpio_port_stats_text(&con->lab->app.client_port, true, out);
	for (unsigned way = 0; way < 2; way++) {
		const struct link_stats *s = way == LAB_UP ? &f.up : &f.down;
		const struct link_stats *b =
			way == LAB_UP ? &con->at_clear.up : &con->at_clear.down;

		aef_text_printf(out,
		                "links %s: %llu packets, %llu dropped, %llu reordered, %llu "
		                "doubled, %llu corrupted\n",
		                way == LAB_UP ? "up" : "down",
		                (unsigned long long)(s->sent - b->sent),
		                (unsigned long long)(link_dropped(s) - link_dropped(b)),
		                (unsigned long long)(s->reordered - b->reordered),
		                (unsigned long long)(s->duplicated - b->duplicated),
		                (unsigned long long)(s->corrupted - b->corrupted));
	}
	pipeline_stats_text(&f.pipeline, true, out);
	worker_stats_text(&f.worker, true, out);
	return 0;
}

static int
cmd_port_info(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;

	(void)argc;
	(void)argv;
	dpio_port_info_text(&con->lab->app.port, out);
	dpio_port_info_text(&con->lab->app.client_port, out);
	return 0;
}

struct show {
	struct lab *lab;
	struct aef_text *out;
	uint32_t client; /* UINT32_MAX: all */
};

static void
show_one(const struct lab_client *c, bool details, struct aef_text *out)
{
	struct quantum_stats s;
	char cid[AEF_GUUID_TEXT_LEN + 1];

	if (c->conn == NULL) {
		aef_text_printf(out, "client %u: no connection\n", c->idx + 1);
		return;
	}
	quantum_conn_stats(c->conn, &s);
	aef_text_printf(out,
	                "client %u: rtt %.1f ms, cwnd %.0f KiB, pacing %.1f Mbit/s, mtu %u, %s, "
	                "FEC %u, lost %llu, again %llu B, repaired %llu\n",
	                c->idx + 1, (double)s.srtt_ns / 1e6, (double)s.cwnd_bytes / 1024,
	                (double)s.pacing_bytes_per_s * 8 / 1e6, s.mtu_bytes,
	                quantum_bbr_state_name(s.bbr_state), s.fec_m,
	                (unsigned long long)s.lost_pkts, (unsigned long long)s.tx_retransmit_bytes,
	                (unsigned long long)s.fec_recovered_pkts);
	if (!details)
		return;
	aef_guuid_format(quantum_conn_local_cid(c->conn), cid);
	aef_text_printf(out, "  id %s, UDP port %u, connected %llu times\n", cid, c->local.udp_port,
	                (unsigned long long)c->connects);
	aef_text_printf(out,
	                "  out %llu packets %llu B, in %llu packets %llu B, messages %llu out, "
	                "%llu in\n",
	                (unsigned long long)s.tx_pkts, (unsigned long long)s.tx_bytes,
	                (unsigned long long)s.rx_pkts, (unsigned long long)s.rx_bytes,
	                (unsigned long long)s.tx_msgs, (unsigned long long)s.rx_msgs);
	aef_text_printf(
		out, "  probes %llu, timeouts %llu, spurious %llu, rto %.1f ms, in flight %llu B\n",
		(unsigned long long)s.probes, (unsigned long long)s.rtos,
		(unsigned long long)s.spurious_pkts, (double)s.rto_ns / 1e6,
		(unsigned long long)s.in_flight_bytes);
}

static void
show_conns(void *arg)
{
	const struct show *show = arg;

	for (uint32_t i = 0; i < show->lab->opts.clients; i++)
		if (show->client == UINT32_MAX || show->client == i)
			show_one(&show->lab->host.clients[i], show->client == i, show->out);
}

/* A client's number as people count. @return false: no such client */
static bool
client_arg(const struct lab_console *con, const char *text, uint32_t *ret, struct aef_text *out)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	*ret = UINT32_MAX;
	if (strcmp(text, "all") == 0)
		return true;
	if (*end != '\0' || n < 1 || n > con->lab->opts.clients) {
		aef_text_printf(out, "No client %s: give 1 to %u, or all.\n", text,
		                con->lab->opts.clients);
		return false;
	}
	*ret = (uint32_t)n - 1;
	return true;
}

static int
cmd_show_conn(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;
	struct show show = { con->lab, out, UINT32_MAX };

	if (argc > 0 && !client_arg(con, argv[0], &show.client, out))
		return AEF_ERR_INVALID;
	lab_core_call(&con->lab->cores[0], show_conns, &show);
	return 0;
}

static void
show_docs(void *arg)
{
	const struct show *show = arg;
	const struct lab_host *host = &show->lab->host;

	for (uint32_t d = 0; d < show->lab->opts.docs; d++) {
		aef_text_printf(show->out, "document %u:", d + 1);
		for (uint32_t i = 0; i < show->lab->opts.clients; i++) {
			const struct docclient *doc = host->clients[i].doc;

			if (host->clients[i].doc_idx == d)
				aef_text_printf(show->out,
				                " client %u version %llu + %u in flight, %u code "
				                "points;",
				                i + 1, (unsigned long long)docclient_version(doc),
				                docclient_in_flight(doc),
				                docclient_text(doc)->total.cps);
		}
		aef_text_printf(show->out, "\n");
	}
}

static int
cmd_show_doc(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;
	struct show show = { con->lab, out, UINT32_MAX };

	(void)argc;
	(void)argv;
	lab_core_call(&con->lab->cores[0], show_docs, &show);
	return 0;
}

static void
show_config(void *arg)
{
	const struct show *show = arg;
	const struct lab *lab = show->lab;
	static const char *const fec[] = { "off", "on", "always" };

	aef_text_printf(show->out,
	                "%u clients, %u documents, %u transport lcores, %u workers, "
	                "seed %llu, FEC %s, protection %s\n",
	                lab->opts.clients, lab->opts.docs, lab->opts.lcores, lab->opts.workers,
	                (unsigned long long)lab->opts.seed, fec[lab->opts.fec],
	                lab->host.provider->name);
	for (uint32_t i = 0; i < lab->opts.clients; i++) {
		aef_text_printf(show->out, "client %u up: ", i + 1);
		lab_link_text(&lab_hub_link(&lab->host.hub, i, LAB_UP)->conf, show->out);
		aef_text_printf(show->out, "; down: ");
		lab_link_text(&lab_hub_link(&lab->host.hub, i, LAB_DOWN)->conf, show->out);
		aef_text_printf(show->out, "\n");
	}
}

static int
cmd_show_config(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;
	struct show show = { con->lab, out, UINT32_MAX };

	(void)argc;
	(void)argv;
	lab_core_call(&con->lab->cores[0], show_config, &show);
	return 0;
}

/* ---- set, clear -------------------------------------------------------------------------------
 */

struct set_link {
	struct lab *lab;
	const char *key, *value;
	uint32_t client;
	int way, rc;
	struct aef_text *out;
};

static void
set_link(void *arg)
{
	struct set_link *set = arg;

	set->rc = lab_hub_set(&set->lab->host.hub, set->client, set->way, set->key, set->value,
	                      set->out);
}

static int
cmd_set_link(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct lab_console *con = ctx;
	struct set_link set = { .lab = con->lab,
		                .key = argv[0],
		                .value = argv[1],
		                .client = UINT32_MAX,
		                .way = -1,
		                .out = out };

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "up") == 0)
			set.way = LAB_UP;
		else if (strcmp(argv[i], "down") == 0)
			set.way = LAB_DOWN;
		else if (strcmp(argv[i], "client") != 0 &&
		         !client_arg(con, argv[i], &set.client, out))
			return AEF_ERR_INVALID;
	}
	lab_core_call(&con->lab->cores[0], set_link, &set);
	if (set.rc != 0)
		aef_text_printf(out, "\n");
	return set.rc;
}

static void
reopen(void *arg)
{
	struct lab *lab = arg;
	struct quantum_conn_conf conf;

	lab_conn_conf(&lab->opts, &conf);
	lab->host.conf.conn = conf;
	for (uint32_t i = 0; i < lab->opts.clients; i++) {
		struct lab_client *c = &lab->host.clients[i];

		if (c->conn == NULL)
			continue;
		quantum_conn_close(c->conn, 0, "new settings", lab->host.now_ns);
		c->next_ns = 0;
	}
}

static int
cmd_set_fec(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	static const char *const names[] = { "off", "on", "always" };
	const struct lab_console *con = ctx;

	(void)argc;
	for (unsigned i = 0; i < AEF_DIM(names); i++) {
		if (strcmp(argv[0], names[i]) != 0)
			continue;
		con->lab->opts.fec = (enum lab_fec)i;
		lab_core_call(&con->lab->cores[0], reopen, con->lab);
		aef_text_printf(out,
		                "FEC of the clients is %s; they connect anew. The appliance "
		                "keeps what --fec said.\n",
		                names[i]);
		return 0;
	}
	aef_text_printf(out, "Give off, on or always.\n");
	return AEF_ERR_INVALID;
}

static int
cmd_clear(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct lab_console *con = ctx;

	(void)argc;
	(void)argv;
	dpio_port_stats_reset(&con->lab->app.port);
	dpio_port_stats_reset(&con->lab->app.client_port);
	lab_figures_clear(con->lab);
	lab_figures_take(con->lab, &con->at_clear);
	aef_text_printf(out, "Statistics of ports and links count from now.\n");
	return 0;
}

static const struct aef_command table[] = {
	{ "start", "[time]", "let the clients type, for a time or until stop", cmd_start, 0, 1 },
	{ "stop", "", "no more keystrokes; converge", cmd_stop, 0, 0 },
	{ "wait", "[time]", "take the next line after a time, or after convergence", cmd_wait, 0,
	  1 },
	{ "show port stats", "all", "ports, links, lcores", cmd_show_port, 1, 1 },
	{ "show port info", "all", "device, addresses, offloads", cmd_port_info, 1, 1 },
	{ "show conn", "[N|all]", "connections of the clients", cmd_show_conn, 0, 1 },
	{ "show doc", "", "documents and their replicas", cmd_show_doc, 0, 0 },
	{ "show config", "", "who is there, and every link", cmd_show_config, 0, 0 },
	{ "set link", "<key> <value> [up|down] [client N]", "change links at once", cmd_set_link, 2,
	  5 },
	{ "set fec", "off|on|always", "for new connections of the clients", cmd_set_fec, 1, 1 },
	{ "clear port stats", "all", "count from now", cmd_clear, 1, 1 },
	{ "quit", "", "converge, verdict, end", cmd_quit, 0, 0 },
	{ 0 },
};

/* ---- lines in ---------------------------------------------------------------------------------
 */

int
lab_console_init(struct lab_console *console, struct lab *lab)
{
	int rc;

	memset(console, 0, sizeof(*console));
	console->lab = lab;
	rc = aef_commands_init(&console->cmds, AEF_DIM(table));
	return rc == 0 ? aef_commands_add(&console->cmds, table, console) : rc;
}

void
lab_console_fini(struct lab_console *console)
{
	aef_commands_fini(&console->cmds);
}

static void
run_line(struct lab_console *con, const char *line)
{
	static char answer[256 * 1024]; /* `show config` of 1,024 clients */
	struct aef_text out = aef_text_make(answer, sizeof(answer));

	if (!isatty(STDIN_FILENO))
		(void)printf("%s%s\n", prompt, line);   /* a transcript reads like a session */
	(void)aef_commands_run(&con->cmds, line, &out); /* the text says what went wrong */
	(void)fputs(answer, stdout);
	if (out.len > 0 && answer[out.len - 1] != '\n')
		(void)fputc('\n', stdout);
	con->prompted = false;
}

static void
read_more(struct lab_console *con)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (con->eof || con->len >= sizeof(con->buf) - 1 || poll(&in, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, con->buf + con->len, sizeof(con->buf) - 1 - con->len);
	if (n > 0)
		con->len += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		con->eof = true;
}

/* Take the first line out of the buffer. @return false: there is no whole one */
static bool
next_line(struct lab_console *con, char line[sizeof(con->buf)])
{
	const char *end = memchr(con->buf, '\n', con->len);
	size_t used;

	if (end == NULL && con->eof && con->len > 0)
		used = con->len;
	else if (end == NULL && con->len == sizeof(con->buf) - 1)
		used = con->len; /* overlong: the registry refuses it */
	else if (end == NULL)
		return false;
	else
		used = (size_t)(end - con->buf);
	memcpy(line, con->buf, used);
	line[used] = '\0';
	used += end != NULL;
	con->len -= used;
	memmove(con->buf, con->buf + used, con->len);
	return true;
}

static void
tell_phase(struct lab_console *con)
{
	if (con->phase == con->lab->phase)
		return;
	if (con->lab->phase == LAB_IDLE)
		(void)printf("%s\n", con->phase == LAB_CONNECT ? "all clients are connected"
		                     : con->lab->timed_out     ? "NOT converged"
		                                               : "converged");
	con->phase = con->lab->phase;
	con->prompted = false;
}

static bool
still_waiting(struct lab_console *con)
{
	if (con->waiting && (con->wait_until_ns > 0 ? lab_now_ns(con->lab) >= con->wait_until_ns
	                                            : con->lab->phase == LAB_IDLE))
		con->waiting = false;
	return con->waiting;
}

void
lab_console_step(struct lab_console *con)
{
	char line[sizeof(con->buf)];

	tell_phase(con);
	if (con->lab->phase == LAB_CONNECT)
		return;
	read_more(con);
	while (!con->quit && !still_waiting(con) && next_line(con, line))
		run_line(con, line);
	if (con->eof && con->len == 0 && !con->waiting)
		con->quit = true;
	if (!con->prompted && !con->quit && !con->waiting && isatty(STDIN_FILENO)) {
		(void)fputs(prompt, stdout);
		con->prompted = true;
	}
	(void)fflush(stdout);
}
