/*-------------------------------------------------------------------------
 *
 * ivf_directory.c
 *	  The directory's byte stream: lists, their first pages, their centroids.
 *
 * A directory is never changed: a new one is written beside it and the meta
 * page is switched to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "indexam/ivf_int.h"

Size
rvi_ivf_directory_size(uint32 nlists, uint32 dim)
{
	/* at most 65,536 lists of 64,000 dimensions: 16 GB, no overflow in 64 bits */
	return sizeof(RvIvfDirectoryData) + ((Size) nlists + 1) * dim * sizeof(float) +
		(Size) nlists * sizeof(RvIvfEntryData);
}

char *
rvi_ivf_directory_bytes(const RvIvfDirectory *directory, uint32 serial, Size *size)
{
	RvIvfDirectoryData head = {0};
	Size		vector = (Size) directory->dim * sizeof(float);
	char	   *bytes;
	char	   *at;

	head.nlists = directory->nlists;
	head.dim = directory->dim;
	head.serial = serial;
	*size = rvi_ivf_directory_size(directory->nlists, directory->dim);
	at = bytes = MemoryContextAllocHuge(CurrentMemoryContext, *size);
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(at, directory->origin, vector);
	at += vector;
	memcpy(at, directory->lists, directory->nlists * sizeof(RvIvfEntryData));
	at += directory->nlists * sizeof(RvIvfEntryData);
	memcpy(at, directory->centroids, directory->nlists * vector);
	return bytes;
}
