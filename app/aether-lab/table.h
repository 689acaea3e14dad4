/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table: one line each interval. On a terminal the lines scroll above a progress bar; elsewhere
 * they are plain.
 */
#ifndef LAB_TABLE_H
#define LAB_TABLE_H

#include "figures.h"

struct lab_table {
	bool terminal;
	bool bar_shown;
	uint32_t lines;
	uint64_t next_ns, next_bar_ns;
	struct lab_figures before;
};

/** Start; figures of the first line count from now. */
void lab_table_init(struct lab_table *table, struct lab *lab);

/** Print a line if it is time, and move the bar. */
void lab_table_step(struct lab_table *table, struct lab *lab);

/** Take the bar away, so that text can follow. */
void lab_table_end(struct lab_table *table);

#endif
