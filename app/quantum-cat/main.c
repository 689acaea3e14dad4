/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-cat - bytes in, messages over Quantum, bytes out: the smallest user of lib/client.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cat.h"

static volatile sig_atomic_t stopped, reload;

static void
on_signal(int signo)
{
	if (signo == SIGHUP)
		reload = 1;
	else
		stopped = 1;
}

bool
cat_reload(void)
{
	const bool wanted = reload != 0;

	reload = 0;
	return wanted;
}

bool
cat_stopped(void)
{
	return stopped != 0;
}

bool
cat_late(const struct stream *s)
{
	return s->o->timeout_s > 0 && now_ns() - s->start_ns > s->o->timeout_s * AEF_NS_PER_S;
}

struct drop {
	struct aef_rng *rng;
	uint32_t ppm;
};

static bool
drop_some(void *arg, bool tx, const uint8_t *data, uint32_t len)
{
	struct drop *drop = arg;

	(void)tx;
	(void)data;
	(void)len;
	return aef_rng_chance_ppm(drop->rng, drop->ppm);
}

void
cat_io_conf(const struct options *o, struct aef_rng *rng, struct client_io_conf *ret_conf)
{
	static struct drop drop;

	if (o->drop_ppm > 0) {
		aef_rng_init(rng, o->seed);
		drop = (struct drop){ .rng = rng, .ppm = o->drop_ppm };
		ret_conf->filter = drop_some;
		ret_conf->filter_arg = &drop;
	}
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
	struct sigaction action = { .sa_handler = on_signal };
	struct options o;
	struct stream s;
	int rc;

	standard_fds_open();
	if (!options_parse(argc, argv, &o, &rc))
		return rc;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (o.listen && o.ring != NULL)
		sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	rc = 1;
	if (stream_open(&s, &o))
		rc = o.listen ? cat_serve(&o, &s) : cat_dial(&o, &s);
	stream_close(&s);
	return rc;
}
