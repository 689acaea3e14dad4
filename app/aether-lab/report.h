/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a run for people (summary) and for programs (--json).
 */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include <stdio.h>

#include "figures.h"
#include "verdict.h"

/** Some lines of totals, before the verdict. */
void lab_report_print(const struct lab *lab, const struct lab_figures *figures);

/** Write every figure as JSON to @p out, which is opts.json. @return 0 or AEF_ERR_IO */
AEF_MUST_CHECK int lab_report_json(const struct lab *lab, const struct lab_figures *figures,
                                   const struct lab_verdict *verdict, FILE *out,
                                   struct aef_text *ret_error);

#endif
