/* SPDX-License-Identifier: BSD-3-Clause */
#include "aetherflowd.h"

const struct aef_module *const modules[] = {
	&log_module,       /* where messages go */
	&audit_module,     /* the audit log */
	&dpio_module,      /* EAL, packet buffers, ports */
	&limits_module,    /* what a connection may have */
	&keys_module,      /* token keys of the node */
	&transport_module, /* transport lcores: ports to engine */
	&worker_module,    /* worker lcores: service, links to the transport lcores */
	&control_module,   /* event loop of the main thread, control socket */
	NULL,
};
