/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-cat/cat.h - the two ends of quantum-cat.
 *
 * Context: main thread.
 */
#ifndef QUANTUM_CAT_CAT_H
#define QUANTUM_CAT_CAT_H

#include <client/client.h>
#include <protect/ring.h>

#include "options.h"
#include "stream.h"

/** Fill what both ends have in common: loss on purpose. */
void cat_io_conf(const struct options *o, struct aef_rng *rng, struct client_io_conf *ret_conf);

/** True after SIGINT or SIGTERM. */
bool cat_stopped(void);

/** True once after each SIGHUP. */
bool cat_reload(void);

/** True when the time-out of the command line has passed. */
bool cat_late(const struct stream *s);

/** The ring of --ring; complains itself and returns NULL. With --listen a missing one is made. */
struct protect_ring *cat_ring_open(const struct options *o);

/** The ticket to connect with, from wherever the options say; complains itself. */
bool cat_ticket_get(const struct options *o, struct client_ticket *ret_ticket);

/** Connect, send, receive; exit status. */
int cat_dial(const struct options *o, struct stream *s);

/** Listen; exit status. */
int cat_serve(const struct options *o, struct stream *s);

#endif
