/*-------------------------------------------------------------------------
 *
 * fuzz_kernels.c
 *	  Every distance kernel this CPU can run against the scalar ones, on random
 *	  lengths, alignments and values.
 *
 * Integer kernels must agree exactly. Sums of floats may differ by rounding:
 * by n roundings of the sum of the terms' magnitudes, computed in double.
 *
 *-------------------------------------------------------------------------
 */
#include "engine/core/dist/rve_dist.h"
#include "tests/fuzz/fuzz.h"

static size_t
kernel_length(void)
{
	return fuzz_below(20) == 0 ? fuzz_below(3000) : fuzz_below(260);
}

static void
kernel_near(const char *what, const RveDistTable *t, size_t n, double got, double want, double mass)
{
	/* beyond a float's range either answer may be infinite */
	if (mass > FLT_MAX / 4)
		return;
	fuzz_require(fabs(got - want) <= ((double) n + 8.0) * FLT_EPSILON * mass + (double) n * FLT_MIN,
				 "%s %s n=%zu: %.9g, scalar %.9g", t->name, what, n, got, want);
}

static void
kernel_floats(const RveDistTable *t, const RveDistTable *s, bool wild)
{
	size_t		n = kernel_length();
	void	   *block_a;
	void	   *block_b;
	float	   *a = fuzz_block(n * sizeof(float), sizeof(float), &block_a);
	float	   *b = fuzz_block(n * sizeof(float), sizeof(float), &block_b);
	double		l2 = 0,
				l1 = 0,
				ip = 0,
				aa = 0,
				bb = 0;
	float		got[3],
				want[3];

	for (size_t i = 0; i < n; i++)
	{
		a[i] = fuzz_float(wild);
		b[i] = fuzz_below(8) == 0 ? a[i] : fuzz_float(wild);
		l2 += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
		l1 += fabs((double) a[i] - b[i]);
		ip += fabs((double) a[i] * b[i]);
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	kernel_near("l2sq_f32", t, n, t->l2sq_f32(a, b, n), s->l2sq_f32(a, b, n), l2);
	kernel_near("l1_f32", t, n, t->l1_f32(a, b, n), s->l1_f32(a, b, n), l1);
	kernel_near("ip_f32", t, n, t->ip_f32(a, b, n), s->ip_f32(a, b, n), ip);
	t->cos_f32(a, b, n, &got[0], &got[1], &got[2]);
	s->cos_f32(a, b, n, &want[0], &want[1], &want[2]);
	kernel_near("cos_f32 ip", t, n, got[0], want[0], ip);
	kernel_near("cos_f32 aa", t, n, got[1], want[1], aa);
	kernel_near("cos_f32 bb", t, n, got[2], want[2], bb);
	free(block_a);
	free(block_b);
}

/* Any bit pattern is a half float, NaN and infinity included, as far as conversions go. */
static void
kernel_halves(const RveDistTable *t, const RveDistTable *s)
{
	size_t		n = kernel_length();
	void	   *block[6];
	uint16_t   *a = fuzz_block(n * sizeof(uint16_t), sizeof(uint16_t), &block[0]);
	uint16_t   *b = fuzz_block(n * sizeof(uint16_t), sizeof(uint16_t), &block[1]);
	float	   *x = fuzz_block(n * sizeof(float), sizeof(float), &block[2]);
	float	   *y = fuzz_block(n * sizeof(float), sizeof(float), &block[3]);
	uint16_t   *back = fuzz_block(n * sizeof(uint16_t), sizeof(uint16_t), &block[4]);
	uint16_t   *want = fuzz_block(n * sizeof(uint16_t), sizeof(uint16_t), &block[5]);
	double		mass[3] = {0, 0, 0};

	for (size_t i = 0; i < n; i++)
		a[i] = (uint16_t) fuzz_next();
	t->f16_to_f32(a, x, n);
	s->f16_to_f32(a, y, n);
	fuzz_require(n == 0 || memcmp(x, y, n * sizeof(float)) == 0, "%s f16_to_f32 n=%zu", t->name, n);
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bits = (uint32_t) fuzz_next();

		if (fuzz_below(2) == 0)
			x[i] = fuzz_float(true);
		else
			memcpy(&x[i], &bits, sizeof(bits));
	}
	t->f32_to_f16(x, back, n);
	s->f32_to_f16(x, want, n);
	fuzz_require(n == 0 || memcmp(back, want, n * sizeof(uint16_t)) == 0, "%s f32_to_f16 n=%zu",
				 t->name, n);
	for (size_t i = 0; i < n; i++)
	{
		double		p,
					q;

		a[i] &= 0xBFFF;			/* finite */
		b[i] = (uint16_t) (fuzz_next() & 0xBFFF);
		p = rve_dist_half_to_f32(a[i]);
		q = rve_dist_half_to_f32(b[i]);
		mass[0] += (p - q) * (p - q);
		mass[1] += fabs(p - q);
		mass[2] += fabs(p * q);
	}
	kernel_near("l2sq_f16", t, n, t->l2sq_f16(a, b, n), s->l2sq_f16(a, b, n), mass[0]);
	kernel_near("l1_f16", t, n, t->l1_f16(a, b, n), s->l1_f16(a, b, n), mass[1]);
	kernel_near("ip_f16", t, n, t->ip_f16(a, b, n), s->ip_f16(a, b, n), mass[2]);
	for (int i = 0; i < 6; i++)
		free(block[i]);
}

static void
kernel_bytes(const RveDistTable *t, const RveDistTable *s)
{
	size_t		n = kernel_length();
	void	   *block_a;
	void	   *block_b;
	uint8_t    *a = fuzz_block(n, 1, &block_a);
	uint8_t    *b = fuzz_block(n, 1, &block_b);
	uint64_t	got[2],
				want[2];
	int			extreme = (int) fuzz_below(4);

	for (size_t i = 0; i < n; i++)
	{
		a[i] = extreme == 0 ? 0xFF : (uint8_t) fuzz_next();
		b[i] = extreme == 0 ? 0xFF : extreme == 1 ? 0x80 : (uint8_t) fuzz_next();
	}
	fuzz_require(t->hamming(a, b, n) == s->hamming(a, b, n), "%s hamming n=%zu", t->name, n);
	t->bits_common(a, b, n, &got[0], &got[1]);
	s->bits_common(a, b, n, &want[0], &want[1]);
	fuzz_require(got[0] == want[0] && got[1] == want[1], "%s bits_common n=%zu", t->name, n);
	free(block_a);
	free(block_b);
}

/* Kernels of codes: lengths are multiples of RVE_DIST_PAD, of 4-bit codes (n / 2 bytes) of twice that. */
static void
kernel_codes(const RveDistTable *t, const RveDistTable *s)
{
	size_t		n4 = kernel_length() / (2 * RVE_DIST_PAD) * (2 * RVE_DIST_PAD);
	size_t		n = n4 + RVE_DIST_PAD * fuzz_below(2);
	void	   *block[5];
	uint8_t    *a = fuzz_block(n, 1, &block[0]);
	uint8_t    *b = fuzz_block(n, 1, &block[1]);
	uint8_t    *a4 = fuzz_block(n4 / 2, 1, &block[2]);
	uint8_t    *b4 = fuzz_block(n4 / 2, 1, &block[3]);
	int8_t	   *q = fuzz_block(n, 1, &block[4]);
	int			extreme = (int) fuzz_below(3);

	for (size_t i = 0; i < n; i++)
	{
		a[i] = extreme == 0 ? 0xFF : (uint8_t) fuzz_next();
		b[i] = extreme == 0 ? 0xFF : (uint8_t) fuzz_next();

		/* -128 is no value of a quantised query */
		q[i] = (int8_t) (extreme == 0 ? -127 : (int) fuzz_below(255) - 127);
	}
	for (size_t i = 0; i < n4 / 2; i++)
	{
		a4[i] = extreme == 0 ? 0xFF : (uint8_t) fuzz_next();
		b4[i] = extreme == 0 ? 0xFF : (uint8_t) fuzz_next();
	}
	fuzz_require(t->dot_u8s8(a, q, n) == s->dot_u8s8(a, q, n), "%s dot_u8s8 n=%zu", t->name, n);
	fuzz_require(t->dot_u8u8(a, b, n) == s->dot_u8u8(a, b, n), "%s dot_u8u8 n=%zu", t->name, n);
	fuzz_require(t->sad_u8(a, b, n) == s->sad_u8(a, b, n), "%s sad_u8 n=%zu", t->name, n);
	fuzz_require(t->dot_u4s8(a4, q, n4) == s->dot_u4s8(a4, q, n4), "%s dot_u4s8 n=%zu", t->name, n4);
	fuzz_require(t->dot_u4u4(a4, b4, n4) == s->dot_u4u4(a4, b4, n4), "%s dot_u4u4 n=%zu", t->name, n4);
	for (int i = 0; i < 5; i++)
		free(block[i]);
}

/* A random ascending choice of count of dim indexes; any floats. */
static RveVectorView
kernel_sparse_new(int dim, int count)
{
	int32_t    *index = malloc((size_t) count * sizeof(int32_t) + (count == 0));
	float	   *x = malloc((size_t) count * sizeof(float) + (count == 0));
	int			n = 0;

	for (int i = 0; i < dim && n < count; i++)
	{
		if ((int) fuzz_below((size_t) (dim - i)) >= count - n)
			continue;
		index[n] = i;
		x[n++] = fuzz_float(false);
	}
	return (RveVectorView) {.elements = RVE_SPARSE, .dim = dim, .count = n, .x = x, .index = index};
}

static void
kernel_sparse(const RveDistTable *t, const RveDistTable *s)
{
	int			dim = 1 + (int) fuzz_below(600);
	RveVectorView a = kernel_sparse_new(dim, (int) fuzz_below((size_t) dim + 1));
	RveVectorView b = kernel_sparse_new(dim, (int) fuzz_below((size_t) dim + 1));
	size_t		n = (size_t) (a.count + b.count);

	/* values are in [-1, 1]: no sum of terms weighs more than 4 a piece */
	kernel_near("l2sq_sparse", t, n, t->l2sq_sparse(&a, &b), s->l2sq_sparse(&a, &b), 4.0 * (double) n);
	kernel_near("ip_sparse", t, n, t->ip_sparse(&a, &b), s->ip_sparse(&a, &b), (double) n);
	kernel_near("l1_sparse", t, n, t->l1_sparse(&a, &b), s->l1_sparse(&a, &b), 2.0 * (double) n);
	free((void *) a.x);
	free((void *) a.index);
	free((void *) b.x);
	free((void *) b.index);
}

static void
kernel_round(void)
{
	const RveDistTable *scalar = NULL;
	const RveDistTable *t;

	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
		if (strcmp(t->name, "scalar") == 0)
			scalar = t;
	fuzz_require(scalar != NULL, "there is no scalar table");
	for (int k = 0; (t = rve_dist_supported(k)) != NULL; k++)
	{
		kernel_floats(t, scalar, fuzz_below(3) == 0);
		kernel_halves(t, scalar);
		kernel_bytes(t, scalar);
		kernel_codes(t, scalar);
		kernel_sparse(t, scalar);
	}
}

int
main(int argc, char **argv)
{
	return fuzz_main(argc, argv, 1500, kernel_round);
}
