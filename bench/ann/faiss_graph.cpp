/*-------------------------------------------------------------------------
 *
 * faiss_graph.cpp
 *	  ann_faiss.h over FAISS's C++ library, and its distance kernels.
 *
 * Debian builds libfaiss for x86-64 without SSE3 or AVX, and FAISS 1.7.3 then
 * falls back to a scalar loop for each distance, at a fraction of the speed
 * that upstream's own packages have. So the benchmark measures both: the
 * program links a copy of the library in which fvec_L2sqr and
 * fvec_inner_product are weak symbols, and has functions of those names that
 * call either the library's scalar loop or an AVX2 one.
 *
 *-------------------------------------------------------------------------
 */
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <omp.h>

#include <faiss/Index.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <faiss/utils/distances.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "ann_faiss.h"

struct FaissGraph
{
	faiss::IndexHNSW *index;
};

namespace {

bool fast_kernels = false;

template <typename Body>
auto guarded(Body body)
{
	try
	{
		return body();
	}
	catch (const std::exception &error)
	{
		std::fprintf(stderr, "bench/ann: FAISS: %s\n", error.what());
		std::exit(2);
	}
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float sum_of(__m256 a, __m256 b, __m256 c, __m256 d)
{
	__m256 sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
	__m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));

	half = _mm_add_ps(half, _mm_movehl_ps(half, half));
	half = _mm_add_ss(half, _mm_movehdup_ps(half));
	return _mm_cvtss_f32(half);
}

__attribute__((target("avx2,fma"))) float l2sqr_avx2(const float *x, const float *y, size_t d)
{
	__m256 s[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
	size_t i = 0;
	float rest = 0;

	for (; i + 32 <= d; i += 32)
		for (int j = 0; j < 4; j++)
		{
			__m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i + j * 8), _mm256_loadu_ps(y + i + j * 8));

			s[j] = _mm256_fmadd_ps(v, v, s[j]);
		}
	for (; i + 8 <= d; i += 8)
	{
		__m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i));

		s[0] = _mm256_fmadd_ps(v, v, s[0]);
	}
	for (; i < d; i++)
		rest += (x[i] - y[i]) * (x[i] - y[i]);
	return rest + sum_of(s[0], s[1], s[2], s[3]);
}

__attribute__((target("avx2,fma"))) float product_avx2(const float *x, const float *y, size_t d)
{
	__m256 s[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
	size_t i = 0;
	float rest = 0;

	for (; i + 32 <= d; i += 32)
		for (int j = 0; j < 4; j++)
			s[j] = _mm256_fmadd_ps(_mm256_loadu_ps(x + i + j * 8), _mm256_loadu_ps(y + i + j * 8), s[j]);
	for (; i + 8 <= d; i += 8)
		s[0] = _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i), s[0]);
	for (; i < d; i++)
		rest += x[i] * y[i];
	return rest + sum_of(s[0], s[1], s[2], s[3]);
}
#endif

}  // namespace

namespace faiss {

float fvec_L2sqr_ref(const float *x, const float *y, size_t d);
float fvec_inner_product_ref(const float *x, const float *y, size_t d);

float fvec_L2sqr(const float *x, const float *y, size_t d)
{
#if defined(__x86_64__)
	if (fast_kernels)
		return l2sqr_avx2(x, y, d);
#endif
	return fvec_L2sqr_ref(x, y, d);
}

float fvec_inner_product(const float *x, const float *y, size_t d)
{
#if defined(__x86_64__)
	if (fast_kernels)
		return product_avx2(x, y, d);
#endif
	return fvec_inner_product_ref(x, y, d);
}

}  // namespace faiss

extern "C" {

FaissGraph *faiss_graph_new(int dim, int m, int ef_construction)
{
	return guarded([&] {
		auto *index = new faiss::IndexHNSWFlat(dim, m, faiss::METRIC_L2);

		index->hnsw.efConstruction = ef_construction;
		return new FaissGraph{index};
	});
}

void faiss_graph_add(FaissGraph *graph, const float *rows, size_t count)
{
	guarded([&] { graph->index->add(count, rows); });
}

void faiss_graph_set_ef(FaissGraph *graph, int ef)
{
	graph->index->hnsw.efSearch = ef;
}

void faiss_graph_search(const FaissGraph *graph, const float *queries, size_t count, int k,
						float *distances, int64_t *labels)
{
	guarded([&] { graph->index->search(count, queries, k, distances, labels); });
}

size_t faiss_graph_bytes(const FaissGraph *graph)
{
	const faiss::HNSW &hnsw = graph->index->hnsw;

	return graph->index->ntotal * graph->index->d * sizeof(float) +
		   hnsw.neighbors.size() * sizeof(hnsw.neighbors[0]) +
		   hnsw.offsets.size() * sizeof(hnsw.offsets[0]) + hnsw.levels.size() * sizeof(hnsw.levels[0]);
}

void faiss_graph_save(const FaissGraph *graph, const char *path)
{
	guarded([&] { faiss::write_index(graph->index, path); });
}

FaissGraph *faiss_graph_load(const char *path)
{
	return guarded([&] { return new FaissGraph{dynamic_cast<faiss::IndexHNSW *>(faiss::read_index(path))}; });
}

void faiss_set_threads(int threads)
{
	omp_set_num_threads(threads);
}

int faiss_use_fast_kernels(int fast)
{
#if defined(__x86_64__)
	if (fast && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")))
		return 0;
	fast_kernels = fast != 0;
	return 1;
#else
	return !fast;
#endif
}

const char *faiss_version()
{
	static const std::string version = std::to_string(FAISS_VERSION_MAJOR) + "." +
									   std::to_string(FAISS_VERSION_MINOR) + "." +
									   std::to_string(FAISS_VERSION_PATCH);

	return version.c_str();
}

}  // extern "C"
