/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aetherctl - keys, tokens and audit logs on disk; any other command goes to the control socket of
 * a running aetherflowd.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/err.h>
#include <control/call.h>
#include <runtime/command.h>

#include "ctl.h"

#define SOCKET_DEFAULT "/run/aetherflow/control.sock"
#define TIMEOUT_MS     10000u

static const char usage_all[] =
	"Usage: aetherctl keys init|add|promote|list --ring DIR [--group N]\n"
	"       aetherctl keys revoke EPOCH --ring DIR [--group N]\n"
	"       aetherctl token --ring DIR [--group N] [OPTIONS]\n"
	"       aetherctl audit verify FILE...\n"
	"       aetherctl [--socket PATH] COMMAND\n"
	"Keys, tokens and audit logs on disk; every other COMMAND is sent to the running "
	"aetherflowd\n"
	"(its own list: aetherctl help). More: aetherctl keys|token|audit --help.\n"
	"      --ring DIR       key-ring folder\n"
	"      --group N        node group, 0 to 65535 (default 1)\n"
	"      --socket PATH    control socket (default: $AETHERFLOW_SOCKET or\n"
	"                       " SOCKET_DEFAULT ")\n"
	"      --timeout S      for an answer, 1 to 600 seconds (default 10)\n"
	"      --version        print the version\n"
	"  -h, --help           this text\n"
	"Exit code: 0 done; 1 it failed; 2 bad usage.\n";

static const char usage_keys[] =
	"Usage: aetherctl keys VERB --ring DIR [--group N]\n"
	"  init           make the folder (0700) with the first key of the group, epoch 1, and "
	"the\n"
	"                 key of stateless resets\n"
	"  add            make the key after the current epoch: hand the folder to every node and\n"
	"                 issuer of the group, then promote\n"
	"  promote        make that epoch current; keys two epochs back are removed\n"
	"  revoke EPOCH   refuse its tokens for ever; if it is current the next one becomes so\n"
	"  list           groups, epochs and their state\n"
	"Files are 0600. A running aetherflowd reads the folder again with: aetherctl keys "
	"reload.\n"
	"Without --ring: keys show, keys reload, keys revoke EPOCH go to the running program.\n";

static const char usage_token[] =
	"Usage: aetherctl token --ring DIR [--group N] [OPTIONS]\n"
	"Prints one connect token with its secret, as clients take it: whoever has it can connect\n"
	"once, until it expires.\n"
	"      --life S           seconds it may be used, 1 to 120 (default 30)\n"
	"      --session GUUID    session (default: a new one)\n"
	"      --tenant GUUID     tenant (default: zero)\n"
	"      --subject GUUID    subject (default: zero)\n"
	"      --addr CIDR        only from these addresses: 192.0.2.0/24, 2001:db8::/32\n"
	"      --max-kbps N       kbit/s (default 0: no limit)\n"
	"      --max-pps N        packets/s (default 0: no limit)\n"
	"      --max-docs N       documents (default 0: no limit)\n"
	"      --json             an object with ticket, session_id, conn_id, expires_ms\n"
	"      --out FILE         into this file (0600) instead of standard output\n"
	"Without --ring: token issue [life=S] [...] asks a running program with ephemeral keys.\n";

static const char usage_audit[] =
	"Usage: aetherctl audit verify FILE...\n"
	"Checks the chain of hashes of an audit log and names the first line that was changed,\n"
	"removed, added or torn. Several files of one log: oldest first. Prints the last hash:\n"
	"compare it with one that was kept elsewhere.\n"
	"Without a file: audit show, audit reopen go to the running program.\n";

int
ctl_say(int code, const char *fmt, ...)
{
	char buf[1024];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap); /* cut when too long */
	va_end(ap);
	len = strlen(buf);
	while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '.'))
		buf[--len] = '\0';
	fprintf(stderr, "aetherctl: %s.\n", buf);
	return code;
}

/* ---- options ------------------------------------------------------------------------------------
 */

enum { OPT_WANT = 1000 };

static const struct option longs[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "ring", required_argument, NULL, 'r' },
	{ "group", required_argument, NULL, 'g' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "timeout", required_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "life", required_argument, NULL, OPT_WANT },
	{ "session", required_argument, NULL, OPT_WANT },
	{ "tenant", required_argument, NULL, OPT_WANT },
	{ "subject", required_argument, NULL, OPT_WANT },
	{ "addr", required_argument, NULL, OPT_WANT },
	{ "max-kbps", required_argument, NULL, OPT_WANT },
	{ "max-pps", required_argument, NULL, OPT_WANT },
	{ "max-docs", required_argument, NULL, OPT_WANT },
	{ 0 },
};

static int
option_number(const char *name, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	char *end;
	const unsigned long value = strtoul(optarg, &end, 10);

	if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || value < min || value > max)
		return ctl_say(2, "--%s wants a number from %u to %u, not '%s'", name, min, max,
		               optarg);
	*ret_value = (uint32_t)value;
	return 0;
}

static int
option_want(struct ctl_options *o, const char *name)
{
	char buf[256];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	o->want_name = name;
	return token_want_set(&o->want, name, optarg, &error) == 0 ? 0 : ctl_say(2, "--%s", buf);
}

/* One option. @return 0, or the exit code */
static int
option_take(struct ctl_options *o, int c, int at)
{
	uint32_t value = o->group;
	int rc = 0;

	switch (c) {
	case 's':
		o->socket = optarg;
		return 0;
	case 'r':
		o->ring = optarg;
		return 0;
	case 'o':
		o->out = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'g':
		rc = option_number("group", 0, UINT16_MAX, &value);
		o->group = (uint16_t)value;
		return rc;
	case 't':
		value = TIMEOUT_MS / 1000;
		rc = option_number("timeout", 1, 600, &value);
		o->timeout_ms = value * 1000;
		return rc;
	default: /* OPT_WANT */
		return option_want(o, longs[at].name);
	}
}

static int
help(int nb_words, char *const *words)
{
	const char *topic = nb_words > 0 ? words[0] : "";

	if (strcmp(topic, "keys") == 0)
		fputs(usage_keys, stdout);
	else if (strcmp(topic, "token") == 0)
		fputs(usage_token, stdout);
	else if (strcmp(topic, "audit") == 0)
		fputs(usage_audit, stdout);
	else
		fputs(usage_all, stdout);
	return 0;
}

/* @return -1 to go on with the words from optind on, else the exit code */
static int
options_parse(struct ctl_options *o, int argc, char **argv)
{
	const char *env = getenv("AETHERFLOW_SOCKET");
	bool wants_help = false;
	int c, at = 0, rc;

	*o = (struct ctl_options){ .socket = env != NULL ? env : SOCKET_DEFAULT,
		                   .group = 1,
		                   .timeout_ms = TIMEOUT_MS };
	token_want_init(&o->want);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, &at)) != -1) {
		if (c == 'h') {
			wants_help = true;
			continue;
		}
		if (c == 'V') {
			puts("aetherctl " AEF_VERSION);
			return 0;
		}
		if (c == ':' || c == '?')
			return ctl_say(2, "%s '%s'; see aetherctl --help",
			               c == ':' ? "a value is missing after" : "unknown option",
			               argv[optind - 1]);
		rc = option_take(o, c, at);
		if (rc != 0)
			return rc;
	}
	if (wants_help)
		return help(argc - optind, argv + optind);
	if (optind == argc)
		return ctl_say(2, "a command is missing; see aetherctl --help");
	return -1;
}

/* ---- what is asked ------------------------------------------------------------------------------
 */

static int
remote(const struct ctl_options *o, int nb_words, char *const *words)
{
	char line[AEF_COMMAND_LINE_MAX], buf[512];
	struct aef_text text = aef_text_make(line, sizeof(line));
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct control_answer answer;
	int rc;

	for (int i = 0; i < nb_words; i++)
		aef_text_printf(&text, "%s%s", i > 0 ? " " : "", words[i]);
	if (text.cut)
		return ctl_say(2, "a command has at most %d bytes", AEF_COMMAND_LINE_MAX - 1);
	rc = control_call(o->socket, line, o->timeout_ms, &answer, &error);
	if (rc < 0)
		return ctl_say(1, "%s", error.len > 0 ? buf : aef_err_text(rc));
	fputs(answer.text_len > 0 || answer.ok ? answer.text : answer.error,
	      answer.ok ? stdout : stderr);
	if (!answer.ok && (answer.text_len == 0 || answer.text[answer.text_len - 1] != '\n'))
		fputc('\n', stderr);
	if (answer.cut)
		fputs("(the rest was cut)\n", stderr);
	rc = answer.ok ? 0 : 1;
	control_answer_free(&answer);
	return rc;
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static int
dispatch(const struct ctl_options *o, int nb, char *const *words)
{
	static const char *const ring_verbs[] = { "init", "add", "promote", "list", NULL };
	const char *verb = nb > 1 ? words[1] : "";
	const bool is_keys = strcmp(words[0], "keys") == 0;
	const bool is_token = strcmp(words[0], "token") == 0 && nb == 1;

	if (is_keys && o->ring == NULL && is_one_of(verb, ring_verbs))
		return ctl_say(2, "--ring DIR is missing; see aetherctl keys --help");
	if (is_token && o->ring == NULL)
		return ctl_say(2, "--ring DIR is missing; see aetherctl token --help");
	if (!is_token && (o->json || o->out != NULL || o->want_name != NULL))
		return ctl_say(2,
		               "--json, --out and the limits of a token are for aetherctl token");
	if (is_keys && o->ring != NULL)
		return ctl_keys(o, nb - 1, words + 1);
	if (is_token)
		return ctl_token(o);
	if (o->ring != NULL && strcmp(words[0], "token") == 0)
		return ctl_say(2,
		               "with --ring it is `aetherctl token`, without `%s`, which asks the "
		               "running program; see aetherctl token --help",
		               words[1]);
	if (o->ring != NULL)
		return ctl_say(2, "--ring is for aetherctl keys and token; see aetherctl --help");
	if (strcmp(words[0], "audit") == 0 && strcmp(verb, "verify") == 0)
		return ctl_audit_verify(nb - 2, words + 2);
	return remote(o, nb, words);
}

/* What is in this process is secret: no core dump, nobody may attach. */
static void
harden(void)
{
	const struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_DUMPABLE, 0);     /* cannot fail with this value */
	(void)setrlimit(RLIMIT_CORE, &none); /* lowering is allowed to everybody */
	(void)umask(077);
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
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	struct ctl_options o;
	int rc;

	standard_fds_open();
	harden();
	(void)signal(SIGPIPE, SIG_IGN);
	rc = options_parse(&o, argc, argv);
	if (rc < 0)
		rc = dispatch(&o, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return ctl_say(1, "the output could not be written");
	return rc;
}
