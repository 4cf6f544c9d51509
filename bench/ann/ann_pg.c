/*-------------------------------------------------------------------------
 *
 * ann_pg.c
 *	  Loading, inserting and watched statements over libpq.
 *
 *-------------------------------------------------------------------------
 */
#include "ann_pg.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PG_FIELDS 6				/* id, v, r10, r100, c10, c100 */
#define PG_MAX_PROCESSES 64
#define PG_COPY_CHUNK (1 << 18)

/* A connection to --conn in which --setup has been run. */
PGconn *
ann_connect(void)
{
	PGconn	   *conn = PQconnectdb(ann_option("conn", NULL));
	const char *setup = ann_option("setup", "");

	if (PQstatus(conn) != CONNECTION_OK)
		ann_fail("%s", PQerrorMessage(conn));
	if (*setup)
		ann_command(conn, setup);
	return conn;
}

void
ann_command(PGconn *conn, const char *command)
{
	PGresult   *result = PQexec(conn, command);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		ann_fail("%s: %s", command, PQerrorMessage(conn));
	PQclear(result);
}

/* The one number that a query returns. */
double
ann_ask(PGconn *conn, const char *query)
{
	PGresult   *result = PQexec(conn, query);
	double		value;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		ann_fail("%s: %s", query, PQerrorMessage(conn));
	value = atof(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

void
ann_prepare(PGconn *conn, const char *name, const char *statement)
{
	PGresult   *result = PQprepare(conn, name, statement, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		ann_fail("%s: %s", statement, PQerrorMessage(conn));
	PQclear(result);
}

static char *
pg_put_int32(char *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

/* A vector in its binary form: int16 dimensions, int16 zero, elements; returns its length. */
size_t
ann_vector_bytes(const float *vector, int dim, char *out)
{
	out = pg_put_int32(out, (uint32_t) dim << 16);
	for (int i = 0; i < dim; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &vector[i], sizeof(bits));
		out = pg_put_int32(out, bits);
	}
	return 4 + 4 * (size_t) dim;
}

/* Sends what is in the buffer. */
static void
pg_put_copy(PGconn *conn, const char *buffer, char **at)
{
	if (PQputCopyData(conn, buffer, (int) (*at - buffer)) != 1)
		ann_fail("COPY: %s", PQerrorMessage(conn));
	*at = (char *) buffer;
}

/* One row of COPY BINARY. */
static char *
pg_copy_row(char *at, const AnnSet *set, const AnnColumns *columns, size_t row)
{
	uint16_t	fields = htons(PG_FIELDS);

	memcpy(at, &fields, sizeof(fields));
	at = pg_put_int32(at + 2, 4);
	at = pg_put_int32(at, (uint32_t) row);
	at = pg_put_int32(at, 4 + 4 * (uint32_t) set->dim);
	at += ann_vector_bytes(set->rows + row * set->dim, set->dim, at);
	for (int c = 0; c < 4; c++)
	{
		at = pg_put_int32(at, 4);
		at = pg_put_int32(at, (uint32_t) ann_column(columns, c)[row]);
	}
	return at;
}

static void
pg_copy_end(PGconn *conn)
{
	PGresult   *result;

	if (PQputCopyEnd(conn, NULL) != 1)
		ann_fail("COPY: %s", PQerrorMessage(conn));
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			ann_fail("COPY: %s", PQerrorMessage(conn));
		PQclear(result);
	}
}

/* The numbers of the rows to load: all, or with --gone those of the deleted tenth, --skip and --limit. */
static uint32_t *
pg_rows_to_load(const AnnSet *set, const AnnColumns *columns, size_t *count)
{
	int			only_gone = ann_option_number("gone", 0) != 0;
	size_t		skip = ann_option_number("skip", 0),
				limit = ann_option_number("limit", (long) set->count);
	uint32_t   *rows = ann_alloc(set->count, sizeof(uint32_t));

	if (columns->count < set->count)
		ann_fail("there are columns for %zu rows, %zu are needed", columns->count, set->count);
	*count = 0;
	for (size_t i = 0; i < set->count && *count < limit; i++)
	{
		if (only_gone && !ann_column(columns, 4)[i])
			continue;
		if (skip > 0)
			skip--;
		else
			rows[(*count)++] = (uint32_t) i;
	}
	return rows;
}

static void
pg_print_rate(const char *kind, size_t rows, double seconds)
{
	printf("{\"kind\": \"%s\", \"rows\": %zu, \"seconds\": %.3f, \"rows_per_s\": %.1f}\n", kind, rows, seconds,
		   rows / seconds);
}

/* load --conn --table --base --rows --columns [--gone 1 --skip --limit]: COPY BINARY */
void
ann_load(void)
{
	AnnSet		set = ann_open_set(ann_option("base", NULL), ann_option_number("rows", 0));
	AnnColumns	columns = ann_open_columns(ann_option("columns", NULL));
	PGconn	   *conn = ann_connect();
	char	   *buffer = ann_alloc(PG_COPY_CHUNK + 128 + 4 * (size_t) set.dim, 1);
	char	   *at = buffer;
	char		command[256];
	size_t		count;
	uint32_t   *rows = pg_rows_to_load(&set, &columns, &count);
	double		start = ann_now();
	PGresult   *result;

	snprintf(command, sizeof(command), "COPY %s (id, v, r10, r100, c10, c100) FROM STDIN (FORMAT binary)",
			 ann_option("table", NULL));
	result = PQexec(conn, command);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		ann_fail("%s: %s", command, PQerrorMessage(conn));
	PQclear(result);
	memcpy(at, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	at += 19;
	for (size_t i = 0; i < count; i++)
	{
		at = pg_copy_row(at, &set, &columns, rows[i]);
		if (at - buffer >= PG_COPY_CHUNK)
		{
			pg_put_copy(conn, buffer, &at);
			ann_progress("COPY", i, count);
		}
	}
	memcpy(at, "\377\377", 2);
	at += 2;
	pg_put_copy(conn, buffer, &at);
	pg_copy_end(conn);
	ann_progress("COPY", 1, 1);
	pg_print_rate("copy", count, ann_now() - start);
	PQfinish(conn);
}

/* insert: as load, by single-row INSERTs of a prepared statement, 100 a transaction */
void
ann_insert(void)
{
	AnnSet		set = ann_open_set(ann_option("base", NULL), ann_option_number("rows", 0));
	AnnColumns	columns = ann_open_columns(ann_option("columns", NULL));
	PGconn	   *conn = ann_connect();
	char	   *vector = ann_alloc(4 + 4 * (size_t) set.dim, 1);
	char		command[256];
	size_t		count;
	uint32_t   *rows = pg_rows_to_load(&set, &columns, &count);
	double		start = ann_now();

	snprintf(command, sizeof(command),
			 "INSERT INTO %s (id, v, r10, r100, c10, c100) VALUES ($1, $2, $3, $4, $5, $6)",
			 ann_option("table", NULL));
	ann_prepare(conn, "add", command);
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	numbers[PG_FIELDS];
		const char *values[PG_FIELDS];
		int			lengths[PG_FIELDS],
					binary[PG_FIELDS];
		PGresult   *result;

		for (int c = 0; c < PG_FIELDS; c++)
		{
			numbers[c] = htonl(c == 0 ? rows[i] : c == 1 ? 0 : (uint32_t) ann_column(&columns, c - 2)[rows[i]]);
			values[c] = (char *) &numbers[c];
			lengths[c] = 4;
			binary[c] = 1;
		}
		values[1] = vector;
		lengths[1] = (int) ann_vector_bytes(set.rows + (size_t) rows[i] * set.dim, set.dim, vector);
		if (i % 100 == 0)
			ann_command(conn, i > 0 ? "COMMIT; BEGIN" : "BEGIN");
		result = PQexecPrepared(conn, "add", PG_FIELDS, values, lengths, binary, 1);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			ann_fail("INSERT: %s", PQerrorMessage(conn));
		PQclear(result);
		ann_progress("single-row INSERT", i, count);
	}
	ann_command(conn, count > 0 ? "COMMIT" : "SELECT 1");
	ann_progress("single-row INSERT", 1, 1);
	pg_print_rate("insert", count, ann_now() - start);
	PQfinish(conn);
}

/* ---------------------------------------------------------------- a statement, watched */

/* The backend and the workers of the statement, and what memory they have had. */
typedef struct PgWatch
{
	PGconn	   *conn;
	char		processes[160];	/* query for their pids */
	char		progress[200];	/* query for done / total */
	int			count;
	int			pid[PG_MAX_PROCESSES];
	double		peak_mb[PG_MAX_PROCESSES];	/* VmHWM */
	double		cpu[PG_MAX_PROCESSES];	/* processor seconds when last seen */
	double		private_mb;		/* largest sum of RssAnon */
} PgWatch;

/* One line of /proc/<pid>/status in MB, 0 when the process is gone. */
static double
watch_status_mb(int pid, const char *name)
{
	char		path[64],
				line[256];
	FILE	   *in;
	double		mb = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	in = fopen(path, "r");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			mb = atof(line + strlen(name) + 1) / 1024;
	if (in != NULL)
		fclose(in);
	return mb;
}

static void
watch_sample(PgWatch *watch)
{
	PGresult   *result = PQexec(watch->conn, watch->processes);
	double		private_mb = 0;

	for (int i = 0; i < PQntuples(result); i++)
	{
		int			pid = atoi(PQgetvalue(result, i, 0)),
					at = 0;
		double		peak = watch_status_mb(pid, "VmHWM");

		while (at < watch->count && watch->pid[at] != pid)
			at++;
		if (at == PG_MAX_PROCESSES)
			ann_fail("more than %d workers", PG_MAX_PROCESSES);
		if (at == watch->count)
			watch->pid[watch->count++] = pid;
		if (peak > watch->peak_mb[at])
			watch->peak_mb[at] = peak;
		if (ann_process_cpu(pid) > watch->cpu[at])
			watch->cpu[at] = ann_process_cpu(pid);
		private_mb += watch_status_mb(pid, "RssAnon");
	}
	if (private_mb > watch->private_mb)
		watch->private_mb = private_mb;
	PQclear(result);
}

static void
watch_progress(PgWatch *watch)
{
	PGresult   *result = PQexec(watch->conn, watch->progress);

	if (PQntuples(result) == 1)
		ann_progress("CREATE INDEX", atof(PQgetvalue(result, 0, 0)), 1.0001);
	PQclear(result);
}

/* statement --conn --sql: seconds, WAL bytes, peak memory of the backend and its workers */
void
ann_statement(void)
{
	static const char wal[] = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn";
	PGconn	   *conn = ann_connect();
	PgWatch		watch = {.conn = PQconnectdb(ann_option("conn", NULL))};
	const char *sql = ann_option("sql", NULL);
	int			pid = PQbackendPID(conn);
	PGresult   *result;
	double		wal_start = ann_ask(watch.conn, wal),
				start,
				seconds,
				cpu = -ann_process_cpu(pid),
				peak = 0;

	snprintf(watch.processes, sizeof(watch.processes),
			 "SELECT pid FROM pg_stat_activity WHERE pid = %d OR leader_pid = %d", pid, pid);
	snprintf(watch.progress, sizeof(watch.progress),
			 "SELECT coalesce(greatest(tuples_done / nullif(tuples_total, 0)::float8, blocks_done / "
			 "nullif(blocks_total, 0)::float8), 0) FROM pg_stat_progress_create_index WHERE pid = %d", pid);
	start = ann_now();
	if (!PQsendQuery(conn, sql))
		ann_fail("%s: %s", sql, PQerrorMessage(conn));
	while (PQconsumeInput(conn) && PQisBusy(conn))
	{
		struct pollfd socket = {.fd = PQsocket(conn), .events = POLLIN};

		if (poll(&socket, 1, 100) == 0)
		{
			watch_sample(&watch);
			watch_progress(&watch);
		}
	}
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
			ann_fail("%s: %s", sql, PQerrorMessage(conn));
		PQclear(result);
	}
	seconds = ann_now() - start;
	watch_sample(&watch);
	for (int i = 0; i < watch.count; i++)
	{
		peak += watch.peak_mb[i];
		cpu += watch.cpu[i];
	}
	printf("{\"kind\": \"statement\", \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"wal_bytes\": %.0f, "
		   "\"peak_mb\": %.1f, \"private_mb\": %.1f, \"processes\": %d}\n", seconds, cpu, ann_ask(watch.conn, wal) - wal_start, peak,
		   watch.private_mb, watch.count);
	PQfinish(watch.conn);
	PQfinish(conn);
}
