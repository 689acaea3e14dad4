/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lab as a whole: appliance, clients, links, and the phases of a run.
 *
 *   connect -> type -> settle -> end       (with the console: type and settle repeat)
 *
 * Context: main thread.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "appliance.h"
#include "client.h"
#include "core.h"
#include "direct.h"
#include "options.h"

#define LAB_CORES_MAX (2u + LAB_LCORES_MAX + LAB_WORKERS_MAX)

enum lab_phase { LAB_CONNECT, LAB_IDLE, LAB_TYPE, LAB_SETTLE, LAB_END };

/* What the phases depend on; taken by the host's thread. */
struct lab_progress {
	uint32_t nb_live, nb_failed;
	bool authors_done;            /* or nobody has a trace */
	bool in_sync;                 /* every replica has every operation that was made */
	uint64_t ops_made, ops_total; /* total: of the trace, 0 without */
};

struct lab {
	struct lab_opts opts;
	struct lab_trace trace;
	struct lab_appliance app;
	struct lab_direct *direct; /* instead of lcores and workers; NULL: those */
	struct lab_host host;
	struct lab_core cores[LAB_CORES_MAX]; /* host, transport, workers, handshakes */
	uint32_t nb_cores;
	atomic_bool stop;
	bool threaded;
	unsigned lcore_ids[LAB_CORES_MAX];

	enum lab_phase phase;
	uint64_t begin_ns;            /* of the run */
	uint64_t phase_ns;            /* begin of this phase */
	uint64_t typed_ns_sum;        /* time spent typing so far */
	uint64_t settled_ns;          /* time the last settling took */
	uint64_t type_for_ns;         /* of this typing; AEF_TIME_NEVER: until stop */
	uint64_t moved_ops, moved_ns; /* of the last operation that was made, and when */
	bool timed_out;
	struct lab_progress progress;
};

/** Load the trace, start the appliance, make the clients. @return 0 or an error with a sentence */
AEF_MUST_CHECK int lab_init(struct lab *lab, const struct lab_opts *opts,
                            struct aef_text *ret_error);

/** Free everything; the threads are stopped first. */
void lab_fini(struct lab *lab);

/** Launch the lcores. Not in lockstep. @return 0 or an error with a sentence */
AEF_MUST_CHECK int lab_launch(struct lab *lab, struct aef_text *ret_error);

/** Stop the lcores and wait for them; afterwards everything may be looked at. */
void lab_halt(struct lab *lab);

/** Let time pass: sleep in real time, run the cores in lockstep. @return false: lockstep is stuck
 */
bool lab_advance(struct lab *lab, uint64_t ns);

/** Look at the progress and go to the next phase when it is time. */
void lab_step(struct lab *lab);

/** Editors type for @p ns, authors go on with the trace. */
void lab_start_typing(struct lab *lab, uint64_t ns);

/** No more keystrokes; wait for convergence. */
void lab_stop_typing(struct lab *lab);

/** State of the service that owns document @p doc_idx. */
void *lab_service_of(const struct lab *lab, uint32_t doc_idx);

/** Time on the lab's clock. */
uint64_t lab_now_ns(const struct lab *lab);

#endif
