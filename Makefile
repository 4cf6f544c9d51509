# ruvector: `make help` lists the targets.
#
# Two kinds of target live here. The user's targets (demo, check, stop, ...) need nothing but a
# shell: they install what is missing and work in a private copy of PostgreSQL under build/. The
# PGXS targets (all, install, clean) are PostgreSQL's usual ones and act on $(PG_CONFIG).

EXTVERSION   := 0.1.0
COMPATVERSION := 0.8.6
PG_CONFIG    ?= pg_config
BUILD        := build

USER_TARGETS := help demo check unit fuzz check-core check-layers check-style check-symbols \
                check-sanitize start stop bench bench-ann

ifneq ($(filter $(USER_TARGETS),$(MAKECMDGOALS)),)

.PHONY: $(USER_TARGETS)

help:
	@sed -n 's/^#@ //p' $(firstword $(MAKEFILE_LIST))

#@ make demo            install what is missing, build, start a private server, load real data, query it
demo:
	@tools/private demo

#@ make check           the same set-up, then every test; ends with "N passed, N failed"
check:
	@tools/private check

#@ make start           build and start the private server only
start:
	@tools/private start

#@ make stop            stop the private server
stop:
	@tools/private stop

#@ make unit            engine/core unit tests (Check, ASan and UBSan), no server
unit:
	@tools/private unit

#@ make fuzz            the fuzz drivers of engine/core for many rounds; tools/private fuzz <rounds> <seed>
fuzz:
	@tools/private fuzz

#@ make check-core      PostgreSQL's own regression suite on ruvector_tam, compared with heap
check-core:
	@tools/private check-core

#@ make check-layers    includes go down only (tools/layers.txt)
check-layers:
	@python3 tools/check_layers.py

#@ make check-style     lengths, header comments, parameters
check-style:
	@python3 tools/check_style.py

#@ make check-symbols   the library exports nothing but what PostgreSQL calls
check-symbols:
	@tools/check_exports.sh

#@ make check-sanitize  the whole library under ASan and UBSan in a server, regression tests run on it
check-sanitize:
	@tools/private check-sanitize

#@ make bench           benchmarks (bench/README.md)
bench:
	@tools/private bench

#@ make bench-ann       vector search side by side; SCALE=full, DATA=..., SYSTEMS=..., EXTENSION=...
# DATA and EXTENSION are PGXS variables as well: the build must not see these
bench-ann:
	@env -u MAKEFLAGS -u MAKEOVERRIDES -u DATA -u EXTENSION RV_BENCH_DATA='$(DATA)' RV_BENCH_SYSTEMS='$(SYSTEMS)' \
		RV_BENCH_EXTENSION='$(EXTENSION)' RV_BENCH_SCALE='$(SCALE)' RV_BENCH_PARTS='$(PARTS)' tools/private bench ann

else # ------------------------------------------------------------------ PGXS

#@ make, make install   build, and install into $(PG_CONFIG)'s server
#@ make install-compat  the same, and the extension "vector" for applications written for pgvector
#@ make clean           remove everything that was built, the private server included

EXTENSION  = ruvector
MODULE_big = ruvector

CORE_OBJS = \
	engine/core/base/rve_base.o \
	engine/core/dist/dist_avx2.o \
	engine/core/dist/dist_avx512.o \
	engine/core/dist/dist_exact.o \
	engine/core/dist/dist_neon.o \
	engine/core/dist/dist_pick.o \
	engine/core/dist/dist_scalar.o \
	engine/core/dist/dist_sparse.o \
	engine/core/dist/dist_sparse_avx512.o \
	engine/core/dist/dist_vpopcnt.o \
	engine/core/hnsw/hnsw_filtered.o \
	engine/core/hnsw/hnsw_heap.o \
	engine/core/hnsw/hnsw_mem.o \
	engine/core/hnsw/hnsw_mem_add.o \
	engine/core/hnsw/hnsw_mem_merge.o \
	engine/core/hnsw/hnsw_mem_search.o \
	engine/core/hnsw/hnsw_mem_tree.o \
	engine/core/hnsw/hnsw_search.o \
	engine/core/hnsw/hnsw_select.o \
	engine/core/ivf/ivf_code.o \
	engine/core/ivf/ivf_fastscan.o \
	engine/core/ivf/ivf_fastscan_avx2.o \
	engine/core/ivf/ivf_fastscan_avx512.o \
	engine/core/ivf/ivf_fastscan_neon.o \
	engine/core/ivf/ivf_kmeans.o \
	engine/core/quant/quant_bits.o \
	engine/core/quant/quant_codec.o \
	engine/core/quant/quant_l1.o \
	engine/core/quant/quant_rabitq.o \
	engine/core/quant/quant_residual.o \
	engine/core/quant/quant_rotate.o \
	engine/core/quant/quant_sparse.o \
	engine/core/quant/quant_step.o

RUNTIME_OBJS = \
	engine/runtime/rv_engine_glue.o \
	engine/runtime/rv_guc.o \
	engine/runtime/rv_info.o

TYPES_OBJS = \
	engine/types/bitvec.o \
	engine/types/casts.o \
	engine/types/densevec.o \
	engine/types/halfvec.o \
	engine/types/sparsevec.o \
	engine/types/typedesc.o \
	engine/types/vector.o

CATALOG_OBJS = \
	catalog/cat_graph.o \
	catalog/cat_install.o

GRAPH_OBJS = \
	engine/graph/gr_check.o \
	engine/graph/gr_ddl.o \
	engine/graph/gr_dict.o \
	engine/graph/gr_expand_btree.o \
	engine/graph/gr_json.o \
	engine/graph/gr_layout.o \
	engine/graph/gr_open.o \
	engine/graph/gr_props.o \
	engine/graph/gr_rows.o \
	engine/graph/gr_sql.o \
	engine/graph/gr_stats.o \
	engine/graph/gr_write.o

INDEXAM_OBJS = \
	indexam/advice.o \
	indexam/advice_class.o \
	indexam/advice_find.o \
	indexam/advice_plan.o \
	indexam/advice_rules.o \
	indexam/am_cache.o \
	indexam/am_common.o \
	indexam/am_inspect.o \
	indexam/am_page.o \
	indexam/am_validate.o \
	indexam/hnsw.o \
	indexam/hnsw_build.o \
	indexam/hnsw_build_cells.o \
	indexam/hnsw_build_merge.o \
	indexam/hnsw_build_parallel.o \
	indexam/hnsw_build_parts.o \
	indexam/hnsw_build_pivots.o \
	indexam/hnsw_check.o \
	indexam/hnsw_cost.o \
	indexam/hnsw_filter.o \
	indexam/hnsw_filter_page.o \
	indexam/hnsw_geometry.o \
	indexam/hnsw_graph_page.o \
	indexam/hnsw_insert.o \
	indexam/hnsw_inspect.o \
	indexam/hnsw_link.o \
	indexam/hnsw_page.o \
	indexam/hnsw_params.o \
	indexam/hnsw_path.o \
	indexam/hnsw_peek_page.o \
	indexam/hnsw_reconnect.o \
	indexam/hnsw_row.o \
	indexam/hnsw_scan.o \
	indexam/hnsw_scan_filter.o \
	indexam/hnsw_scan_search.o \
	indexam/hnsw_vacuum.o \
	indexam/hnsw_vacuum_page.o \
	indexam/hnsw_write_page.o \
	indexam/ivf.o \
	indexam/ivf_batch.o \
	indexam/ivf_build.o \
	indexam/ivf_check.o \
	indexam/ivf_cost.o \
	indexam/ivf_directory.o \
	indexam/ivf_inspect.o \
	indexam/ivf_insert.o \
	indexam/ivf_maintain.o \
	indexam/ivf_meta_page.o \
	indexam/ivf_page.o \
	indexam/ivf_pool.o \
	indexam/ivf_row.o \
	indexam/ivf_sample.o \
	indexam/ivf_scan.o \
	indexam/ivf_space.o \
	indexam/ivf_vacuum.o \
	indexam/ivf_write_page.o \
	indexam/search_batch.o \
	indexam/search_parallel.o \
	indexam/search_scan.o

TABLEAM_OBJS = \
	tableam/tam_build.o \
	tableam/tam_check.o \
	tableam/tam_fetch.o \
	tableam/tam_handler.o \
	tableam/tam_insert.o

FDW_OBJS = \
	fdw/fdw_cond.o \
	fdw/fdw_explain.o \
	fdw/fdw_handler.o \
	fdw/fdw_option.o \
	fdw/fdw_plan.o \
	fdw/fdw_scan.o \
	fdw/fdw_shippable.o \
	fdw/fdw_stats.o

CYPHER_OBJS = \
	cypher/cy_gram.o \
	cypher/cy_scan.o \
	cypher/cy_lex.o \
	cypher/cy_build.o \
	cypher/cy_ast.o \
	cypher/cy_error.o \
	cypher/cy_parse.o \
	cypher/cy_semantic.o \
	cypher/cy_sem_expr.o \
	cypher/cy_sem_pattern.o \
	cypher/cy_sem_proj.o \
	cypher/cy_value.o \
	cypher/cy_order.o \
	cypher/cy_number.o \
	cypher/cy_expr.o \
	cypher/cy_fn.o \
	cypher/cy_fn_graph.o \
	cypher/cy_fn_list.o \
	cypher/cy_fn_number.o \
	cypher/cy_fn_string.o \
	cypher/cy_plan.o \
	cypher/cy_plan_match.o \
	cypher/cy_explain.o \
	cypher/cy_exec.o \
	cypher/cy_exec_match.o \
	cypher/cy_exec_row.o \
	cypher/cy_exec_sort.o \
	cypher/cy_exec_agg.o \
	cypher/cy_exec_write.o \
	cypher/cy_sql.o

# GLUE_OBJS see postgres.h; CORE_OBJS never do and make up librvcore.a
GLUE_OBJS = ruvector.o $(RUNTIME_OBJS) $(TYPES_OBJS) $(CATALOG_OBJS) $(GRAPH_OBJS) \
	$(INDEXAM_OBJS) $(TABLEAM_OBJS) $(FDW_OBJS) $(CYPHER_OBJS)
OBJS      = $(GLUE_OBJS)
CORE_LIB  = engine/core/librvcore.a

SQL_PARTS  = $(sort $(wildcard sql/[0-8]*.sql))
DATA_built = ruvector--$(EXTVERSION).sql

PG_CPPFLAGS = -I$(CURDIR) -MMD -MP '-DPGDLLEXPORT=__attribute__((visibility("default")))' \
	-DRV_VERSION=\"$(EXTVERSION)\"
PG_CFLAGS   = -fvisibility=hidden -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers $(RV_CFLAGS)
# -Bsymbolic: PostgreSQL loads libraries RTLD_GLOBAL, and pgvector's has functions of the same names
SHLIB_LINK  = $(CORE_LIB) -lm -Wl,-Bsymbolic $(RV_LDFLAGS)

EXTRA_CLEAN = $(BUILD) vector--$(COMPATVERSION).sql $(CORE_OBJS) $(CORE_LIB) cypher/cy_gram.c \
	cypher/cy_gram.h cypher/cy_scan.c \
	$(wildcard *.d */*.d */*/*.d */*/*/*.d)

# no LLVM bitcode: nothing here profits from inlining into JIT code, and it doubles the build
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)

# loops over all words of a page
indexam/hnsw_filter_page.o: CFLAGS += -O3

# engine/core is strict C11 without PostgreSQL's headers or its -fwrapv dialect
CORE_CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror \
	-Wno-unused-parameter -I$(CURDIR) -MMD -MP $(RV_CFLAGS)
# the kernels, and only they, may reassociate floating-point sums (house.md section 3)
engine/core/dist/%.o: CORE_CFLAGS += -O3 -fassociative-math -fno-signed-zeros -fno-trapping-math \
	-fno-math-errno
# loops over whole vectors, vectorised without reassociation: codes are the same on every machine
engine/core/quant/%.o: CORE_CFLAGS += -O3
engine/core/ivf/%.o: CORE_CFLAGS += -O3
engine/core/ivf/ivf_fastscan_avx2.o: CORE_CFLAGS += $(if $(IS_X86),-mavx2)
engine/core/ivf/ivf_fastscan_avx512.o: CORE_CFLAGS += $(if $(IS_X86),-mavx512f -mavx512bw)
engine/core/dist/dist_avx2.o: CORE_CFLAGS += $(if $(IS_X86),-mavx2 -mfma -mf16c)
engine/core/dist/dist_avx512.o: CORE_CFLAGS += $(if $(IS_X86),-mavx512f -mavx512bw -mavx512vl \
	-mavx512dq -mavx512vnni -mfma)
engine/core/dist/dist_sparse_avx512.o: CORE_CFLAGS += $(if $(IS_X86),-mavx512f)
engine/core/dist/dist_vpopcnt.o: CORE_CFLAGS += $(if $(IS_X86),-mavx512f -mavx512bw -mavx512vpopcntdq)
IS_X86 := $(filter x86_64,$(shell uname -m))

$(CORE_OBJS): %.o: %.c
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

$(CORE_LIB): $(CORE_OBJS)
	rm -f $@
	$(AR) crs $@ $^

$(shlib): $(CORE_LIB)

# the generated parser: not under -Wextra's stylistic warnings, which flex and bison output trips
cypher/cy_gram.c: cypher/cy_gram.y
	bison -d -Wno-deprecated -Werror=conflicts-sr -Werror=conflicts-rr -o $@ $<
cypher/cy_gram.h: cypher/cy_gram.c ;
cypher/cy_scan.c: cypher/cy_scan.l cypher/cy_gram.h
	flex -CF -p -p -o $@ $<
cypher/cy_gram.o cypher/cy_scan.o: CFLAGS += -Wno-unused-function -Wno-declaration-after-statement \
	-Wno-implicit-fallthrough -Wno-missing-prototypes
$(CYPHER_OBJS): $(if $(CYPHER_OBJS),cypher/cy_gram.h)

ruvector--$(EXTVERSION).sql: $(SQL_PARTS) tools/make_sql
	tools/make_sql ruvector $(SQL_PARTS) >$@ || { rm -f $@; exit 1; }

vector--$(COMPATVERSION).sql: $(SQL_PARTS) tools/make_sql
	tools/make_sql vector $(SQL_PARTS) >$@ || { rm -f $@; exit 1; }

# never over pgvector's own files: that installation would be left with a library of neither
COMPATDIR = $(DESTDIR)$(datadir)/$(datamoduledir)
.PHONY: install-compat
install-compat: install vector--$(COMPATVERSION).sql
	@if [ -f '$(COMPATDIR)/vector.control' ] && ! grep -q ruvector '$(COMPATDIR)/vector.control'; then \
		echo "$(COMPATDIR)/vector.control is pgvector's: remove that package first" >&2; exit 1; fi
	$(INSTALL_DATA) vector.control vector--$(COMPATVERSION).sql '$(COMPATDIR)/'

clean: stop-private
.PHONY: stop-private
stop-private:
	@tools/private stop >/dev/null 2>&1 || true

-include $(CORE_OBJS:.o=.d) $(GLUE_OBJS:.o=.d)

else
all install installcheck:
	@echo "PostgreSQL's build system was not found by '$(PG_CONFIG) --pgxs'." >&2
	@echo "Install postgresql-server-dev-15, or run 'make demo', which does it for you." >&2
	@exit 1
clean:
	@tools/private stop >/dev/null 2>&1 || true
	rm -rf $(BUILD)
endif

endif
