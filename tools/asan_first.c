/*
 * asan_first.c
 *	  Initialises AddressSanitizer before any other library's constructor.
 *
 * libgpg-error's constructor allocates while it holds gettext's lock; if that is the first
 * allocation, ASan initialises itself there, asks gettext for an error text and destroys the lock.
 * Linked with -z initfirst and preloaded beside libasan, this constructor allocates earlier.
 */
#include <stdlib.h>

static void *volatile asan_first_block;

static __attribute__((constructor)) void
asan_first_initialise(void)
{
	asan_first_block = malloc(1);
	free(asan_first_block);
}
