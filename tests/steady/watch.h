/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.h - what an lcore does that it must not: allocations, system calls, large copies.
 *
 * Allocations are seen by standing in front of glibc's allocator and of DPDK's; system calls by a
 * seccomp filter that traps every one of the thread it was armed on (nothing but sigreturn passes,
 * and a trapped call is not executed); copies by standing in front of memcpy and memmove.
 *
 * Context: each count belongs to the thread that armed; read by others after it stopped.
 */
#ifndef TESTS_STEADY_WATCH_H
#define TESTS_STEADY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* A copy at least this long can only be payload: no header or record of ours is as long. */
#define WATCH_COPY_MIN 512u

struct watch {
	uint64_t allocs;
	uint64_t syscalls;
	uint64_t copied_bytes; /* in copies of WATCH_COPY_MIN and more */
	int first_syscall;     /* number of the first one; -1: none */
};

/** True when this build can count allocations (a sanitizer stands in the same place). */
bool watch_counts_allocs(void);

/**
 * From here on everything of this thread is counted into @p watch, for ever.
 *
 * @return 0, or -1 when the kernel refuses the filter
 */
int watch_arm(struct watch *watch);

/** Prove on the calling, armed thread that each of the three is seen; then start from 0.
 * @return true when it is so */
bool watch_control(void);

#endif
