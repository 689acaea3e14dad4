/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.c - pages for secrets.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <base/err.h>
#include <crypto/provider.h>
#include <protect/mem.h>

/* @return bytes rounded up to whole pages, or 0 when that with two guard pages would wrap */
static size_t
whole_pages(size_t bytes, size_t page)
{
	if (bytes == 0 || bytes > SIZE_MAX - 4 * page)
		return 0;
	return (bytes + page - 1) / page * page;
}

int
protect_mem_alloc(size_t bytes, void **ret_mem)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), len = whole_pages(bytes, page);
	int rc = AEF_ERR_NOMEM;

	*ret_mem = NULL;
	if (len == 0)
		return AEF_ERR_NOMEM;
	uint8_t *map = mmap(NULL, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return AEF_ERR_NOMEM;
	/* Left out of core dumps and of children before the first secret is written. */
	if (mprotect(map + page, len, PROT_READ | PROT_WRITE) != 0 ||
	    madvise(map + page, len, MADV_DONTDUMP) != 0 ||
	    madvise(map + page, len, MADV_DONTFORK) != 0)
		goto fail;
	if (mlock(map + page, len) != 0) {
		rc = AEF_ERR_LIMIT;
		goto fail;
	}
	*ret_mem = map + page;
	return 0;

fail:
	(void)munmap(map, len + 2 * page); /* nothing was in there yet */
	return rc;
}

void
protect_mem_free(void *mem, size_t bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), len = whole_pages(bytes, page);

	if (mem == NULL)
		return;
	aef_assert(len != 0 && (uintptr_t)mem % page == 0);
	crypto_wipe(mem, len);
	/* Unmapping unlocks. A failure means that the pair (mem, bytes) is not what alloc gave. */
	const int rc = munmap((uint8_t *)mem - page, len + 2 * page);

	aef_assert(rc == 0);
	(void)rc;
}
