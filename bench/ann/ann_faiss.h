/*-------------------------------------------------------------------------
 *
 * ann_faiss.h
 *	  FAISS's IndexHNSWFlat for C: the part that the benchmark needs.
 *
 * FAISS's own C API has no constructor of it. A failure ends the program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ANN_FAISS_H
#define ANN_FAISS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FaissGraph FaissGraph;

/* squared L2 over the vectors as they are given; add takes all of them at once */
extern FaissGraph *faiss_graph_new(int dim, int m, int ef_construction);
extern void faiss_graph_add(FaissGraph *graph, const float *rows, size_t count);
extern void faiss_graph_set_ef(FaissGraph *graph, int ef);
extern void faiss_graph_search(const FaissGraph *graph, const float *queries, size_t count, int k,
							   float *distances, int64_t *labels);

/* bytes of vectors and graph */
extern size_t faiss_graph_bytes(const FaissGraph *graph);

extern void faiss_graph_save(const FaissGraph *graph, const char *path);
extern FaissGraph *faiss_graph_load(const char *path);

/* OpenMP threads that calls of this thread may use from now on */
extern void faiss_set_threads(int threads);

/* 1: the AVX2 kernels of faiss_graph.cpp in place of the library's; false if the machine has none */
extern int	faiss_use_fast_kernels(int fast);
extern const char *faiss_version(void);

#ifdef __cplusplus
}
#endif

#endif							/* ANN_FAISS_H */
