/*-------------------------------------------------------------------------
 *
 * rve_base.c
 *	  Host handlers and allocation of the engine.
 *
 * Owns the one process-wide RveHandlers; everything else in the engine is
 * free of global state.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/base/rve_base.h"

#include <stdlib.h>
#include <string.h>

static bool
base_never_interrupted(void)
{
	return false;
}

static RveHandlers base_handlers = {malloc, free, base_never_interrupted};

void
rve_base_set_handlers(const RveHandlers *handlers)
{
	base_handlers = *handlers;
}

void *
rve_base_alloc(size_t size)
{
	return base_handlers.alloc(size > 0 ? size : 1);
}

void *
rve_base_alloc0(size_t size)
{
	void	   *ptr = rve_base_alloc(size);

	if (ptr != NULL)
		memset(ptr, 0, size);
	return ptr;
}

void *
rve_base_alloc_array(size_t count, size_t size)
{
	size_t		total;

	if (!rve_base_mul(count, size, &total))
		return NULL;
	return rve_base_alloc(total);
}

void
rve_base_free(void *ptr)
{
	if (ptr != NULL)
		base_handlers.free(ptr);
}

bool
rve_base_interrupted(void)
{
	return base_handlers.interrupted();
}

const char *
rve_base_status_name(RveStatus status)
{
	switch (status)
	{
		case RVE_OK:
			return "ok";
		case RVE_NO_MEMORY:
			return "out of memory";
		case RVE_INTERRUPTED:
			return "interrupted";
		case RVE_INVALID_ARGUMENT:
			return "invalid argument";
		case RVE_TOO_LARGE:
			return "too large";
		case RVE_CORRUPT:
			return "corrupt data";
	}
	return "unknown status";
}
