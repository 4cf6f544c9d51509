/*-------------------------------------------------------------------------
 *
 * copy_binary.c
 *	  Reading rows of (id text, vector) with COPY ... (FORMAT binary).
 *
 * The stream is: a signature, two header words, then for each row the number
 * of fields and for each field its length and bytes, all in network order;
 * a row of -1 fields ends it. A vector's bytes are int16 dimensions, int16
 * zero and the float4 elements.
 *
 *-------------------------------------------------------------------------
 */
#include "copy_binary.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char copy_signature[11] = "PGCOPY\n\377\r\n\0";

/* What libpq has handed out last, and how far it is read. */
typedef struct CopyStream
{
	PGconn	   *conn;
	char	   *chunk;
	size_t		length;
	size_t		position;
} CopyStream;

void
fail(const char *format,...)
{
	va_list		args;

	fputs("oracle: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void *
allocate(void *old, size_t count, size_t size)
{
	size_t		bytes;
	void	   *memory;

	if (__builtin_mul_overflow(count, size, &bytes))
		fail("out of memory");
	memory = realloc(old, bytes > 0 ? bytes : 1);
	if (memory == NULL)
		fail("out of memory");
	return memory;
}

/* Copies exactly length bytes out of the stream; a short stream ends the program. */
static void
copy_take(CopyStream *stream, void *out, size_t length)
{
	while (length > 0)
	{
		size_t		part = stream->length - stream->position;

		if (part == 0)
		{
			int			got;

			PQfreemem(stream->chunk);
			stream->chunk = NULL;
			got = PQgetCopyData(stream->conn, &stream->chunk, 0);
			if (got == -1)
				fail("COPY ended in the middle of a row");
			if (got < 0)
				fail("COPY failed: %s", PQerrorMessage(stream->conn));
			stream->length = got;
			stream->position = 0;
			continue;
		}
		if (part > length)
			part = length;
		memcpy(out, stream->chunk + stream->position, part);
		stream->position += part;
		out = (char *) out + part;
		length -= part;
	}
}

static int16_t
copy_int16(CopyStream *stream)
{
	uint16_t	raw;

	copy_take(stream, &raw, sizeof(raw));
	return (int16_t) ntohs(raw);
}

static int32_t
copy_int32(CopyStream *stream)
{
	uint32_t	raw;

	copy_take(stream, &raw, sizeof(raw));
	return (int32_t) ntohl(raw);
}

static void
copy_header(CopyStream *stream)
{
	char		signature[sizeof(copy_signature)];
	int32_t		extension;
	char		skipped;

	copy_take(stream, signature, sizeof(signature));
	if (memcmp(signature, copy_signature, sizeof(signature)) != 0)
		fail("this is not a binary COPY stream");
	(void) copy_int32(stream);
	for (extension = copy_int32(stream); extension > 0; extension--)
		copy_take(stream, &skipped, 1);
}

/* The next field as a NUL-terminated id. */
static char *
copy_id(CopyStream *stream)
{
	int32_t		length = copy_int32(stream);
	char	   *id;

	if (length < 0)
		fail("an id is NULL");
	id = allocate(NULL, (size_t) length + 1, 1);
	copy_take(stream, id, length);
	id[length] = '\0';
	return id;
}

/* The next field as a vector at the end of set; false when it is NULL. */
static int
copy_vector(CopyStream *stream, VectorSet *set)
{
	int32_t		length = copy_int32(stream);
	int			dim;
	float	   *out;

	if (length < 0)
		return 0;
	dim = copy_int16(stream);
	(void) copy_int16(stream);
	if (dim <= 0 || (size_t) length != 4 + sizeof(float) * dim)
		fail("a vector of %d dimensions has %d bytes", dim, length);
	if (set->dim == 0)
		set->dim = dim;
	if (dim != set->dim)
		fail("vectors of %d and of %d dimensions in one set", set->dim, dim);
	if (set->count == set->space)
	{
		set->space = set->space > 0 ? set->space * 2 : 1024;
		set->ids = allocate(set->ids, set->space, sizeof(char *));
		set->vectors = allocate(set->vectors, set->space * dim, sizeof(float));
	}
	out = set->vectors + set->count * dim;
	for (int i = 0; i < dim; i++)
	{
		uint32_t	bits = (uint32_t) copy_int32(stream);

		memcpy(&out[i], &bits, sizeof(bits));
	}
	return 1;
}

void
read_vectors(PGconn *conn, const char *query, VectorSet *set)
{
	CopyStream	stream = {.conn = conn};
	size_t		room = strlen(query) + 64;
	char	   *command = allocate(NULL, room, 1);
	PGresult   *result;
	int			fields;

	memset(set, 0, sizeof(*set));
	snprintf(command, room, "COPY (%s) TO STDOUT (FORMAT binary)", query);
	result = PQexec(conn, command);
	if (PQresultStatus(result) != PGRES_COPY_OUT)
		fail("%s: %s", command, PQerrorMessage(conn));
	PQclear(result);
	free(command);

	copy_header(&stream);
	while ((fields = copy_int16(&stream)) != -1)
	{
		char	   *id;

		if (fields != 2)
			fail("rows of (id, vector) are wanted, these have %d columns", fields);
		id = copy_id(&stream);
		if (copy_vector(&stream, set))
			set->ids[set->count++] = id;
		else
			free(id);
	}
	PQfreemem(stream.chunk);

	/* the end of the stream, and the command's own result */
	{
		char	   *rest = NULL;

		if (PQgetCopyData(conn, &rest, 0) != -1)
			fail("COPY failed: %s", PQerrorMessage(conn));
	}
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			fail("COPY failed: %s", PQerrorMessage(conn));
		PQclear(result);
	}
	if (set->count == 0)
		fail("no rows: %s", query);
}
