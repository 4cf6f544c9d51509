/*-------------------------------------------------------------------------
 *
 * test_base.c
 *	  Unit tests of engine/core/base.
 *
 *-------------------------------------------------------------------------
 */
#include <check.h>
#include <stdlib.h>

#include "engine/core/base/rve_base.h"

START_TEST(checked_sizes_refuse_overflow)
{
	size_t		result = 7;

	ck_assert(!rve_base_mul(SIZE_MAX, 2, &result));
	ck_assert(!rve_base_add(SIZE_MAX, 1, &result));
	ck_assert_uint_eq(result, 7);
	ck_assert(rve_base_mul(6, 7, &result));
	ck_assert_uint_eq(result, 42);
	ck_assert(rve_base_add(40, 2, &result));
	ck_assert_uint_eq(result, 42);
	ck_assert_ptr_null(rve_base_alloc_array(SIZE_MAX, 2));
}
END_TEST

START_TEST(random_is_reproducible_and_never_zero)
{
	uint64_t	a = 42,
				b = 42;

	for (int i = 0; i < 10000; i++)
	{
		double		u;

		ck_assert_uint_eq(rve_base_random_next(&a), rve_base_random_next(&b));
		u = rve_base_random_unit(&a);
		ck_assert(u > 0.0 && u <= 1.0);
		rve_base_random_next(&b);
	}
}
END_TEST

START_TEST(status_names_are_distinct)
{
	for (int i = RVE_OK; i <= RVE_CORRUPT; i++)
		for (int j = i + 1; j <= RVE_CORRUPT; j++)
			ck_assert_str_ne(rve_base_status_name(i), rve_base_status_name(j));
}
END_TEST

int
main(void)
{
	Suite	   *suite = suite_create("base");
	TCase	   *tcase = tcase_create("base");
	SRunner    *runner;
	int			failed;

	tcase_add_test(tcase, checked_sizes_refuse_overflow);
	tcase_add_test(tcase, random_is_reproducible_and_never_zero);
	tcase_add_test(tcase, status_names_are_distinct);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
