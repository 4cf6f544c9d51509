/*-------------------------------------------------------------------------
 *
 * faiss_flat_c.cpp
 *	  The part of FAISS's C API that the oracle calls, over the C++ library.
 *
 * Debian's libfaiss-dev has the headers of the C API, but no library with its
 * functions. These have the signatures and the behaviour that the headers
 * state: 0 on success, a negative FaissErrorCode otherwise, and the message
 * of the last failure of the thread from faiss_get_last_error. Linked only
 * where no libfaiss_c is found.
 *
 *-------------------------------------------------------------------------
 */
#include <exception>
#include <stdexcept>
#include <string>

#include <faiss/IndexFlat.h>
#include <faiss/impl/FaissException.h>

#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>

namespace {

thread_local std::string last_error;

/* Runs body; its exception, if any, becomes the C API's code and message. */
template <typename Body>
int guarded(Body body)
{
	try
	{
		body();
		return OK;
	}
	catch (const faiss::FaissException &error)
	{
		last_error = error.what();
		return FAISS_EXCEPT;
	}
	catch (const std::exception &error)
	{
		last_error = error.what();
		return STD_EXCEPT;
	}
	catch (...)
	{
		last_error = "unknown error";
		return UNKNOWN_EXCEPT;
	}
}

faiss::Index *unwrap(FaissIndex *index)
{
	return reinterpret_cast<faiss::Index *>(index);
}

const faiss::Index *unwrap(const FaissIndex *index)
{
	return reinterpret_cast<const faiss::Index *>(index);
}

}  // namespace

extern "C" {

int faiss_IndexFlat_new_with(FaissIndexFlat **p_index, idx_t d, FaissMetricType metric)
{
	return guarded([&] {
		*p_index = reinterpret_cast<FaissIndexFlat *>(
			new faiss::IndexFlat(d, static_cast<faiss::MetricType>(metric)));
	});
}

void faiss_IndexFlat_free(FaissIndexFlat *index)
{
	delete reinterpret_cast<faiss::IndexFlat *>(index);
}

void faiss_Index_free(FaissIndex *index)
{
	delete unwrap(index);
}

int faiss_Index_add(FaissIndex *index, idx_t n, const float *x)
{
	return guarded([&] { unwrap(index)->add(n, x); });
}

int faiss_Index_search(const FaissIndex *index, idx_t n, const float *x, idx_t k, float *distances,
					   idx_t *labels)
{
	return guarded([&] { unwrap(index)->search(n, x, k, distances, labels); });
}

idx_t faiss_Index_ntotal(const FaissIndex *index)
{
	return unwrap(index)->ntotal;
}

int faiss_Index_d(const FaissIndex *index)
{
	return static_cast<int>(unwrap(index)->d);
}

const char *faiss_get_last_error()
{
	return last_error.empty() ? nullptr : last_error.c_str();
}

}  // extern "C"
