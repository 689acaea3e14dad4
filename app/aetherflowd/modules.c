/* SPDX-License-Identifier: BSD-3-Clause */
#include "aetherflowd.h"

const struct aef_module *const modules[] = {
	&log_module,       /* where messages go */
	&dpio_module,      /* EAL, packet buffers, ports */
	&limits_module,    /* what a connection may have */
	&transport_module, /* transport lcores: ports to engine */
	&worker_module,    /* worker lcores: service, links to the transport lcores */
	NULL,
};
