/*-------------------------------------------------------------------------
 *
 * rve_base.h
 *	  Foundation of the engine: status codes, host handlers, checked sizes.
 *
 * Everything under engine/core is plain C11 and knows nothing of PostgreSQL.
 * The host installs its allocator and its interrupt test once
 * (rve_base_set_handlers); without a host, malloc and "never interrupted"
 * serve the unit tests.
 *
 * Contract with a host whose allocator or callbacks may longjmp through the
 * engine: an engine frame owns nothing but memory from these handlers, so a
 * host that reclaims that memory itself (a memory context) leaks nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RVE_BASE_H
#define RVE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RveStatus
{
	RVE_OK = 0,
	RVE_NO_MEMORY,				/* the allocator returned NULL */
	RVE_INTERRUPTED,			/* the host asked to stop; nothing was completed */
	RVE_INVALID_ARGUMENT,		/* caller's fault: a value outside its range */
	RVE_TOO_LARGE,				/* a size would overflow or exceed a limit */
	RVE_CORRUPT					/* bytes that no encoder of ours could have produced */
} RveStatus;

typedef struct RveHandlers
{
	void	   *(*alloc) (size_t size); /* NULL when memory is short; not zeroed */
	void		(*free) (void *ptr);
	bool		(*interrupted) (void);	/* true when the current work should stop */
} RveHandlers;

/* Installs the host's handlers; the struct is copied. Not thread-safe: call once, at load. */
extern void rve_base_set_handlers(const RveHandlers *handlers);

/* Allocation through the handlers. alloc0 zeroes; array forms check count * size. */
extern void *rve_base_alloc(size_t size);
extern void *rve_base_alloc0(size_t size);
extern void *rve_base_alloc_array(size_t count, size_t size);
extern void rve_base_free(void *ptr);

/* True when the host wants the current work to stop; cheap enough for every loop. */
extern bool rve_base_interrupted(void);

/* English text of a status, for logs and tests; static storage. */
extern const char *rve_base_status_name(RveStatus status);

/* Checked size arithmetic: false on overflow, *result untouched then. */
static inline bool
rve_base_mul(size_t a, size_t b, size_t *result)
{
	size_t		r;

	if (__builtin_mul_overflow(a, b, &r))
		return false;
	*result = r;
	return true;
}

static inline bool
rve_base_add(size_t a, size_t b, size_t *result)
{
	size_t		r;

	if (__builtin_add_overflow(a, b, &r))
		return false;
	*result = r;
	return true;
}

/*
 * A small seeded generator (splitmix64, Steele et al., OOPSLA 2014) for levels,
 * rotations and samples: reproducible on every platform.
 */
static inline uint64_t
rve_base_random_next(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform double in (0, 1]: never 0, so that its logarithm is finite. */
static inline double
rve_base_random_unit(uint64_t *state)
{
	return ((double) (rve_base_random_next(state) >> 11) + 1.0) * 0x1.0p-53;
}

#endif							/* RVE_BASE_H */
