/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX   32u /* link settings, each an option of its own */
#define DURATION_S 3600u
#define SLOTS      8192u
#define SLOTS_MAX  262144u
#define ETHER_LEN  14u

enum {
	OPT_KEY = 256,
	OPT_LEFT = 512,
	OPT_RIGHT,
	OPT_TO_LEFT,
	OPT_TO_RIGHT,
	OPT_SEED,
	OPT_DURATION,
	OPT_STATS,
	OPT_SLOTS,
	OPT_HELP,
	OPT_VERSION
};

static const struct option own[] = {
	{ "left", required_argument, NULL, OPT_LEFT },
	{ "right", required_argument, NULL, OPT_RIGHT },
	{ "to-left", required_argument, NULL, OPT_TO_LEFT },
	{ "to-right", required_argument, NULL, OPT_TO_RIGHT },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "stats", required_argument, NULL, OPT_STATS },
	{ "slots", required_argument, NULL, OPT_SLOTS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
};

static void
print_help(void)
{
	printf("aether-link --left IFACE --right IFACE [settings]\n"
	       "\n"
	       "Forward Ethernet frames between two interfaces through an emulated link, one for "
	       "each\n"
	       "direction. Needs root. Stops after --duration, or at SIGINT or SIGTERM.\n"
	       "\n"
	       "  --left IFACE       one end\n"
	       "  --right IFACE      the other end\n"
	       "  --seed N           the same seed makes the same decisions (default 1)\n"
	       "  --duration S       seconds to run, 0: until a signal (default %u)\n"
	       "  --stats S          statistics each S seconds, 0: at the end only (default 0)\n"
	       "  --slots N          frames in flight per direction, at most (default %u)\n"
	       "  --to-right LIST    settings of one direction only, such as loss=5%%,delay=20ms\n"
	       "  --to-left LIST\n"
	       "  --help, --version\n"
	       "\n"
	       "Settings of both directions, each with an example; off switches one off:\n",
	       DURATION_S, SLOTS);
	for (unsigned i = 0; link_conf_key(i) != NULL; i++)
		printf("  --%-9s %s\n", link_conf_key(i), link_conf_key_help(i));
	printf("\nExample: aether-link --left veth-a --right veth-b --delay 30ms --jitter 5ms "
	       "--loss 2%%\n");
}

static bool
parse_number(const char *name, const char *text, uint64_t lowest, uint64_t highest,
             uint64_t *ret_value)
{
	char *end;

	errno = 0;
	const uint64_t value = strtoull(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < lowest ||
	    value > highest) {
		fprintf(stderr,
		        "aether-link: --%s must be a whole number from %llu to %llu, not "
		        "\"%.40s\".\n",
		        name, (unsigned long long)lowest, (unsigned long long)highest, text);
		return false;
	}
	*ret_value = value;
	return true;
}

static bool
set_both(struct options *o, const char *key, const char *value)
{
	char err[256];

	if (link_conf_set(&o->to_right, key, value, err, sizeof(err)) != 0 ||
	    link_conf_set(&o->to_left, key, value, err, sizeof(err)) != 0) {
		fprintf(stderr, "aether-link: --%s\n", err);
		return false;
	}
	return true;
}

static bool
set_one(struct link_conf *conf, const char *name, const char *list)
{
	char err[256];

	if (link_conf_set_list(conf, list, err, sizeof(err)) != 0) {
		fprintf(stderr, "aether-link: --%s: %s\n", name, err);
		return false;
	}
	return true;
}

static bool
set_own(struct options *o, int opt, const char *value)
{
	uint64_t slots;

	switch (opt) {
	case OPT_LEFT:
		o->left = value;
		return true;
	case OPT_RIGHT:
		o->right = value;
		return true;
	case OPT_TO_LEFT:
		return set_one(&o->to_left, "to-left", value);
	case OPT_TO_RIGHT:
		return set_one(&o->to_right, "to-right", value);
	case OPT_SEED:
		return parse_number("seed", value, 0, UINT64_MAX, &o->seed);
	case OPT_DURATION:
		return parse_number("duration", value, 0, 31536000, &o->duration_s);
	case OPT_STATS:
		return parse_number("stats", value, 0, 86400, &o->stats_s);
	case OPT_SLOTS:
		if (!parse_number("slots", value, 1, SLOTS_MAX, &slots))
			return false;
		o->slots = (uint32_t)slots;
		return true;
	default:
		return false;
	}
}

static bool
check_ends(const struct options *o)
{
	if (o->left == NULL || o->right == NULL) {
		fprintf(stderr, "aether-link: name both interfaces with --left and --right; --help "
		                "says more.\n");
		return false;
	}
	if (strcmp(o->left, o->right) == 0) {
		fprintf(stderr,
		        "aether-link: --left and --right must be two interfaces, both are "
		        "\"%.40s\".\n",
		        o->left);
		return false;
	}
	return true;
}

/* Complain about what getopt refused, in our own words. */
static void
refuse(int opt, char **argv)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		fprintf(stderr, "aether-link: %.40s needs a value; --help says which.\n", word);
	else
		fprintf(stderr, "aether-link: there is no option \"%.40s\"; --help lists them.\n",
		        word);
}

bool
options_parse(int argc, char **argv, struct options *ret_options, int *ret_exit)
{
	struct option all[KEYS_MAX + AEF_DIM(own) + 1];
	struct options o = { .seed = 1, .duration_s = DURATION_S, .slots = SLOTS };
	unsigned nb = 0;
	int opt;

	/* Addresses stay intact, or a corrupted frame would end in the next kernel instead of its
	 * reader. */
	o.to_right.corrupt_skip_bytes = o.to_left.corrupt_skip_bytes = ETHER_LEN;
	memset(all, 0, sizeof(all));
	for (; nb < KEYS_MAX && link_conf_key(nb) != NULL; nb++)
		all[nb] = (struct option){ link_conf_key(nb), required_argument, NULL,
			                   OPT_KEY + (int)nb };
	memcpy(all + nb, own, sizeof(own));

	*ret_exit = 2;
	while ((opt = getopt_long(argc, argv, ":", all, NULL)) != -1) {
		if (opt == '?' || opt == ':') {
			refuse(opt, argv);
			return false;
		}
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			if (opt == OPT_HELP)
				print_help();
			else
				printf("aether-link %s\n", AEF_VERSION);
			*ret_exit = 0;
			return false;
		}
		if (opt < OPT_LEFT ? !set_both(&o, all[opt - OPT_KEY].name, optarg)
		                   : !set_own(&o, opt, optarg))
			return false;
	}
	if (optind < argc) {
		fprintf(stderr, "aether-link: \"%.40s\" belongs to no option; --help lists them.\n",
		        argv[optind]);
		return false;
	}
	if (!check_ends(&o))
		return false;
	*ret_options = o;
	return true;
}
