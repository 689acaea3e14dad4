/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-cat/cat.h - the two ends of quantum-cat.
 *
 * Context: main thread.
 */
#ifndef QUANTUM_CAT_CAT_H
#define QUANTUM_CAT_CAT_H

#include "options.h"
#include "stream.h"

/** Fill what both ends have in common: provider, loss on purpose. */
void cat_io_conf(const struct options *o, struct aef_rng *rng, struct client_io_conf *ret_conf);

/** True after SIGINT or SIGTERM. */
bool cat_stopped(void);

/** True when the time-out of the command line has passed. */
bool cat_late(const struct stream *s);

/** Connect, send, receive; exit status. */
int cat_dial(const struct options *o, struct stream *s);

/** Listen; exit status. */
int cat_serve(const struct options *o, struct stream *s);

#endif
