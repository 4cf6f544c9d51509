/*-------------------------------------------------------------------------
 *
 * ann_util.c
 *	  Options, clocks, random numbers and percentiles of the benchmark.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int	option_count;
static char **option_words;

void
ann_fail(const char *format,...)
{
	va_list		args;

	fputs("bench/ann: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* Zeroed memory that is never freed; ends the program rather than return NULL. */
void *
ann_alloc(size_t count, size_t size)
{
	void	   *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		ann_fail("out of memory");
	return memory;
}

static double
clock_seconds(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

double
ann_now(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

/* Processor seconds of this thread: what a busy machine does not change much. */
double
ann_cpu_now(void)
{
	return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* Processor seconds that a process has had, 0 when it is gone. */
double
ann_process_cpu(int pid)
{
	char		path[64];
	double		ns = 0;
	FILE	   *in;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	in = fopen(path, "r");
	if (in != NULL)
	{
		if (fscanf(in, "%lf", &ns) != 1)
			ns = 0;
		fclose(in);
	}
	return ns / 1e9;
}

/* The command line from here on is "--name value" pairs. */
void
ann_options(int argc, char **argv)
{
	option_count = argc;
	option_words = argv;
	for (int i = 0; i < argc; i += 2)
		if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
			ann_fail("\"%s\": options are pairs of --name and value", argv[i]);
}

/* The last value given for an option; without a default it has to be given. */
const char *
ann_option(const char *name, const char *otherwise)
{
	for (int i = option_count - 2; i >= 0; i -= 2)
		if (strcmp(option_words[i] + 2, name) == 0)
			return option_words[i + 1];
	if (otherwise == NULL)
		ann_fail("--%s is missing", name);
	return otherwise;
}

long
ann_option_number(const char *name, long otherwise)
{
	const char *text = ann_option(name, "");
	char	   *end;
	long		value = strtol(text, &end, 10);

	if (*text == '\0')
		return otherwise;
	if (*end != '\0')
		ann_fail("--%s %s is not a number", name, text);
	return value;
}

/* "a,b,c" as numbers; returns how many there are. */
int
ann_option_list(const char *name, const char *otherwise, int *out, int room)
{
	const char *text = ann_option(name, otherwise);
	int			n = 0;

	while (*text != '\0')
	{
		char	   *end;

		if (n == room)
			ann_fail("--%s has more than %d values", name, room);
		out[n++] = (int) strtol(text, &end, 10);
		if (end == text || (*end != ',' && *end != '\0'))
			ann_fail("--%s: \"%s\" is not a list of numbers", name, text);
		text = *end == ',' ? end + 1 : end;
	}
	return n;
}

/* splitmix64: a good enough generator whose state may be any number. */
uint64_t
ann_random(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform in (0, 1). */
double
ann_random_unit(uint64_t *state)
{
	return ((ann_random(state) >> 11) + 0.5) * 0x1p-53;
}

/* A state that depends on both numbers: streams for (seed, row). */
uint64_t
ann_mix(uint64_t a, uint64_t b)
{
	uint64_t	state = a;

	state = ann_random(&state) ^ b;
	return ann_random(&state);
}

static int
double_compare(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return (x > y) - (x < y);
}

void
ann_sort(double *values, size_t count)
{
	qsort(values, count, sizeof(double), double_compare);
}

/* The nearest-rank percentile of sorted values. */
double
ann_percentile(const double *sorted, size_t count, double share)
{
	size_t		rank = (size_t) (share * count + 0.999999);

	if (count == 0)
		return 0;
	return sorted[rank < 1 ? 0 : rank > count ? count - 1 : rank - 1];
}

/* A progress line on standard error: in place on a terminal, else at most every ten seconds. */
void
ann_progress(const char *what, double done, double total)
{
	static double shown,
				started;
	static const char *last;
	double		now = ann_now();

	if (last == NULL || strcmp(last, what) != 0)
	{
		last = what;
		started = shown = now;
	}
	if (isatty(2))
	{
		if (now - shown < 0.2 && done < total)
			return;
		fprintf(stderr, "\r\033[K    %-28s %3.0f %%  %.0f s", what, 100 * done / total, now - started);
		if (done >= total)
			fputs("\r\033[K", stderr);
	}
	else if (now - shown >= 10 && done < total)
		fprintf(stderr, "    %-28s %3.0f %%  %.0f s\n", what, 100 * done / total, now - started);
	else
		return;
	shown = now;
}

/* Prints , "name": "value" with what JSON wants escaped. */
void
ann_json_string(const char *name, const char *value)
{
	printf(", \"%s\": \"", name);
	for (; *value; value++)
	{
		if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else if ((unsigned char) *value < ' ')
			printf("\\u%04x", *value);
		else
			putchar(*value);
	}
	putchar('"');
}
