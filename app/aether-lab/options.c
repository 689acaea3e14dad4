/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

enum {
	OPT_CLIENTS = 256,
	OPT_DOCS,
	OPT_READERS,
	OPT_TRACE,
	OPT_PACE,
	OPT_IN_FLIGHT,
	OPT_RATE,
	OPT_DURATION,
	OPT_SETTLE,
	OPT_SEED,
	OPT_LINK,
	OPT_LINK_UP,
	OPT_LINK_DOWN,
	OPT_FEC,
	OPT_IP,
	OPT_PMTUD,
	OPT_ECN,
	OPT_LCORES,
	OPT_WORKERS,
	OPT_MBUFS,
	OPT_MEMORY,
	OPT_NO_HUGE,
	OPT_BUSY_POLL,
	OPT_JSON,
	OPT_DATAGRAMS,
	OPT_INTERVAL,
	OPT_LOCKSTEP,
	OPT_DIRECT,
	OPT_CONSOLE,
	OPT_PLAIN,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "clients", required_argument, NULL, OPT_CLIENTS },
	{ "docs", required_argument, NULL, OPT_DOCS },
	{ "readers", required_argument, NULL, OPT_READERS },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "pace", required_argument, NULL, OPT_PACE },
	{ "in-flight", required_argument, NULL, OPT_IN_FLIGHT },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "settle", required_argument, NULL, OPT_SETTLE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "link", required_argument, NULL, OPT_LINK },
	{ "link-up", required_argument, NULL, OPT_LINK_UP },
	{ "link-down", required_argument, NULL, OPT_LINK_DOWN },
	{ "fec", required_argument, NULL, OPT_FEC },
	{ "ip", required_argument, NULL, OPT_IP },
	{ "pmtud", required_argument, NULL, OPT_PMTUD },
	{ "ecn", required_argument, NULL, OPT_ECN },
	{ "lcores", required_argument, NULL, OPT_LCORES },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "mbufs", required_argument, NULL, OPT_MBUFS },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "no-huge", no_argument, NULL, OPT_NO_HUGE },
	{ "busy-poll", no_argument, NULL, OPT_BUSY_POLL },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "datagrams", required_argument, NULL, OPT_DATAGRAMS },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "lockstep", no_argument, NULL, OPT_LOCKSTEP },
	{ "direct", no_argument, NULL, OPT_DIRECT },
	{ "console", no_argument, NULL, OPT_CONSOLE },
	{ "interactive", no_argument, NULL, OPT_CONSOLE },
	{ "plain", no_argument, NULL, OPT_PLAIN },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static const char usage[] =
	"usage: aether-lab [options]\n"
	"\n"
	"Editors on emulated links keep documents in sync through the appliance, in one process.\n"
	"\n"
	"Who and what\n"
	"  --clients N      editors typing at the same time [8]; with --trace: authors + readers\n"
	"  --docs N         documents they share [4]\n"
	"  --rate R         operations a second of one editor [7]\n"
	"  --duration T     time of typing [20s]; with --trace: no limit\n"
	"  --settle T       time allowed for convergence afterwards [30s]\n"
	"  --trace FILE     replay an editing trace (.json or .json.gz) instead\n"
	"  --pace P         of the trace: 1x its own, 10x faster, flat as fast as possible [flat]\n"
	"  --readers R      clients that only read the trace [2 sequential, 0 concurrent]\n"
	"  --in-flight N    operations of one client not yet acknowledged, at most [1024]\n"
	"  --seed N         of everything random [1]\n"
	"\n"
	"Links (both directions, or one of them)\n"
	"  --link LIST, --link-up LIST, --link-down LIST\n"
	"                   as in delay=30ms,jitter=5ms,loss=2%: the default without any list.\n"
	"                   A list starts from delay=30ms and no fault at all; further lists\n"
	"                   add to it. More keys below\n"
	"  --fec MODE       off, on (adaptive), always [on]\n"
	"  --ip 4|6         [4]\n"
	"  --pmtud on|off   path MTU discovery [on]\n"
	"  --ecn on|off     [on]\n"
	"\n"
	"Machine\n"
	"  --lcores N       transport lcores [1]\n"
	"  --workers N      worker lcores [1]\n"
	"  --mbufs N        packet buffers in each of the two pools [from the number of clients]\n"
	"  --memory MB      of DPDK [what the rest needs]\n"
	"  --no-huge        ordinary pages also where there are hugepages\n"
	"  --busy-poll      lcores never sleep; they need CPUs of their own\n"
	"  --lockstep       one thread on a virtual clock: repeatable, prints a trace hash\n"
	"  --direct         with --lockstep: engine and service called by hand, as in the\n"
	"                   simulator, without ports, rings and lcores; same trace hash\n"
	"\n"
	"Output\n"
	"  --console        interactive console on standard input (--interactive is the same)\n"
	"  --interval T     between two lines of the table [1s]\n"
	"  --plain          plain lines also on a terminal\n"
	"  --quiet          no table\n"
	"  --json FILE      write every figure at the end (- = standard output)\n"
	"  --datagrams FILE with --lockstep: one line for each datagram sent (time, way, client,\n"
	"                   length, hash), to compare two runs\n"
	"  --help, --version\n"
	"\n"
	"Keys of a link\n";

/* What a list of the command line starts from: whatever else goes wrong is in the list. */
static struct link_conf
clean_link(void)
{
	struct link_conf conf = link_conf_default();

	conf.delay_ns = 30 * AEF_NS_PER_MS;
	return conf;
}

static struct link_conf
default_link(void)
{
	struct link_conf conf = clean_link();

	conf.jitter_ns = 5 * AEF_NS_PER_MS;
	conf.loss_ppm = 20000;
	return conf;
}

void
lab_opts_default(struct lab_opts *opts)
{
	*opts = (struct lab_opts){ .clients = 8,
		                   .docs = 4,
		                   .in_flight = LAB_IN_FLIGHT_MAX,
		                   .rate_milli = 7000,
		                   .duration_ns = 20 * AEF_NS_PER_S,
		                   .settle_ns = 30 * AEF_NS_PER_S,
		                   .seed = 1,
		                   .up = default_link(),
		                   .down = default_link(),
		                   .fec = LAB_FEC_ON,
		                   .pmtud = true,
		                   .ecn = true,
		                   .lcores = 1,
		                   .workers = 1,
		                   .interval_ns = AEF_NS_PER_S };
}

int
lab_parse_milli(const char *text, uint64_t *ret_milli)
{
	uint64_t whole = 0, part = 0;
	unsigned digits = 0, places = 0;

	for (; *text >= '0' && *text <= '9' && digits < 12; text++, digits++)
		whole = whole * 10 + (uint64_t)(*text - '0');
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9' && places < 3; text++, places++)
			part = part * 10 + (uint64_t)(*text - '0');
		digits += places;
	}
	if (digits == 0 || *text != '\0')
		return AEF_ERR_INVALID;
	for (; places < 3; places++)
		part *= 10;
	*ret_milli = whole * 1000 + part;
	return 0;
}

int
lab_parse_time(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{ "", AEF_NS_PER_S },    { "s", AEF_NS_PER_S }, { "ms", AEF_NS_PER_MS },
		{ "us", AEF_NS_PER_US }, { "ns", 1 },           { "min", 60 * AEF_NS_PER_S }
	};
	const size_t nb = strspn(text, "0123456789.");
	char number[24];
	uint64_t milli;

	if (nb == 0 || nb >= sizeof(number))
		return AEF_ERR_INVALID;
	memcpy(number, text, nb);
	number[nb] = '\0';
	if (lab_parse_milli(number, &milli) != 0)
		return AEF_ERR_INVALID;
	for (unsigned i = 0; i < AEF_DIM(units); i++) {
		if (strcmp(text + nb, units[i].unit) != 0)
			continue;
		*ret_ns = aef_mul_div_u64(milli, units[i].ns, 1000);
		return *ret_ns <= 86400 * AEF_NS_PER_S ? 0 : AEF_ERR_INVALID;
	}
	return AEF_ERR_INVALID;
}

static bool
parse_u32(const char *text, uint64_t min, uint64_t max, uint32_t *ret)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < min || v > max)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool
parse_onoff(const char *text, bool *ret)
{
	*ret = strcmp(text, "on") == 0;
	return *ret || strcmp(text, "off") == 0;
}

static bool
parse_pace(const char *text, uint64_t *ret_milli)
{
	char number[24];
	const size_t len = strlen(text);

	if (strcmp(text, "flat") == 0) {
		*ret_milli = 0;
		return true;
	}
	if (len == 0 || len >= sizeof(number))
		return false;
	memcpy(number, text, len + 1);
	if (number[len - 1] == 'x')
		number[len - 1] = '\0';
	return lab_parse_milli(number, ret_milli) == 0 && *ret_milli > 0;
}

static bool
parse_fec(const char *text, enum lab_fec *ret)
{
	static const char *const names[] = { "off", "on", "always" };

	for (unsigned i = 0; i < AEF_DIM(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum lab_fec)i;
			return true;
		}
	return false;
}

static bool
bad(struct aef_text *out, const char *option, const char *value, const char *want)
{
	aef_text_printf(out, "--%s %s: give %s, as in --help.", option, value, want);
	return false;
}

static bool
set_link(struct lab_opts *opts, int which, const char *name, const char *list, struct aef_text *out)
{
	char err[200];

	if (which != OPT_LINK_DOWN && !opts->up_set) {
		opts->up = clean_link();
		opts->up_set = true;
	}
	if (which != OPT_LINK_UP && !opts->down_set) {
		opts->down = clean_link();
		opts->down_set = true;
	}
	if ((which != OPT_LINK_DOWN &&
	     link_conf_set_list(&opts->up, list, err, sizeof(err)) != 0) ||
	    (which != OPT_LINK_UP &&
	     link_conf_set_list(&opts->down, list, err, sizeof(err)) != 0)) {
		aef_text_printf(out, "--%s %s: %s", name, list, err);
		return false;
	}
	return true;
}

/* Options that take a count: one row each. */
static bool
set_count(struct lab_opts *opts, int option, const char *name, const char *v, struct aef_text *out)
{
	const struct {
		int option;
		uint32_t *to;
		uint32_t min, max;
		const char *want;
	} counts[] = {
		{ OPT_CLIENTS, &opts->clients, 1, LAB_CLIENTS_MAX, "a number from 1 to 1024" },
		{ OPT_DOCS, &opts->docs, 1, LAB_DOCS_MAX, "a number from 1 to 256" },
		{ OPT_READERS, &opts->readers, 0, LAB_CLIENTS_MAX - 1, "a number from 0 to 1023" },
		{ OPT_IN_FLIGHT, &opts->in_flight, 1, LAB_IN_FLIGHT_MAX,
		  "a number from 1 to 1024" },
		{ OPT_LCORES, &opts->lcores, 1, 8, "a number from 1 to 8" },
		{ OPT_WORKERS, &opts->workers, 1, 8, "a number from 1 to 8" },
		{ OPT_MBUFS, &opts->mbufs, 512, 4000000, "a number from 512 to 4000000" },
		{ OPT_MEMORY, &opts->memory_mb, 32, 1048576, "MiB, from 32 to 1048576" },
	};

	for (unsigned i = 0; i < AEF_DIM(counts); i++)
		if (counts[i].option == option)
			return parse_u32(v, counts[i].min, counts[i].max, counts[i].to) ||
			       bad(out, name, v, counts[i].want);
	return true;
}

static bool
set_value(struct lab_opts *opts, int option, const char *name, const char *v, struct aef_text *out)
{
	static const char want_time[] = "a time such as 20s or 500ms, up to a day";
	uint32_t ip = 4;
	char *end;

	switch (option) {
	case OPT_RATE:
		return (lab_parse_milli(v, &opts->rate_milli) == 0 && opts->rate_milli > 0 &&
		        opts->rate_milli <= 10000000) ||
		       bad(out, name, v, "operations a second, above 0 and at most 10000");
	case OPT_PACE:
		return parse_pace(v, &opts->pace_milli) ||
		       bad(out, name, v, "1x, 10x, ... or flat");
	case OPT_DURATION:
		opts->duration_set = true;
		return lab_parse_time(v, &opts->duration_ns) == 0 || bad(out, name, v, want_time);
	case OPT_SETTLE:
		return lab_parse_time(v, &opts->settle_ns) == 0 || bad(out, name, v, want_time);
	case OPT_INTERVAL:
		return (lab_parse_time(v, &opts->interval_ns) == 0 &&
		        opts->interval_ns >= 10 * AEF_NS_PER_MS) ||
		       bad(out, name, v, "a time of at least 10ms");
	case OPT_SEED:
		errno = 0;
		opts->seed = strtoull(v, &end, 0);
		return (v[0] >= '0' && v[0] <= '9' && *end == '\0' && errno == 0) ||
		       bad(out, name, v, "a number");
	case OPT_FEC:
		return parse_fec(v, &opts->fec) || bad(out, name, v, "off, on or always");
	case OPT_IP:
		if (!parse_u32(v, 4, 6, &ip) || ip == 5)
			return bad(out, name, v, "4 or 6");
		opts->ipv6 = ip == 6;
		return true;
	case OPT_PMTUD:
		return parse_onoff(v, &opts->pmtud) || bad(out, name, v, "on or off");
	case OPT_ECN:
		return parse_onoff(v, &opts->ecn) || bad(out, name, v, "on or off");
	case OPT_LINK:
	case OPT_LINK_UP:
	case OPT_LINK_DOWN:
		return set_link(opts, option, name, v, out);
	default:
		return set_count(opts, option, name, v, out);
	}
}

static void
set_flag(struct lab_opts *opts, int option, const char *value)
{
	switch (option) {
	case OPT_TRACE:
		opts->trace = value;
		break;
	case OPT_JSON:
		opts->json = value;
		break;
	case OPT_DATAGRAMS:
		opts->datagrams = value;
		break;
	case OPT_NO_HUGE:
		opts->no_huge = true;
		break;
	case OPT_BUSY_POLL:
		opts->busy_poll = true;
		break;
	case OPT_LOCKSTEP:
		opts->lockstep = true;
		break;
	case OPT_DIRECT:
		opts->direct = true;
		break;
	case OPT_CONSOLE:
		opts->console = true;
		break;
	case OPT_PLAIN:
		opts->plain = true;
		break;
	case OPT_QUIET:
		opts->quiet = true;
		break;
	case OPT_CLIENTS:
		opts->clients_set = true;
		break;
	case OPT_DOCS:
		opts->docs_set = true;
		break;
	case OPT_READERS:
		opts->readers_set = true;
		opts->trace_only = "readers";
		break;
	case OPT_PACE:
		opts->trace_only = "pace";
		break;
	default:
		break;
	}
}

static bool
check(const struct lab_opts *opts, struct aef_text *out)
{
	if (opts->trace == NULL && opts->trace_only != NULL)
		aef_text_printf(out, "--%s belongs to --trace FILE; %s without it.",
		                opts->trace_only,
		                opts->readers_set ? "use --clients" : "use --rate");
	else if (opts->trace == NULL && opts->docs > opts->clients)
		aef_text_printf(out, "%u documents for %u clients: give --docs at most --clients.",
		                opts->docs, opts->clients);
	else if (opts->trace != NULL && opts->docs_set && opts->docs != 1)
		aef_text_printf(out, "A trace is one document: leave --docs out.");
	else if (opts->datagrams != NULL && !opts->lockstep)
		aef_text_printf(out, "--datagrams needs --lockstep.");
	else if (opts->direct && (!opts->lockstep || opts->lcores > 1 || opts->workers > 1))
		aef_text_printf(out, "--direct needs --lockstep and goes with one transport and "
		                     "one worker lcore.");
	else if (opts->lockstep && opts->console)
		aef_text_printf(out, "--lockstep runs on a virtual clock and has no console: "
		                     "leave one of the two out.");
	else
		return true;
	return false;
}

enum lab_parse
lab_opts_parse(struct lab_opts *opts, int argc, char **argv, struct aef_text *out)
{
	int c, idx = 0;

	lab_opts_default(opts);
	optind = 0; /* glibc: start over, also for the second call in a test */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+h", long_options, &idx)) != -1) {
		if (c == OPT_HELP || c == 'h') {
			aef_text_printf(out, "%s", usage);
			for (unsigned i = 0; link_conf_key(i) != NULL; i++)
				aef_text_printf(out, "  %-9s %s\n", link_conf_key(i),
				                link_conf_key_help(i));
			return LAB_PARSE_DONE;
		}
		if (c == OPT_VERSION) {
			aef_text_printf(out, "aether-lab %s\n", AEF_VERSION);
			return LAB_PARSE_DONE;
		}
		if (c == '?') {
			aef_text_printf(out,
			                "%s: no such option, or its value is missing; "
			                "try --help.",
			                argv[optind - 1]);
			return LAB_PARSE_BAD;
		}
		set_flag(opts, c, optarg);
		if (optarg != NULL && !set_value(opts, c, long_options[idx].name, optarg, out))
			return LAB_PARSE_BAD;
	}
	if (optind < argc) {
		aef_text_printf(out, "%s: not an option; a trace goes with --trace FILE.",
		                argv[optind]);
		return LAB_PARSE_BAD;
	}
	return check(opts, out) ? LAB_PARSE_RUN : LAB_PARSE_BAD;
}

static void
ppm_text(const char *key, uint32_t ppm, struct aef_text *out)
{
	if (ppm > 0)
		aef_text_printf(out, ", %s %u.%02u%%", key, ppm / 10000, ppm / 100 % 100);
}

void
lab_link_text(const struct link_conf *conf, struct aef_text *out)
{
	aef_text_printf(out, "delay %.1f ms +- %.1f", (double)conf->delay_ns / 1e6,
	                (double)conf->jitter_ns / 1e6);
	if (conf->rate_bytes_per_s > 0)
		aef_text_printf(out, ", rate %.1f Mbit/s",
		                (double)conf->rate_bytes_per_s * 8 / 1e6);
	ppm_text("loss", conf->loss_ppm, out);
	if (conf->ge_p_ppb > 0)
		aef_text_printf(out, ", bursts of %.1f packets, %.2f%% lost",
		                1e9 / (double)conf->ge_r_ppb,
		                100.0 * conf->ge_p_ppb / ((double)conf->ge_p_ppb + conf->ge_r_ppb));
	ppm_text("reorder", conf->reorder_ppm, out);
	ppm_text("dup", conf->dup_ppm, out);
	ppm_text("corrupt", conf->corrupt_ppm, out);
	ppm_text("truncate", conf->truncate_ppm, out);
}
