/*-------------------------------------------------------------------------
 *
 * ann_main.c
 *	  The benchmark's program: bench_ann <command> [--name value]...
 *
 * ann.py calls it; README.md says what each figure means. The options of a
 * command stand above its function.
 *
 *-------------------------------------------------------------------------
 */
#include "ann.h"

#include <stdio.h>
#include <string.h>

#include "ann_faiss.h"

static void
main_version(void)
{
	printf("{\"faiss\": \"%s\"}\n", faiss_version());
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		void		(*run) (void);
	}			commands[] = {
		{"generate", ann_generate}, {"columns", ann_make_columns}, {"truth", ann_make_truth},
		{"faiss", ann_faiss}, {"load", ann_load}, {"statement", ann_statement},
		{"search", ann_search}, {"insert", ann_insert}, {"version", main_version}
	};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(argv[1], commands[i].name) == 0)
		{
			ann_options(argc - 2, argv + 2);
			commands[i].run();
			return 0;
		}
	}
	ann_fail("usage: bench_ann generate|columns|truth|faiss|load|statement|search|insert|version [--name value]...");
}
