/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/mem.h - memory for secrets: locked, left out of core dumps, not inherited by fork, wiped
 * when it is given back; and the one source of random bytes.
 *
 * Source:  mlock(2), madvise(2) MADV_DONTDUMP and MADV_DONTFORK, getrandom(2).
 * Units:   bytes.
 * Context: any thread; alloc and free are for start and stop, they make system calls.
 */
#ifndef PROTECT_MEM_H
#define PROTECT_MEM_H

#include <base/defs.h>

/**
 * Take @p bytes of zeroed secret memory, page aligned, with an inaccessible page on either side.
 *
 * @param ret_mem owned by the caller: protect_mem_free()
 * @return 0; AEF_ERR_NOMEM: no memory; AEF_ERR_LIMIT: it cannot be locked (RLIMIT_MEMLOCK)
 */
AEF_MUST_CHECK int protect_mem_alloc(size_t bytes, void **ret_mem);

/** Wipe and unmap; NULL is accepted. @p bytes as it was asked for. */
void protect_mem_free(void *mem, size_t bytes);

/**
 * Overwrite what calls on this thread left behind: the dead stack below, and the vector registers,
 * which a thread that sleeps keeps and a core dump shows. After work with keys that is not followed
 * by a provider's call: the provider cleans up after itself.
 */
void protect_forget(void);

/**
 * Fill @p ret with @p len unpredictable bytes.
 *
 * @return 0, or AEF_ERR_IO: then do not start
 */
AEF_MUST_CHECK int protect_random(void *ret, size_t len);

#endif
