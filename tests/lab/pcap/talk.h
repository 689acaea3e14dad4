/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * talk.h - a client and a listener in one process, every datagram of which goes into the capture.
 */
#ifndef PCAP_TALK_H
#define PCAP_TALK_H

#include <base/defs.h>

/** Connect, echo messages over a change of key epoch and of the client's port, close. @return 0 or
 * an enum aef_err (said) */
AEF_MUST_CHECK int talk(uint16_t port);

#endif
