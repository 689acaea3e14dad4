/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockio/sockio_priv.h - what unit tests need beyond the public face.
 *
 * Context: the thread of the socket.
 */
#ifndef SOCKIO_SOCKIO_PRIV_H
#define SOCKIO_SOCKIO_PRIV_H

#include <sockio/sockio.h>

/** Make every segmented send fail as on a path whose device cannot segment (EIO), or stop that. */
void sockio_test_refuse_gso(struct sockio *sock, bool refuse);

#endif
