/*-------------------------------------------------------------------------
 *
 * ann_generate.c
 *	  The generated vectors, and the columns that filters and deletes go by.
 *
 * README.md states the distribution. Every row has a random stream of its own
 * that depends on the seed and the row's number only, so the first rows of a
 * larger set are those of a smaller one; queries have streams apart from the
 * rows'.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GEN_CLUSTERS 2000
#define GEN_LATENT 96
#define GEN_DECAY 0.5			/* standard deviation of latent coordinate j: (j + 1)^-GEN_DECAY */
#define GEN_SPREAD 0.7			/* within a cluster, in units of the spread of the centres */

enum
{
	GEN_STREAM_ROTATION = 1,
	GEN_STREAM_CENTRES,
	GEN_STREAM_ROWS,
	GEN_STREAM_QUERIES,
	GEN_STREAM_COLUMNS
};

typedef struct Generator
{
	uint64_t	seed;
	int			dim;
	double		scale[GEN_LATENT];
	double		cumulative[GEN_CLUSTERS];
	double	   *centres;		/* GEN_CLUSTERS * GEN_LATENT */
	float	   *rotation;		/* GEN_LATENT * dim, rows orthonormal */
} Generator;

/* Fills out with standard normal numbers (Box-Muller); count is even. */
static void
gen_normals(uint64_t *state, double *out, int count)
{
	for (int i = 0; i < count; i += 2)
	{
		double		radius = sqrt(-2 * log(ann_random_unit(state)));
		double		angle = 2 * M_PI * ann_random_unit(state);

		out[i] = radius * cos(angle);
		out[i + 1] = radius * sin(angle);
	}
}

/* GEN_LATENT orthonormal rows of dim numbers: Gram-Schmidt over normal numbers. */
static void
gen_make_rotation(Generator *generator)
{
	int			dim = generator->dim;
	double	   *basis = ann_alloc((size_t) GEN_LATENT * (dim + 1), sizeof(double));
	uint64_t	state = ann_mix(generator->seed, GEN_STREAM_ROTATION);

	generator->rotation = ann_alloc((size_t) GEN_LATENT * dim, sizeof(float));
	for (int j = 0; j < GEN_LATENT; j++)
	{
		double	   *row = basis + (size_t) j * dim;
		double		norm = 0;

		gen_normals(&state, row, dim + (dim & 1));
		/* twice, since once loses orthogonality to rounding */
		for (int p = 0; p < 2 * j; p++)
		{
			const double *other = basis + (size_t) (p % j) * dim;
			double		dot = 0;

			for (int d = 0; d < dim; d++)
				dot += row[d] * other[d];
			for (int d = 0; d < dim; d++)
				row[d] -= dot * other[d];
		}
		for (int d = 0; d < dim; d++)
			norm += row[d] * row[d];
		for (int d = 0; d < dim; d++)
		{
			row[d] /= sqrt(norm);
			generator->rotation[(size_t) j * dim + d] = (float) row[d];
		}
	}
	free(basis);
}

static Generator
gen_make(int dim, uint64_t seed)
{
	Generator	generator = {.seed = seed, .dim = dim};
	uint64_t	state = ann_mix(seed, GEN_STREAM_CENTRES);
	double		sum = 0;

	if (dim < GEN_LATENT)
		ann_fail("at least %d dimensions", GEN_LATENT);
	for (int j = 0; j < GEN_LATENT; j++)
		generator.scale[j] = pow(j + 1, -GEN_DECAY);
	generator.centres = ann_alloc((size_t) GEN_CLUSTERS * GEN_LATENT, sizeof(double));
	for (int c = 0; c < GEN_CLUSTERS; c++)
	{
		double	   *centre = generator.centres + (size_t) c * GEN_LATENT;

		gen_normals(&state, centre, GEN_LATENT);
		for (int j = 0; j < GEN_LATENT; j++)
			centre[j] *= generator.scale[j];
		sum += 1.0 / (c + 1);
		generator.cumulative[c] = sum;
	}
	for (int c = 0; c < GEN_CLUSTERS; c++)
		generator.cumulative[c] /= sum;
	gen_make_rotation(&generator);
	return generator;
}

/* One vector of the mixture. */
static void
gen_row(const Generator *generator, uint64_t stream, uint64_t number, float *out)
{
	uint64_t	state = ann_mix(ann_mix(generator->seed, stream), number);
	double		u = ann_random_unit(&state),
				latent[GEN_LATENT],
				norm = 0;
	int			low = 0,
				high = GEN_CLUSTERS - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (generator->cumulative[middle] < u)
			low = middle + 1;
		else
			high = middle;
	}
	gen_normals(&state, latent, GEN_LATENT);
	memset(out, 0, sizeof(float) * generator->dim);
	for (int j = 0; j < GEN_LATENT; j++)
	{
		latent[j] = generator->centres[(size_t) low * GEN_LATENT + j] +
			GEN_SPREAD * generator->scale[j] * latent[j];
		norm += latent[j] * latent[j];
	}
	norm = sqrt(norm);
	for (int j = 0; j < GEN_LATENT; j++)
	{
		const float *axis = generator->rotation + (size_t) j * generator->dim;
		float		weight = (float) (latent[j] / norm);

		for (int d = 0; d < generator->dim; d++)
			out[d] += weight * axis[d];
	}
}

static void
gen_write(const Generator *generator, uint64_t stream, const char *path, uint32_t rows)
{
	struct
	{
		char		magic[8];
		uint32_t	rows,
					dim;
	}			head = {"rvann1", rows, (uint32_t) generator->dim};
	float	   *row = ann_alloc(generator->dim, sizeof(float));
	char		name[4096];
	FILE	   *out;

	snprintf(name, sizeof(name), "%s.part", path);
	out = fopen(name, "wb");
	if (out == NULL || fwrite(&head, sizeof(head), 1, out) != 1)
		ann_fail("cannot write %s", name);
	for (uint32_t i = 0; i < rows; i++)
	{
		gen_row(generator, stream, i, row);
		if (fwrite(row, sizeof(float), generator->dim, out) != (size_t) generator->dim)
			ann_fail("cannot write %s", name);
		if (i % 1024 == 0 || i + 1 == rows)
			ann_progress("generating vectors", i + 1, rows);
	}
	if (fclose(out) != 0 || rename(name, path) != 0)
		ann_fail("cannot write %s", path);
	free(row);
}

/* generate --dim --rows --queries --seed --base --query */
void
ann_generate(void)
{
	Generator	generator = gen_make((int) ann_option_number("dim", 768), ann_option_number("seed", 1));

	gen_write(&generator, GEN_STREAM_QUERIES, ann_option("query", NULL),
			  (uint32_t) ann_option_number("queries", 1000));
	gen_write(&generator, GEN_STREAM_ROWS, ann_option("base", NULL),
			  (uint32_t) ann_option_number("rows", 20000));
}

/* ---------------------------------------------------------------- columns */

typedef struct ColumnPlace
{
	double		at;
	uint32_t	row;
} ColumnPlace;

static int
column_compare(const void *a, const void *b)
{
	const ColumnPlace *x = a,
			   *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The rows in the order of their place between two of them, drawn by the seed. */
static ColumnPlace *
column_places(const AnnSet *base, uint64_t seed)
{
	ColumnPlace *places = ann_alloc(base->count, sizeof(ColumnPlace));
	const float *from = base->rows + ann_mix(seed, 1) % base->count * base->dim;
	const float *to = base->rows + ann_mix(seed, 2) % base->count * base->dim;

	for (size_t i = 0; i < base->count; i++)
	{
		const float *row = base->rows + i * base->dim;

		places[i].row = (uint32_t) i;
		for (int d = 0; d < base->dim; d++)
			places[i].at += (double) row[d] * ((double) to[d] - from[d]);
	}
	qsort(places, base->count, sizeof(ColumnPlace), column_compare);
	return places;
}

/*
 * columns --base --rows --query --seed --out --query-out
 *
 * r10 and r100 hold 0 .. 9 and 0 .. 99 at random; c10 and c100 the tenth and the
 * hundredth of the rows' order along a direction of the data; gone is 1 for
 * every tenth row (id % 10 = 3). A query's values are random, whatever its place.
 */
void
ann_make_columns(void)
{
	AnnSet		base = ann_open_set(ann_option("base", NULL), ann_option_number("rows", 0));
	AnnSet		queries = ann_open_set(ann_option("query", NULL), 0);
	uint64_t	seed = ann_mix(ann_option_number("seed", 1), GEN_STREAM_COLUMNS);
	ColumnPlace *places = column_places(&base, seed);
	int32_t    *values = ann_alloc(base.count * 5, sizeof(int32_t));
	int32_t    *wanted = ann_alloc(queries.count * 5, sizeof(int32_t));

	for (size_t i = 0; i < base.count; i++)
	{
		uint64_t	state = ann_mix(seed, 16 + i);

		values[i] = (int32_t) (ann_random(&state) % 10);
		values[base.count + i] = (int32_t) (ann_random(&state) % 100);
		values[base.count * 2 + places[i].row] = (int32_t) (i * 10 / base.count);
		values[base.count * 3 + places[i].row] = (int32_t) (i * 100 / base.count);
		values[base.count * 4 + i] = i % 10 == 3;
	}
	for (size_t i = 0; i < queries.count; i++)
	{
		uint64_t	state = ann_mix(seed, UINT64_C(1) << 40 | i);

		for (int c = 0; c < 4; c++)
			wanted[queries.count * c + i] = (int32_t) (ann_random(&state) % (c % 2 ? 100 : 10));
	}
	ann_write_columns(ann_option("out", NULL),
					  &(AnnColumns) {base.count, 5, values});
	ann_write_columns(ann_option("query-out", NULL),
					  &(AnnColumns) {queries.count, 5, wanted});
}
