/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interactive console: testpmd's words on standard input, a terminal or a pipe.
 */
#ifndef LAB_CONSOLE_H
#define LAB_CONSOLE_H

#include <runtime/command.h>

#include "figures.h"

struct lab_console {
	struct lab *lab;
	struct aef_commands cmds;
	char buf[AEF_COMMAND_LINE_MAX * 2];
	size_t len;
	bool eof, quit, prompted, overlong;
	bool waiting;                /* `wait`: lines stay where they are */
	uint64_t wait_until_ns;      /* 0: until typing and convergence have ended */
	enum lab_phase phase;        /* as last told to the user */
	struct lab_figures at_clear; /* of the links: what `clear` counts from */
};

/** Start. @return 0 or AEF_ERR_NOMEM */
AEF_MUST_CHECK int lab_console_init(struct lab_console *console, struct lab *lab);

/** Free the commands; accepts a zeroed console. */
void lab_console_fini(struct lab_console *console);

/** Run the lines that have come in; tell of phases that ended. Never blocks. */
void lab_console_step(struct lab_console *console);

#endif
